"""Every data set from its folder to its report, against values worked out by plain numpy."""

import io
import itertools
import math

import cv2
import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation import build_report, predict
from descr.descriptors.store import load_features, save_features
from scipy.ndimage import distance_transform_edt, map_coordinates

POINTS = ("spair-71k", "pf-pascal", "pf-willow", "ap-10k")


class Plain:
    """Nearest neighbours by the definition: every cell with every cell, in float64."""

    def __init__(self, describe, folder):
        self.describe, self.folder, self.known = describe, folder, {}

    def image(self, path):
        """Cells (cell, channel), their centres (y, x), and height and width of the image."""
        if path not in self.known:
            tree = self.describe.extract([path])[0]
            # What is kept in a file is rounded.
            save_features(tree, self.folder / "one.nc")
            tree = load_features(self.folder / "one.nc")
            layer = tree["sift/scale_1"]
            cells = layer["features"].values.astype(float)
            grid = layer["y"].values, layer["x"].values
            cells = cells.reshape(len(cells), -1).T
            size = tree.attrs["image_height"], tree.attrs["image_width"]
            cells /= np.linalg.norm(cells, axis=1, keepdims=True)
            self.known[path] = cells, grid, size
        return self.known[path]

    def places(self, source, target, points):
        """The centres (x, y) of the cells of the target that are most like the points' cells."""
        cells, (y, x), _ = self.image(source)
        others, (other_y, other_x), _ = self.image(target)
        # The cell that holds the point; one on the border between two belongs to the second.
        row, column = (
            np.searchsorted((at[1:] + at[:-1]) / 2, points[:, k], side="right")
            for k, at in ((1, y), (0, x))
        )
        cosines = cells[row * len(x) + column] @ others.T
        # Cells of flat areas are equal: the first of them is taken, whatever rounding says.
        best = cosines.astype(np.float32).argmax(axis=1)
        return np.stack([other_x[best % len(other_x)], other_y[best // len(other_x)]], axis=1)


@pytest.fixture
def plain(describe, tmp_path):
    return Plain(describe, tmp_path)


def pixels(file):
    with PIL.Image.open(file) as image:
        return np.array(image)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def averages(shares):
    """Three averages of (category, right, counted) of pairs, by their definitions."""
    shares = [one for one in shares if one[2]]
    classes = {category for category, _, _ in shares}
    return {
        "per-point": sum(r for _, r, _ in shares) / sum(n for _, _, n in shares),
        "per-image": mean(r / n for _, r, n in shares),
        "per-class": mean(
            sum(r for c, r, _ in shares if c == name) / sum(n for c, _, n in shares if c == name)
            for name in classes
        ),
    }


@pytest.mark.parametrize("name", POINTS)
def test_points_are_found_and_counted_as_by_hand(name, written, describe, plain, tmp_path):
    dataset = written(name)
    predictions = predict(dataset, describe, folder=tmp_path / "run", threads=2)
    report = build_report(predictions, dataset)
    ends = np.cumsum(predictions["points"].values)
    result = np.stack([predictions["target_x"], predictions["target_y"]], axis=1)
    shares = {}
    for place, (pair, end) in enumerate(zip(dataset, ends, strict=True)):
        both = np.isfinite(pair.source.points).all(1) & np.isfinite(pair.target.points).all(1)
        source, target = pair.source.points[both], pair.target.points[both]
        assert predictions["pair"].values[place] == pair.name
        own = result[end - len(source) : end]
        if len(source):
            np.testing.assert_allclose(
                own, plain.places(pair.source.path, pair.target.path, source), atol=1e-9
            )
        distance = [math.dist(one, other) for one, other in zip(own, target, strict=True)]
        height, width = cv2.imread(str(pair.target.path)).shape[:2]
        lengths = {"image": max(height, width)}
        if pair.target.box is not None:
            left, top, right, bottom = pair.target.box
            lengths["bbox"] = max(right - left, bottom - top)
        for threshold, alpha in itertools.product(lengths, report["protocol"]["alphas"]):
            limit = alpha * lengths[threshold]
            shares.setdefault((threshold, "<", alpha), []).append(
                (pair.category, sum(one < limit for one in distance), len(distance))
            )
            shares.setdefault((threshold, "<=", alpha), []).append(
                (pair.category, sum(one <= limit for one in distance), len(distance))
            )
    variants = {
        (row["threshold"], row["comparison"], alpha, row["average"]): value
        for row in report["variants"]
        for alpha, value in zip(row["alphas"], row["values"], strict=True)
    }
    checked = 0
    for (threshold, comparison, alpha), of_pairs in shares.items():
        for average, value in averages(of_pairs).items():
            assert variants[threshold, comparison, alpha, average] == pytest.approx(value, abs=1e-9)
            checked += 1
    assert checked >= 18
    # The features know the scenes: numbers of chance would prove little.
    assert variants["image", "<", report["protocol"]["alphas"][-1], "per-point"] > 0.25
    headline = report["protocol"]
    for one, alpha in zip(report["numbers"], headline["alphas"], strict=True):
        if headline["threshold"] == "keypoints":
            continue
        key = headline["threshold"], headline["comparison"], alpha, headline["average"]
        assert one["value"] == pytest.approx(variants[key], abs=1e-9)
        assert one["low"] <= one["value"] <= one["high"]
    without = [one[2] for one in shares["image", "<", headline["alphas"][0]]].count(0)
    assert report["counts"]["skipped_pairs"] == without
    if name in ("spair-71k", "pf-pascal"):
        assert without == 2


def test_flow_is_read_and_counted_as_by_hand(written, describe, plain, tmp_path):
    dataset = written("tss")
    predictions = predict(dataset, describe, folder=tmp_path / "run")
    report = build_report(predictions, dataset)
    shares, errors = [], []
    for pair in dataset:
        _, (y, x), (height, width) = plain.image(pair.target.path)
        centres = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        # From the pixels of the target, into the source.
        moved = plain.places(pair.target.path, pair.source.path, centres) - centres
        rows = np.interp(np.arange(height), y, np.arange(len(y)))
        columns = np.interp(np.arange(width), x, np.arange(len(x)))
        at = np.meshgrid(rows, columns, indexing="ij")
        flow = np.stack(
            [
                map_coordinates(moved[:, k].reshape(len(y), len(x)), at, order=1, mode="nearest")
                for k in range(2)
            ],
            axis=-1,
        )
        truth = cv2.readOpticalFlow(str(pair.flow))
        counts = pixels(pair.target.mask) == 255
        counts &= (np.abs(truth) < 1e9).all(axis=-1)
        off = np.hypot(*(flow - truth)[counts].T)
        length = max(plain.image(pair.source.path)[2])
        shares.append((off <= 0.05 * length).mean())
        errors.append(off.mean())
    numbers = {one["label"]: one["value"] for one in report["numbers"]}
    # Where a place lies on the limit, the rounding to float32 may decide.
    assert numbers["flow PCK@0.05"] == pytest.approx(mean(shares), abs=1e-4)
    assert numbers["end-point error"] == pytest.approx(mean(errors), rel=1e-5)
    assert mean(shares) > 0.5
    subsets = {row["category"]: row["values"][0] for row in report["by_category"]}
    for name in ("FG3DCar", "JODS", "PASCAL"):
        own = [share for share, pair in zip(shares, dataset, strict=True) if pair.category == name]
        assert subsets[name] == pytest.approx(mean(own), abs=1e-4)


def edge(mask):
    """Pixels of a mask's contour: those that differ to the right, below, or across."""
    wide = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != wide[:-1, 1:]) | (mask != wide[1:, :-1]) | (mask != wide[1:, 1:])


def test_masks_are_carried_and_judged_as_by_hand(written, describe, tmp_path):
    dataset = written("davis-2017")
    predictions = predict(dataset, describe, folder=tmp_path / "run")
    report = build_report(predictions, dataset)
    ends = np.cumsum(predictions["bytes"].values)
    png = predictions["png"].values
    frames = {}
    for place, (pair, end) in enumerate(zip(dataset, ends, strict=True)):
        start = end - predictions["bytes"].values[place]
        result = pixels(io.BytesIO(png[start:end].tobytes()))
        truth = pixels(pair.target.mask)
        frames.setdefault(pair.category, []).append((result, truth))
    regions, contours = [], []
    for listed in frames.values():
        for label in (1, 2):
            own = []
            # Neither the first frame, which is given, nor the last counts.
            for result, truth in listed[:-1]:
                one, other = result == label, truth == label
                radius = math.ceil(0.008 * math.hypot(*truth.shape))
                edges = edge(one), edge(other)
                near = [distance_transform_edt(~which) <= radius for which in edges]
                precision, recall = near[1][edges[0]].mean(), near[0][edges[1]].mean()
                own.append(
                    (
                        (one & other).sum() / (one | other).sum(),
                        2 * precision * recall / (precision + recall),
                    )
                )
            regions.append(mean(one[0] for one in own))
            contours.append(mean(one[1] for one in own))
    numbers = {one["label"]: one["value"] for one in report["numbers"]}
    assert numbers["J"] == pytest.approx(mean(regions), abs=1e-9)
    assert numbers["F"] == pytest.approx(mean(contours), abs=1e-9)
    assert numbers["J&F"] == pytest.approx((mean(regions) + mean(contours)) / 2, abs=1e-9)
    assert mean(regions) > 0.8
