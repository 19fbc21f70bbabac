"""Points as the code of papers reads and places them, against that code's words, pair by pair."""

import numpy as np
import pytest
import torch
from descr.applications.evaluation import Pair, Picture, Settings, build_report, predict
from descr.applications.evaluation.report.tables import report_facts
from descr.applications.pose import mirror_image
from descr.descriptors import SIFT, Backbone, Layer
from descr.descriptors.errors import OptionError
from descr.descriptors.store import load_features, save_features
from descr.matchers import NearestNeighbor, SoftArgmax
from torch.nn import functional

PATCHES = 24
"""Cells along a side of the canvas of `PADDED`, which is 14 times as many pixels in the papers."""
PADDED = SIFT(size=96, step=4, fit="pad")


class Colors(Backbone):
    """Means of colours, of very different lengths, on a stretched canvas."""

    source = "colors"

    def __init__(self) -> None:
        super().__init__(size=96, fit="stretch", device="cpu", dtype="float32")
        self.layers = [Layer("mean", 8)]

    def forward(self, pixels):
        mean = functional.avg_pool2d(pixels, 8)
        return {"mean": torch.cat([mean - 0.4, mean**3], 1)}


@pytest.fixture
def layer(tmp_path):
    """The only layer of an image as files keep it, and its size."""

    def extract(describe, image):
        save_features(describe.extract([image])[0], tmp_path / "one.nc")
        tree = load_features(tmp_path / "one.nc")
        (group,) = (node for node in tree.subtree if "features" in node)
        return group.to_dataset(), tree.attrs["image_height"], tree.attrs["image_width"]

    return extract


def on_canvas(points, height, width, size=14 * PATCHES):
    """Points on the padded canvas, without half pixels, and where the image begins along x, y."""
    scale = size / max(width, height)
    offset = [
        int((size - int(np.around(size * side / max(width, height)))) / 2)
        for side in (width, height)
    ]
    return points * scale + offset, scale, offset


def whole_canvas(data):
    """The place on the canvas of the first kept row and column: kept cells are centred."""
    return tuple((PATCHES - data.sizes[axis]) // 2 for axis in ("y", "x"))


def answers_of(predictions):
    ends = np.cumsum(predictions["points"].values)
    result = np.stack([predictions["target_x"], predictions["target_y"]], axis=1)
    return list(np.split(result, ends)[:-1])


@pytest.mark.parametrize("mode", ["original", "geoaware"])
def test_padded_canvases_are_read_and_answered_as_in_the_papers(mode, written, layer, tmp_path):
    dataset = written("spair-71k", category=("cat", "dog"))
    align = mode == "geoaware"
    matcher = SoftArgmax(window=3) if align else NearestNeighbor()
    predictions = predict(
        dataset, PADDED, matcher, folder=tmp_path, settings=Settings(points=mode, align_pose=align)
    )
    turned = predictions["mirrored"].values if align else np.zeros(predictions.sizes["point"], bool)
    turned = np.split(turned, np.cumsum(predictions["points"].values))
    seen = 0
    for place, (pair, result) in enumerate(zip(dataset, answers_of(predictions), strict=True)):
        if not len(result) or place % 3:
            continue
        points = pair.source.points[pair.common].copy()
        mirrored = turned[place]
        if align and mirrored.any():
            # Both of the two are visible in both images, and the others are read as they are.
            order = np.array(pair.mirrored)
            both = pair.common[order][pair.common]
            np.testing.assert_array_equal(mirrored, both)
            points[both] = pair.source.points[order][pair.common][both]
            seen += 1
        source = layer(PADDED, pair.source.path)
        mirror = layer(PADDED, mirror_image(pair.source.path))
        target, height, width = layer(PADDED, pair.target.path)
        start = whole_canvas(target)
        places, _, _ = on_canvas(points, *source[1:])
        places[mirrored, 0] = 14 * PATCHES - places[mirrored, 0]
        _, scale, offset = on_canvas(points, height, width)
        cells = target["features"].values.reshape(128, -1).astype(float)
        cells /= np.linalg.norm(cells, axis=0)
        for point, turn, answer in zip(places, mirrored, result, strict=True):
            own = (mirror if turn else source)[0]
            first = whole_canvas(own)
            column, row = (PATCHES / (14 * PATCHES) * point.astype(np.float32)).astype(int)
            row, column = (
                min(max(cell - begin, 0), own.sizes[axis] - 1)
                for cell, begin, axis in zip((row, column), first, ("y", "x"), strict=True)
            )
            vector = own["features"].values[:, row, column].astype(float)
            cosine = (vector / np.linalg.norm(vector) @ cells).astype(np.float32)
            shape = target.sizes["y"], target.sizes["x"]
            best = np.array(np.unravel_index(cosine.argmax(), shape), dtype=float)
            if align:
                down, across = np.indices(shape)
                near = (abs(down - best[0]) <= 3) & (abs(across - best[1]) <= 3)
                weight = np.exp((cosine - cosine.max()) / 0.02).reshape(shape) * near
                best = np.array([(weight * axis).sum() for axis in (down, across)]) / weight.sum()
            k = best + start
            within = 14 / 2 if align else 14 // 2 - 0.5
            expected = (14 * k[::-1] + within - offset) / scale
            np.testing.assert_allclose(answer, expected, atol=1e-3)
    assert seen > 0 or not align


@pytest.mark.parametrize("name", ["spair-71k", "pf-pascal"])
def test_the_best_pixel_is_that_of_resized_features(name, written, layer, tmp_path):
    dataset = written(name)
    predictions = predict(dataset, Colors(), folder=tmp_path, settings=Settings(points="dift"))
    scores = np.split(predictions["score"].values, np.cumsum(predictions["points"].values))
    for place, (pair, result) in enumerate(zip(dataset, answers_of(predictions), strict=True)):
        if not len(result) or place % 4:
            continue
        resized = []
        for picture in (pair.source, pair.target):
            data, *size = layer(Colors(), picture.path)
            features = torch.tensor(data["features"].values)[None].double()
            resized.append(functional.interpolate(features, size, mode="bilinear")[0])
        at = np.floor(pair.source.points[pair.common] + 0.5).astype(int)
        at = np.clip(at, 0, np.array(resized[0].shape[:0:-1]) - 1)
        vectors = functional.normalize(resized[0][:, at[:, 1], at[:, 0]], dim=0)
        height, width = resized[1].shape[1:]
        cosine = vectors.T @ functional.normalize(resized[1].flatten(1), dim=0)
        assert (result == np.round(result)).all()
        assert (result >= 0).all()
        assert (result < [width, height]).all()
        chosen = (result[:, 1] * width + result[:, 0]).astype(int)
        best = cosine.max(1).values.numpy()
        np.testing.assert_allclose(cosine.numpy()[range(len(chosen)), chosen], best, atol=1e-5)
        np.testing.assert_allclose(scores[place], best, atol=1e-5)


def test_a_partner_counts_as_visible_if_both_images_show_it():
    nan = [np.nan, np.nan]
    pair = Pair(
        name="pair",
        category="cat",
        source=Picture("a", "a", points=np.array([[10, 1], [20, 2], [30, 3], [40, 4], [50.0, 5]])),
        target=Picture("b", "b", points=np.array([[11, 1], [21, 2], [31, 3], nan, [51.0, 5]])),
        mirrored=(1, 0, 3, 2, 4),
    )
    # The third point's partner is seen in the source alone; the fifth is its own.
    expected = [[20, 2], [10, 1], nan, [50, 5]]
    np.testing.assert_array_equal(pair.mirrored_points, expected)


def test_the_report_says_how_points_were_read(written, tmp_path):
    dataset = written("spair-71k")
    settings = Settings(points="original")
    report = build_report(predict(dataset, PADDED, folder=tmp_path, settings=settings), dataset)
    assert report["settings"]["points"] == "original"
    facts = dict(report_facts(report))
    assert facts["reading"].startswith("original: ")
    assert "interpolation" not in facts
    half = build_report(predict(dataset, PADDED, folder=tmp_path), dataset)
    assert dict(report_facts(half))["reading"].startswith("half-pixel: ")
    assert len(list(tmp_path.glob("*.journal"))) == 2
    assert [one["value"] for one in half["numbers"]] != [one["value"] for one in report["numbers"]]


def test_points_that_make_no_sense_are_refused_before_the_work(written, tmp_path):
    for name, matcher, settings, words in (
        ("tss", None, Settings(points="original"), "TSS has no points"),
        ("davis-2017", None, Settings(points="dift"), "has no points"),
        ("spair-71k", SoftArgmax(), Settings(points="dift"), "best pixel"),
    ):
        with pytest.raises(OptionError, match=words):
            predict(written(name), PADDED, matcher, folder=tmp_path, settings=settings)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OptionError, match="points must be"):
        Settings(points="whole")
    with pytest.raises(OptionError, match="holds the point"):
        Settings(points="geoaware", interpolation="bilinear")
    assert Settings(points="dift").interpolation == "bilinear"


@pytest.mark.parametrize("components", [None, 3])
def test_a_stretched_canvas_is_refused_at_its_first_image(written, components, tmp_path):
    describe = Colors()
    describe.layers = [Layer("mean", 8, components=components)]
    with pytest.raises(OptionError, match="padded square") as error:
        predict(
            written("pf-pascal"), describe, folder=tmp_path, settings=Settings(points="original")
        )
    assert "fit=pad" in error.value.hint
    assert len(list(tmp_path.rglob("*.nc"))) < 3
