"""One pair of images of a data set, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ....descriptors import Image, read_image

Box: TypeAlias = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image of a pair, with what is labelled on it.

    Args:
        path: Of the image file.
        key: What the image goes by within its data set, as in `JPEGImages/cat/2007_000549.jpg`:
            unlike the base name it is unique.
        points: float64 (point, 2), x and y in pixels of the image, NaN where the point is not
            visible; (0, 2) where there are none. Both pictures of a pair list the same points.
        box: Around the object; None where the data set has none.
        mask: The file of the object's mask, which `Dataset.mask` reads; None where there is none.
        padding: Rows below the image and columns to its right that are described with it, black.
            Points, masks and sizes are those of the image without them.
    """

    path: Path
    key: str
    points: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    box: Box | None = None
    mask: Path | None = None
    padding: tuple[int, int] = (0, 0)

    def absolute(self) -> "Picture":
        """The same with absolute paths, for processes that run in another folder."""
        mask = None if self.mask is None else self.mask.absolute()
        return replace(self, path=self.path.absolute(), mask=mask)

    def read(self) -> Image:
        """The pixels that are described: those of the file, and the padding.

        Raises `ImageError` for a file that can't be read.
        """
        image = read_image(self.path)
        if not any(self.padding):
            return image
        sides = [(0, more) for more in (*self.padding, 0)]
        return Image(np.pad(image.pixels, sides), image.name)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two images, and which place of the source is which place of the target.

    Args:
        name: Unique within the data set, and the same in every run.
        category: Of the objects; for a data set without categories, its subset.
        source, target: The images. Places of the source are looked for in the target.
        point_names: Of the points, the same in all pairs of a category; empty where the data set
            has no names.
        mirrored: For each point the one that takes its place in the mirror image (the left ear for
            the right ear; a point on the axis is its own); None where the data set doesn't say.
        flags: How hard the pair is, by the data set's words, as in `{"viewpoint": "2", "occlusion":
            "0"}`.
        flow: The .flo file of the dense truth, which `Dataset.flow` reads; None where there is
            none.
    """

    name: str
    category: str
    source: Picture
    target: Picture
    point_names: tuple[str, ...] = ()
    mirrored: tuple[int, ...] | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    flow: Path | None = None

    @cached_property
    def common(self) -> npt.NDArray[np.bool_]:
        """Which points are visible in both images: bool (point,)."""
        both = np.concatenate([self.source.points, self.target.points], axis=1)
        return np.asarray(np.isfinite(both).all(axis=1))

    @cached_property
    def source_points(self) -> npt.NDArray[np.float64]:
        """The common points in the source: float64 (common point, 2)."""
        return self.source.points[self.common]

    @cached_property
    def target_points(self) -> npt.NDArray[np.float64]:
        """The common points in the target: float64 (common point, 2)."""
        return self.target.points[self.common]

    @cached_property
    def mirrored_points(self) -> npt.NDArray[np.float64] | None:
        """The places in the source of what takes the common points' place in its mirror image.

        NaN where that isn't visible in both images; None where the data set doesn't say.
        """
        if self.mirrored is None:
            return None
        visible = np.where(self.common[:, None], self.source.points, np.nan)
        return np.asarray(visible[list(self.mirrored)][self.common])

    @property
    def common_names(self) -> tuple[str, ...]:
        """The names of the common points; empty where the data set has none."""
        return tuple(self.point_names[n] for n in np.flatnonzero(self.common) if self.point_names)
