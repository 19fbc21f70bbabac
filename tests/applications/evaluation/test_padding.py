"""Pairs of TSS padded to one size, against the protocol of "A Tale of Two Features" by numpy."""

import cv2
import numpy as np
import PIL.Image
import pytest
import torch
from descr.applications.evaluation import Picture, build_report, open_dataset, predict
from descr.descriptors import load_features, read_image, save_features
from descr.descriptors.errors import OptionError
from support.datasets.tss import make_tss

SIDE, CELLS = 96, 24


@pytest.fixture
def unequal(tmp_path):
    """A TSS whose pairs are 72 x 96 and 96 x 72 pixels; those of JODS 96 x 96 both."""
    root = make_tss(tmp_path / "TSS", side=150).root
    for folder in root.glob("*/*"):
        for number in (1, 2):
            height, width = [(SIDE, 72), (72, SIDE)][number - 1]
            if folder.parent.name == "JODS":
                height = width = SIDE
            for kind in ("image", "mask"):
                path = folder / f"{kind}{number}.png"
                pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:height, :width]
                assert pixels.shape[:2] == (height, width)
                cv2.imwrite(str(path), pixels)
            path = str(folder / f"flow{number}.flo")
            cv2.writeOpticalFlow(path, np.array(cv2.readOpticalFlow(path)[:height, :width]))
    return root


def padded(array, value="constant"):
    sides = [(0, SIDE - length) for length in array.shape[:2]] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, sides, mode=value)


def steps(flow, counts):
    """The smoothness of the authors: the flow is 0 where nothing counts."""
    cut = np.where(counts[..., None], flow, 0)
    wide = np.pad(cut, ((0, 1), (0, 1), (0, 0)), mode="edge")
    total = np.abs(wide[:-1, 1:] - cut).sum() + np.abs(wide[1:, :-1] - cut).sum()
    return total / counts.sum()


def test_pairs_padded_to_one_size_are_measured_as_by_the_authors(unequal, describe, tmp_path):
    dataset = open_dataset("tss", unequal, pad=True)
    predictions = predict(dataset, describe, folder=tmp_path / "run")
    numbers = {one["label"]: one["value"] for one in build_report(predictions, dataset)["numbers"]}
    kept = {}

    def cells(path):
        if path not in kept:
            tree = describe.extract([padded(read_image(path).pixels)])[0]
            save_features(tree, tmp_path / "one.nc")
            values = load_features(tmp_path / "one.nc")["sift/scale_1/features"].values
            values = values.reshape(len(values), -1).T.astype(float)
            kept[path] = values / np.linalg.norm(values, axis=1, keepdims=True)
        return kept[path]

    result = []
    for folder in sorted(unequal.glob("*/*")):
        for source, target in ((1, 2), (2, 1)):
            images = [folder / f"image{number}.png" for number in (source, target)]
            cosines = cells(images[1]) @ cells(images[0]).T
            nearest = cosines.astype(np.float32).argmax(axis=1).reshape(CELLS, CELLS)
            row, column = np.indices((CELLS, CELLS))
            moved = np.stack([nearest % CELLS - column, nearest // CELLS - row]).astype(np.float32)
            flow = torch.nn.functional.interpolate(
                torch.from_numpy(moved)[None], (SIDE, SIDE), mode="bilinear", align_corners=False
            )
            flow = flow[0].permute(1, 2, 0).numpy() * SIDE / CELLS
            truth = padded(cv2.readOpticalFlow(str(folder / f"flow{target}.flo")), "edge")
            inside = padded(cv2.imread(str(folder / f"mask{target}.png"), 0)) == 255
            mask = inside & (np.abs(truth) < 1e9).all(axis=2)
            off = np.hypot(*(flow - truth)[mask].T)
            length = max(cv2.imread(str(images[0])).shape[:2])
            smoothness = steps(flow, inside), steps(truth, mask)
            result.append((np.mean(off <= 0.05 * length), off.mean(), *smoothness))
    expected = np.mean(result, axis=0)
    assert numbers["flow PCK@0.05"] == pytest.approx(expected[0], abs=1e-4)
    assert numbers["end-point error"] == pytest.approx(expected[1], rel=1e-5)
    assert numbers["smoothness with border"] == pytest.approx(expected[2], rel=1e-5)
    assert numbers["true smoothness with border"] == pytest.approx(expected[3], rel=1e-5)
    assert numbers["smoothness"] < numbers["smoothness with border"]
    assert expected[0] > 0.2


def test_a_padded_image_is_one_of_its_own_and_keeps_its_size(unequal, describe, tmp_path):
    folders = tmp_path / "run", tmp_path / "features"
    dataset = open_dataset("tss", unequal, pad=True)
    result = predict(dataset, describe, folder=folders[0], features=folders[1])
    first = result.isel(pair=0)
    assert str(first["source"].values) == "FG3DCar/001/image1.png@96x96"
    assert (int(first["source_width"]), int(first["source_height"])) == (72, SIDE)
    assert (int(first["target_width"]), int(first["target_height"])) == (SIDE, 72)
    keys = {key for key in dataset.images() if key.startswith("JODS")}
    assert keys == {"JODS/Bird_01/image1.png", "JODS/Bird_01/image2.png"}
    (path,) = folders[1].rglob("001/image1.png@96x96.nc")
    tree = load_features(path)
    assert (tree.attrs["image_height"], tree.attrs["image_width"]) == (SIDE, SIDE)
    # What is not padded is extracted again where it was, and runs are kept apart.
    plain = open_dataset("tss", unequal)
    again = predict(plain, describe, folder=folders[0], features=folders[1])
    counts = build_report(again, plain)["counts"]
    assert (counts["extracted"], counts["kept"]) == (6, 2)
    assert not np.array_equal(again["end_x"], result["end_x"])


def test_padding_is_black_and_lies_right_and_below(unequal):
    picture = open_dataset("tss", unequal, pad=True)[0].source
    image, plain = picture.read(), read_image(picture.path)
    np.testing.assert_array_equal(image.pixels[:, :72], plain.pixels)
    assert image.name == plain.name
    assert not image.pixels[:, 72:].any()
    assert Picture(picture.path, "a").read().sha256 == plain.sha256


def test_a_file_that_is_not_read_as_an_image_pads_nothing(unequal):
    folder = unequal / "FG3DCar" / "001"
    PIL.Image.new("RGB", (500, 500)).save(folder / "image2.png", "GIF")
    pair = open_dataset("tss", unequal, pad=True)[0]
    assert pair.source.padding == (0, 0)


def test_only_yes_and_no_say_whether_to_pad(unequal):
    with pytest.raises(OptionError, match="pad must be one of True, False, not 1"):
        open_dataset("tss", unequal, pad=1)
