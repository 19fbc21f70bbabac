"""What a backbone says of one of its grids of features."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from .errors import OptionError
from .settings import check_choice, check_int

Resampling = Literal["cascade", "direct"]


@dataclass(frozen=True)
class Layer:
    """One grid of features that a backbone gives.

    Args:
        name: The layer's name, as in the papers.
        stride: Distance between neighbouring cells, in canvas pixels.
        patch: Side of the square of canvas pixels that a cell stands for; the stride by default.
            Cell k is centred at k * stride + (patch - 1) / 2.
        components: To how many principal components `combine` reduces the layer; None for as it is.
        resampling: How `combine` brings the layer to the finest grid of its source: `cascade`,
            through each finer grid between them, as in "A Tale of Two Features"; `direct`, in one
            step, as in GeoAware-SC.
    """

    name: str
    stride: int
    patch: int | None = field(default=None, kw_only=True)
    components: int | None = field(default=None, kw_only=True)
    resampling: Resampling = field(default="cascade", kw_only=True)

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise OptionError(f"a layer's name is a word without '/', not {self.name!r}")
        check_int("stride", self.stride, minimum=1)
        if self.patch is not None:
            check_int("patch", self.patch, minimum=1)
        if self.components is not None:
            check_int("components", self.components, minimum=1)
        check_choice("resampling", self.resampling, get_args(Resampling))

    @property
    def footprint(self) -> int:
        """Side of the square that a cell stands for, in canvas pixels."""
        return self.stride if self.patch is None else self.patch

    def count(self, length: int) -> int:
        """How many cells a canvas side of this length holds."""
        return (length - self.footprint) // self.stride + 1
