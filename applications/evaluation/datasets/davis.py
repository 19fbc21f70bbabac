"""DAVIS 2017: videos in which every object is masked in every frame."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....descriptors.settings import check_choice
from ..metrics.segmentation import VOID
from .annotations import read_lines
from .base import Dataset, Entry
from .pair import Pair, Picture


@dataclass(frozen=True)
class Video:
    """The frames of one sequence, and the file with the mask of each, in order of time.

    A mask is a palette image whose index is 0 for the background and 1, 2, ... for the objects.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]


class DAVIS2017(Dataset):
    """DAVIS 2017 in its original folders: videos, and the pairs of first frame and later frame.

    The categories are the videos. The first frame's mask is what a method is given; the others are
    the truth.

    Args:
        root: The folder that holds JPEGImages, Annotations and ImageSets.
        category: As in `Dataset`: videos.
        split: `val` or `train`.
        resolution: `480p` or `Full-Resolution`.
    """

    name = "davis-2017"
    title = "DAVIS 2017"
    citation = (
        "J. Pont-Tuset, F. Perazzi, S. Caelles, P. Arbelaez, A. Sorkine-Hornung, L. Van Gool: The "
        "2017 DAVIS Challenge on Video Object Segmentation. arXiv:1704.00675, 2017"
    )
    website = "https://davischallenge.org/davis2017/code.html"
    truth = "masks"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        category: str | Sequence[str] | None = None,
        split: str = "val",
        resolution: str = "480p",
    ) -> None:
        super().__init__(root, category=category)
        self.split = check_choice("split", split, ("val", "train"))
        self.resolution = check_choice("resolution", resolution, ("480p", "Full-Resolution"))

    @cached_property
    def videos(self) -> tuple[Video, ...]:
        """The videos of the split, or those chosen, in the order of its list.

        A frame that lacks its mask, or a mask without a frame, counts: `check` says what is
        missing.
        """
        names = read_lines(self._need_folder("ImageSets", "2017") / f"{self.split}.txt")
        self._check_categories(names)
        return tuple(self._video(name) for name in names if name in (self.category or names))

    def objects(self, video: Video) -> tuple[int, ...]:
        """The labels of the objects, those that the first frame shows."""
        labels = np.unique(self.labels(self._picture(video, 0))).tolist()
        return tuple(label for label in labels if label not in (0, VOID))

    def mask(self, picture: Picture) -> npt.NDArray[np.bool_]:
        """Where any object is, bool (height, width)."""
        labels = self.labels(picture)
        return np.asarray((labels != 0) & (labels != VOID))

    def _video(self, name: str) -> Video:
        images = self._folder_of("JPEGImages", name)
        masks = self._folder_of("Annotations", name)
        files = (*images.glob("[!.]*.jpg"), *masks.glob("[!.]*.png"))
        stems = sorted({file.stem for file in files})
        frames = tuple(images / f"{stem}.jpg" for stem in stems)
        return Video(name, frames, tuple(masks / f"{stem}.png" for stem in stems))

    def _folder_of(self, kind: str, video: str) -> Path:
        return self.folder / kind / self.resolution / video

    @cached_property
    def _by_name(self) -> dict[str, Video]:
        return {video.name: video for video in self.videos}

    def _list(self) -> Iterator[Entry]:
        for video in self.videos:
            for frame in range(1, len(video.frames)):
                first, later = video.frames[0].stem, video.frames[frame].stem
                yield Entry(f"{video.name}:{first}-{later}", video.name, origin=frame)

    def _read(self, entry: Entry) -> Pair:
        video = self._by_name[entry.category]
        later = self._picture(video, entry.origin)
        return Pair(entry.name, entry.category, self._picture(video, 0), later)

    def _picture(self, video: Video, frame: int) -> Picture:
        path = video.frames[frame]
        return Picture(path, self._key(path), mask=video.masks[frame])

    def _folders(self) -> Iterator[Path]:
        for video in self.videos:
            for kind in ("JPEGImages", "Annotations"):
                yield self._folder_of(kind, video.name)
