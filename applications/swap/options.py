"""The settings of a swap, checked where they are given."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...descriptors.errors import OptionError
from ...descriptors.settings import check_choice, check_float
from ...matchers import Matcher
from ..flow.resolution import Resolution, check_resolution
from .blending import BLENDS, Blend

if TYPE_CHECKING:
    from .refinement import Refinement


@dataclass(frozen=True, kw_only=True)
class SwapOptions:
    """What `swap_instances` takes beside the images; raises `OptionError` for what is no value."""

    matcher: Matcher | None = None
    cells: Resolution | None = None
    max_consistency: float | None = None
    min_score: float | None = None
    smoothness: float = 2.0
    blend: Blend = "feather"
    blend_width: float | None = None
    refine: "Refinement | None" = None

    def __post_init__(self) -> None:
        if self.cells is not None:
            check_resolution("cells", self.cells)
        if self.max_consistency is not None:
            check_float("max_consistency", self.max_consistency, minimum=0)
        if self.min_score is not None:
            check_float("min_score", self.min_score, minimum=-1, maximum=1)
        check_float("smoothness", self.smoothness, minimum=0, maximum=100)
        check_choice("blend", self.blend, BLENDS)
        if self.blend_width is not None:
            check_float("blend_width", self.blend_width, minimum=0)
            if self.blend == "none":
                raise OptionError(
                    "blend_width has nothing to do: blend is 'none'",
                    hint="leave it out, or blend by feather or poisson",
                )
