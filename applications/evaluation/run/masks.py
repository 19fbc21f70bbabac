"""The work on videos: the masks of the first frame carried on to the others."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ....descriptors import FeatureMap
from ...propagation import MaskPropagation
from ..datasets.pair import Pair
from ..metrics.segmentation import VOID
from .journal import Arrays
from .predictions import joined, ragged
from .work import Work


class MaskWork(Work):
    """Carries the masks of the first frame of each video on to its other frames.

    The categories of the data set are the videos, the source of each pair is the first frame.
    """

    @cached_property
    def propagation(self) -> MaskPropagation:
        """What carries masks on, in the place of the matcher and on its device."""
        return MaskPropagation(device=str(self.maps.device))

    @property
    def name(self) -> str:
        """The `repr` of the propagation."""
        return repr(self.propagation)

    def batches(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """Video by video, the frames in order of time."""
        videos: dict[str, list[int]] = {}
        for place, pair in enumerate(pairs):
            videos.setdefault(pair.category, []).append(place)
        return [
            sorted(places, key=lambda place: pairs[place].target.key) for places in videos.values()
        ]

    def run(self, pairs: Sequence[Pair]) -> list[Arrays]:
        """For each frame `png`, uint8 (byte,): its label map as a grey PNG file."""
        labels = self.dataset.labels(pairs[0].source)
        # Void pixels are no object.
        frames = self.propagation(self._frames(pairs), np.where(labels == VOID, 0, labels))
        next(frames)
        files = (cv2.imencode(".png", frame.astype(np.uint8))[1] for frame in frames)
        return [{"png": np.asarray(file, dtype=np.uint8).ravel()} for file in files]

    def variables(self, pairs: Sequence[Pair], answers: Sequence[Arrays]) -> dict[str, Any]:
        """The files of all frames one after the other, along `byte`."""
        about = {"long_name": "label map of the target frame as a PNG file"}
        return {
            "bytes": ragged("byte", [len(one["png"]) for one in answers]),
            "png": ("byte", joined(answers, "png", np.uint8), about),
        }

    def _frames(self, pairs: Sequence[Pair]) -> Iterator[FeatureMap]:
        """The maps of all frames, the first one first.

        One by one as they are needed, unless a joint PCA asks for all of a video at once.
        """
        folder = self.folders.upright[pairs[0].category]
        keys = [pairs[0].source.key, *(pair.target.key for pair in pairs)]
        if self.maps.is_joint(folder, keys[0]):
            yield from (side.fmap for side in self.maps.together(*((folder, key) for key in keys)))
            return
        for key in keys:
            yield self.maps.alone(folder, key).fmap


def decode_mask(png: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The label map (height, width) in the bytes of a PNG file."""
    return np.asarray(cv2.imdecode(png, cv2.IMREAD_UNCHANGED)).astype(np.int64)
