"""Several descriptors side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, tee
from typing import Any

from ..base import Descriptor, StreamingDescriptor
from ..errors import DescrError, InvalidFeaturesError, OptionError
from ..features.tensors import Features, LayerFeatures
from ..image.reading import Image, ImageLike, read_image
from ..image.stream import read_ahead
from ..settings import check_float

_AHEAD = 4  # images that are decoded before they are asked for
_IMAGE = ("image_sha256", "image_height", "image_width")


class Fused(StreamingDescriptor):
    """The features of several descriptors, joined: `Fused(StableDiffusion(), DINOv2())`.

    Each part's features have unit length before they are weighed ("A Tale of Two Features",
    section 3.3), so that a cosine of the joined map is the mean of the parts' cosines, weighted by
    the squares of the weights. A source that an earlier part has is numbered: `sift`, `sift_2`.

    Args:
        *parts: Two or more descriptors; any will do.
        weights: One number per part; equal by default.

    Raises:
        OptionError: Parts are too few or no descriptors, or weights don't fit them.
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

    def _stream(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        """The features of each image by all parts, to which it is decoded once.

        In its place is an `InvalidFeaturesError` where a part gives no valid tree of it.
        """
        # The parts take from one stream in turn, in one thread, which is all that `tee` asks for.
        decoded = tee(read_ahead(images, read_image, ahead=_AHEAD), len(self.parts) + 1)
        streams = [
            part.attempts(one for one in images if isinstance(one, Image))
            for part, images in zip(self.parts, decoded, strict=False)
        ]
        for image in decoded[-1]:
            if isinstance(image, DescrError):
                yield image
                continue
            parts = [next(stream) for stream in streams]
            errors = (part for part in parts if isinstance(part, DescrError))
            features = [part for part in parts if isinstance(part, Features)]
            yield next(errors, None) or self._join(features)

    @property
    def recipe(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What each layer of its feature trees will say of itself; see `Descriptor.recipe`."""
        recipes = [recipe for part in self.parts if (recipe := part.recipe) is not None]
        if len(recipes) < len(self.parts):
            return None
        attributes = [own for _, _, own in self._placed(recipes)]
        return {f"{own['source']}/{own['layer']}": own for own in attributes}

    def _join(self, parts: Sequence[Features]) -> Features | DescrError:
        for descriptor, part in zip(self.parts, parts, strict=True):
            if any(part.image[key] != parts[0].image[key] for key in _IMAGE):
                return InvalidFeaturesError(
                    f"the features of {parts[0].image['image_name']} by {self.parts[0]!r} and by "
                    f"{descriptor!r} are of different images",
                    hint="a tree must be labelled with its image, which must not change meanwhile",
                )
        layers: dict[str, LayerFeatures] = {}
        attributes = [{path: one.attributes for path, one in part.layers.items()} for part in parts]
        for index, path, own in self._placed(attributes):
            layer = replace(parts[index].layers[path], attributes=own)
            layers[layer.path] = layer
        return Features({**parts[0].image, "descriptor": repr(self)}, layers)

    def _placed(
        self, parts: Sequence[Mapping[str, Mapping[str, Any]]]
    ) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """For each layer its part, its path there, and what it says of itself in the fusion."""
        sources: set[str] = set()
        for index, (layers, weight) in enumerate(zip(parts, self.weights, strict=True)):
            names: dict[str, str] = {}
            for path, attributes in layers.items():
                source = attributes["source"]
                if source not in names:
                    # Numbered from 2 if another part has it.
                    free = chain([source], (f"{source}_{number}" for number in count(2)))
                    names[source] = next(name for name in free if name not in sources)
                    sources.add(names[source])
                share = weight * float(attributes["weight"])
                yield index, path, {**attributes, "source": names[source], "weight": share}
