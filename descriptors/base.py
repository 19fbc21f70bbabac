"""The interface of every descriptor."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import PIL.Image
import xarray as xr

from .combination.combine import combine
from .errors import DescrError, InvalidFeaturesError, OptionError
from .features.tensors import Features
from .image.reading import Image, ImageLike
from .image.stream import attempt
from .settings import Configurable


class Descriptor(Configurable, ABC):
    """Images in, labelled features out.

    A subclass writes `extract`; calling the descriptor gives maps that are ready for a matcher. For
    a network on one canvas derive from `Backbone`, which asks for less.
    """

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "extract" in cls.__dict__ and "attempts" not in cls.__dict__:
            # What its parent streams are not the features of another `extract`.
            cls.attempts = Descriptor.attempts  # type: ignore[method-assign]

    @abstractmethod
    def extract(self, images: Sequence[ImageLike]) -> list[xr.DataTree]:
        """Feature trees, one per image, in order.

        Args:
            images: Paths, PIL images, or arrays (height, width[, 3]).

        Returns:
            list of xarray.DataTree: One group `/<source>/<layer>` per layer with `features`
                (channel, y, x), float32, and the centres `y`, `x` of its cells in pixels of the
                upright image.

        Raises:
            ImageError: An image can't be read or used.
        """

    def features(self, images: Iterable[ImageLike]) -> Iterator[Features]:
        """What `extract` gives, in order, as tensors on the device that makes them, in a stream.

        Images are taken from any iterable as they are needed, and no more than a few are held.
        Raises what `extract` does, when the turn of the image comes.
        """
        return without_errors(self.attempts(images))

    def attempts(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        """As `features`, with the error in the place of an image that can't be described."""
        return (attempt(self._one, image) for image in check_several(images, "features"))

    def _one(self, image: ImageLike) -> Features:
        trees = list(self.extract([image]) or ())
        if len(trees) != 1:
            raise InvalidFeaturesError(f"{self!r} gave {len(trees)} feature trees for 1 image")
        return Features.from_tree(trees[0])

    @property
    def recipe(self) -> Mapping[str, Mapping[str, Any]] | None:
        """What each layer of its feature trees will say of itself, by "source/layer".

        A tree whose layers say the same needs no new extraction. The precision and the variant of
        the weights are those of this device. None where it can't be told without extracting.
        """
        return None

    def __call__(self, *images: ImageLike) -> list[xr.DataArray]:
        """Feature maps, one per image, mutually comparable: `combine(self.extract(images))`.

        Each is float32 (channel, y, x) with cells of unit length. Raises `ImageError` as
        `extract` does.
        """
        return combine(self.extract(images))


class StreamingDescriptor(Descriptor):
    """A descriptor that makes features in a stream, from which `extract` takes its trees."""

    @abstractmethod
    def _stream(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        """The features of each image or why there are none, in order."""

    def extract(self, images: Sequence[ImageLike]) -> list[xr.DataTree]:
        """Feature trees, one per image, in order; see `Descriptor.extract`."""
        listed = list(check_several(images, "extract"))
        if not listed:
            raise OptionError("no image given")
        return [features.to_tree() for features in without_errors(self._stream(listed))]

    def attempts(self, images: Iterable[ImageLike]) -> Iterator[Features | DescrError]:
        """The features of each image or why there are none, in order; see `Descriptor.attempts`."""
        return self._stream(check_several(images, "features"))


def without_errors(attempts: Iterable[Features | DescrError]) -> Iterator[Features]:
    """The features; raises the first error that stands in the place of some."""
    for features in attempts:
        if isinstance(features, DescrError):
            raise features
        yield features


def check_several(images: Iterable[ImageLike], method: str) -> Iterable[ImageLike]:
    """The images; `OptionError` for a single one, which is no collection of them."""
    one = isinstance(images, (str, bytes, PIL.Image.Image, Image)) or hasattr(images, "shape")
    if one or hasattr(images, "read") or not hasattr(images, "__iter__"):
        raise OptionError(f"{method} takes a list of images", hint=f"write {method}([image])")
    return images
