"""Several descriptors side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import xarray as xr

from ..base import Descriptor, as_image_list
from ..errors import InvalidFeaturesError, OptionError
from ..features.tree import check_tree, tree_layers
from ..image.reading import ImageLike
from ..settings import check_float

_IMAGE = ("image_sha256", "image_height", "image_width")


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
        if not isinstance(weights, Sequence) or len(weights) != len(parts):
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

        A source that an earlier part has is numbered: `sift`, `sift_2`. Raises
        `InvalidFeaturesError` where the parts don't give one valid tree of each image.
        """
        listed = as_image_list(images)
        extracted = [list(part.extract(listed) or ()) for part in self.parts]
        for part, trees in zip(self.parts, extracted, strict=True):
            if len(trees) != len(listed):
                raise InvalidFeaturesError(
                    f"{part!r} gave {len(trees)} feature trees for {len(listed)} images"
                )
        return [self._join(trees) for trees in zip(*extracted, strict=True)]

    @property
    def recipe(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What each layer of its feature trees will say of itself; see `Descriptor.recipe`."""
        recipes = [part.recipe for part in self.parts]
        known = [recipe for recipe in recipes if recipe is not None]
        if len(known) < len(recipes):
            return None
        return {
            f"{attributes['source']}/{attributes['layer']}": attributes
            for _, _, attributes in self._placed(known)
        }

    def _join(self, trees: Sequence[xr.DataTree]) -> xr.DataTree:
        for made_by, tree in zip(self.parts, trees, strict=True):
            check_tree(tree, f"the feature tree of {made_by!r}")
            if any(tree.attrs[key] != trees[0].attrs[key] for key in _IMAGE):
                raise InvalidFeaturesError(
                    f"the features of {trees[0].attrs['image_name']} by {self.parts[0]!r} and by "
                    f"{made_by!r} are of different images",
                    hint="a tree must be labelled with its image, which must not change meanwhile",
                )
        layers = [tree_layers(tree) for tree in trees]
        nodes = {"/": trees[0].to_dataset().assign_attrs(descriptor=repr(self))}
        said = [{path: layer.attrs for path, layer in part.items()} for part in layers]
        for part, path, attributes in self._placed(said):
            place = f"/{attributes['source']}/{attributes['layer']}"
            nodes[place] = layers[part][path].assign_attrs(attributes)
        return xr.DataTree.from_dict(nodes)

    def _placed(
        self, parts: Sequence[Mapping[str, Mapping[str, Any]]]
    ) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """For each layer its part, its path there, and what it says of itself in the fusion."""
        taken: set[str] = set()
        for index, (layers, weight) in enumerate(zip(parts, self.weights, strict=True)):
            names: dict[str, str] = {}
            for path, attributes in layers.items():
                source = attributes["source"]
                if source not in names:
                    names[source] = _free_name(source, taken)
                    taken.add(names[source])
                share = weight * float(attributes["weight"])
                yield index, path, {**attributes, "source": names[source], "weight": share}


def _free_name(source: str, taken: set[str]) -> str:
    """The source's name, numbered from 2 if another part has it."""
    name, number = source, 1
    while name in taken:
        number += 1
        name = f"{source}_{number}"
    return name
