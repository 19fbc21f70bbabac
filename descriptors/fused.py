"""Several descriptors side by side."""

from collections.abc import Sequence

import xarray as xr

from .base import Descriptor, as_image_list
from .errors import OptionError
from .images import ImageLike
from .settings import check_float
from .tree import tree_layers


class Fused(Descriptor):
    """The features of several descriptors, joined: `Fused(StableDiffusion(), DINOv2())`.

    Each part's features have unit length before they are weighed ("A Tale of Two Features",
    section 3.3), so that a cosine of the joined map is the weighted mean of the parts' cosines,
    weighted by the squares of the weights.

    Parameters
    ----------
    *parts:
        Two or more descriptors; any will do.
    weights:
        One number per part; equal by default.

    Raises
    ------
    OptionError
        Fewer than two parts, something that is no descriptor, or weights that don't fit.
    """

    def __init__(self, *parts: Descriptor, weights: Sequence[float] | None = None) -> None:
        if len(parts) < 2:
            raise OptionError(f"Fused takes two or more descriptors, not {len(parts)}")
        for part in parts:
            if not isinstance(part, Descriptor):
                raise OptionError(f"Fused takes descriptors, not a {type(part).__name__}")
        self.parts = parts
        if weights is None:
            weights = [1 / len(parts)] * len(parts)
        if isinstance(weights, (str, bytes)) or len(weights) != len(parts):
            raise OptionError(
                f"weights must be {len(parts)} numbers, one per part, not {weights!r}"
            )
        self.weights = tuple(check_float("weights", weight, minimum=0) for weight in weights)
        if not any(self.weights):
            raise OptionError("every weight is 0", hint="give at least one part a weight above 0")

    def __repr__(self) -> str:
        return f"Fused({', '.join(map(repr, self.parts))}, weights={self.weights!r})"

    def extract(self, images: Sequence[ImageLike]) -> list[xr.DataTree]:
        """Feature trees with the layers of every part; see `Descriptor.extract`.

        A source that an earlier part has is numbered: `sift`, `sift_2`.
        """
        listed = as_image_list(images)
        extracted = [part.extract(listed) for part in self.parts]
        return [self._join(trees) for trees in zip(*extracted, strict=True)]

    def _join(self, trees: Sequence[xr.DataTree]) -> xr.DataTree:
        nodes = {"/": trees[0].to_dataset().assign_attrs(descriptor=repr(self))}
        taken: set[str] = set()
        for tree, weight in zip(trees, self.weights, strict=True):
            names = {source: _free_name(source, taken) for source in tree.children}
            taken |= set(names.values())
            for node in tree_layers(tree).values():
                source, layer = names[node.attrs["source"]], node.attrs["layer"]
                share = weight * float(node.attrs["weight"])
                nodes[f"/{source}/{layer}"] = node.assign_attrs(source=source, weight=share)
        return xr.DataTree.from_dict(nodes)


def _free_name(source: str, taken: set[str]) -> str:
    """The source's name, numbered from 2 if another part has it."""
    name, number = source, 1
    while name in taken:
        number += 1
        name = f"{source}_{number}"
    return name
