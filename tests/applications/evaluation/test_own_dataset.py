"""A data set of the user's own, with its own descriptor; and poses aligned on it."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation import (
    Dataset,
    DatasetError,
    Pair,
    Picture,
    Settings,
    build_report,
    predict,
)
from descr.applications.evaluation.datasets import Entry
from descr.descriptors import SIFT, Backbone, Layer
from descr.descriptors.errors import OptionError
from skimage import data

POINTS = np.array([[150.0, 90.0], [300.0, 100.0], [220.0, 200.0], [60.0, 60.0]])
# The first two are left and right of each other, the third lies on the axis; the partner of the
# fourth is not visible.
PARTNERS = (1, 0, 2, 4, 3)


class Mirrored(Dataset):
    """A photograph, and its mirror image as the target."""

    name, title, citation, website = "mine", "Mine", "nobody", "nowhere"
    truth = "points"

    def __init__(self, root, *, groups=True, category=None):
        super().__init__(root, category=category)
        self.groups = groups

    def _list(self):
        return [Entry("turned", "cat"), Entry("same", "cat")]

    def _read(self, entry):
        pixels = data.chelsea()
        for name, image in (("a", pixels), ("b", pixels[:, ::-1])):
            if not (self.folder / f"{name}.png").exists():
                PIL.Image.fromarray(image).save(self.folder / f"{name}.png")
        width = pixels.shape[1]
        source = np.concatenate([POINTS, [[np.nan, np.nan]]])
        mirrored = np.stack([width - 1 - source[:, 0], source[:, 1]], axis=1)
        # What is left in one is called left in the other: in the mirror image of the photograph
        # the left point is seen where the right one was mirrored to.
        target = mirrored[list(PARTNERS)] if self.groups else mirrored
        target[3] = mirrored[3]
        turned = entry.name == "turned"
        return Pair(
            name=entry.name,
            category=entry.category,
            source=Picture(self.folder / "a.png", "a.png", points=source),
            target=Picture(
                self.folder / ("b.png" if turned else "a.png"),
                "b.png" if turned else "a.png",
                points=target if turned else source,
            ),
            mirrored=PARTNERS if self.groups else None,
        )


class Plain(Dataset):
    """What the documentation names, and no more."""

    def _list(self):
        return [Entry("one", "cat")]

    def _read(self, entry):
        path = self.folder / "a.png"
        PIL.Image.fromarray(data.chelsea()).save(path)
        picture = Picture(path, "a.png", points=POINTS)
        return Pair(name=entry.name, category=entry.category, source=picture, target=picture)


class Empty(Plain):
    def _list(self):
        return []


class Averages(Backbone):
    """The README's kind of descriptor: the mean colour of each patch, and where it is bright."""

    layers = (Layer("color", stride=8),)

    def forward(self, pixels):
        import torch

        mean = torch.nn.functional.avg_pool2d(pixels, 8)
        return {"color": torch.cat([mean - 0.5, mean**2], 1)}


def test_two_methods_make_a_dataset(tmp_path):
    dataset = Plain(tmp_path)
    predictions = predict(dataset, SIFT(size=96), folder=tmp_path / "run")
    report = build_report(predictions, dataset)
    assert [number["value"] for number in report["numbers"]][-1] == 1
    assert report["dataset"]["name"] == report["dataset"]["title"] == "Plain"
    assert (Empty.name, Mirrored.name) == ("Empty", "mine")


def test_what_a_dataset_of_ones_own_lacks_is_said(tmp_path):
    with pytest.raises(DatasetError, match=r"^Empty in .* has no pairs \(copy it again\)$"):
        predict(Empty(tmp_path), SIFT(size=96), folder=tmp_path / "run")
    with pytest.raises(
        DatasetError, match=r"does not exist \(give the folder it was unpacked to\)$"
    ):
        Plain(tmp_path / "gone").check()


def result(predictions, pair):
    own = np.repeat(predictions["pair"].values == pair, predictions["points"].values)
    return (
        np.stack([predictions["target_x"], predictions["target_y"]], axis=1)[own],
        np.stack([predictions["true_x"], predictions["true_y"]], axis=1)[own],
        predictions["mirrored"].values[own] if "mirrored" in predictions else None,
    )


def test_a_dataset_and_a_descriptor_of_ones_own(tmp_path):
    dataset = Mirrored(tmp_path)
    predictions = predict(dataset, Averages(size=256), folder=tmp_path / "run")
    report = build_report(predictions, dataset)
    assert report["published"] == []
    assert report["layers"][0]["model"].endswith("test_own_dataset:Averages")
    # Without boxes there is no threshold of boxes.
    assert {row["threshold"] for row in report["variants"]} == {"image", "keypoints"}
    assert report["protocol"]["threshold"] == "image"
    places, true, _ = result(predictions, "same")
    assert len(places) == 4
    assert np.hypot(*(places - true).T).max() < 15


@pytest.mark.parametrize("groups", [True, False])
def test_poses_are_aligned(tmp_path, groups):
    dataset = Mirrored(tmp_path, groups=groups)
    describe = SIFT(size=256)
    settings = Settings(align_pose=True, accept_mirrored_parts=not groups)
    predictions = predict(dataset, describe, folder=tmp_path / "run", settings=settings)
    places, true, turned = result(predictions, "turned")
    # The fourth point's partner can't be seen: with groups it is asked for as it is.
    assert turned.tolist() == [True, True, True, not groups]
    cell = 451 / 256 * 8
    assert np.abs(places - true)[turned].max() <= cell
    places, true, turned = result(predictions, "same")
    assert not turned.any()
    assert np.abs(places - true).max() <= cell

    plain = predict(dataset, describe, folder=tmp_path / "run")
    upright, true, _ = result(plain, "turned")
    assert np.hypot(*(upright - true).T).max() > 3 * cell
    # The features of the images were there; mirror images are made of sources alone.
    assert len(list((tmp_path / "run" / "features").rglob("*-mirrored/*.nc"))) == 1


def test_mirrored_parts_are_only_taken_where_that_is_accepted(tmp_path):
    with pytest.raises(OptionError, match="left and right") as error:
        predict(
            Mirrored(tmp_path, groups=False),
            SIFT(size=96),
            folder=tmp_path / "run",
            settings=Settings(align_pose=True),
        )
    assert "accept mirrored parts" in error.value.hint


@dataclass(frozen=True)
class Frame(Entry):
    """An entry of one's own with a field that it needs."""

    number: int


def test_entries_of_one_s_own_need_their_fields_and_can_be_told_apart() -> None:
    assert Frame("one", "cat", 3).number == 3
    assert len({Entry("one", "cat", origin=["a", "b"]), Entry("two", "cat", origin=[])}) == 2
