"""The run: what is kept, what is made again, and what the answers depend on."""

import json
import os
import shutil
import threading

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications.evaluation import (
    Settings,
    build_report,
    compare_reports,
    load_predictions,
    open_dataset,
    predict,
    score_points,
)
from descr.applications.evaluation.protocols.protocol import find_published
from descr.applications.evaluation.report.tables import report_facts
from descr.applications.evaluation.run.predictions import PredictionsError, run_of
from descr.applications.evaluation.run.workers import Cache
from descr.descriptors import SIFT, Basis, Layer, combine, read_image
from descr.descriptors.errors import ImageError, IncomparableFeaturesError, OptionError
from descr.matchers import MutualNearestNeighbor, NearestNeighbor, SoftArgmax


class Counting(SIFT):
    """Notes the names of the images that it extracts."""

    source = "sift"
    model = "opencv-sift"

    def __init__(self, *, step: int = 4, size: int = 96) -> None:
        super().__init__(step=step, size=size)
        self.seen: list[str] = []

    def attempts(self, images):
        def note(image):
            self.seen.append(read_image(image).sha256)
            return image

        return super().attempts(map(note, images))


class Joint(SIFT):
    """SIFT that is reduced by a PCA of both images of a pair, as Stable Diffusion is."""

    def __init__(self, *, size: int = 96, step: int = 4) -> None:
        super().__init__(size=size, step=step)
        self.layers = [Layer("scale_1", step, components=24)]


class Stopping(NearestNeighbor):
    """Is stopped after some answers."""

    def __init__(self, *, answers: int = 3) -> None:
        super().__init__()
        self.answers = answers

    def __repr__(self) -> str:
        return repr(NearestNeighbor())

    uses_source = True

    def match(self, query, source, target):
        self.__dict__["answers"] -= 1
        if self.answers < 0:
            raise KeyboardInterrupt
        return super().match(query, source, target)


def same(first: xr.Dataset, second: xr.Dataset) -> bool:
    return first.drop_attrs().identical(second.drop_attrs())


def test_every_image_is_extracted_exactly_once(written, tmp_path):
    dataset, describe = written("spair-71k"), Counting()
    predictions = predict(dataset, describe, folder=tmp_path)
    # Images of every category go by the same four names.
    assert len(describe.seen) == len(set(describe.seen)) == 12
    assert len({path.name for path in dataset.images().values()}) == 4
    counts = run_of(predictions)["counts"]
    assert counts == {"pairs": 36, "images": 12, "extracted": 12, "kept": 0, "redone": 0}
    again = Counting()
    predictions = predict(dataset, again, SoftArgmax(), folder=tmp_path)
    assert again.seen == []
    assert run_of(predictions)["counts"]["kept"] == 12


def test_images_that_have_not_changed_are_not_read_again(written, describe, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(written("pf-willow").folder, root)
    dataset = open_dataset("pf-willow", root)
    first = predict(dataset, describe, folder=tmp_path)
    for path in dataset.images().values():
        about = path.stat()
        path.write_bytes(bytes(about.st_size))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert same(predict(dataset, describe, folder=tmp_path), first)
    with pytest.raises(ImageError):
        predict(dataset, describe, folder=tmp_path, verify=True)
    path.touch()
    with pytest.raises(ImageError, match=path.name):
        predict(dataset, describe, folder=tmp_path)


def test_images_of_one_name_do_not_share_features(written, describe, tmp_path):
    dataset = written("spair-71k")
    predict(dataset, describe, folder=tmp_path)
    files = sorted((tmp_path / "features").rglob("2008_000000.jpg.nc"))
    assert [path.parent.name for path in files] == ["car", "cat", "dog"]
    assert len({path.read_bytes() for path in files}) == 3


def test_features_of_other_settings_pixels_or_damaged_ones_are_not_used(written, tmp_path):
    dataset = written("spair-71k", category="cat")
    root = tmp_path / "copy"
    shutil.copytree(dataset.folder, root)
    dataset = open_dataset("spair-71k", root, category="cat")
    first = predict(dataset, Counting(), folder=tmp_path / "a", features=tmp_path / "features")
    other = Counting(step=8)
    predict(dataset, other, folder=tmp_path / "a", features=tmp_path / "features")
    assert len(other.seen) == 4
    again = Counting()
    assert same(
        predict(dataset, again, folder=tmp_path / "b", features=tmp_path / "features"), first
    )
    assert again.seen == []

    image = root / "JPEGImages" / "cat" / "2008_000001.jpg"
    with PIL.Image.open(image) as picture:
        changed = np.array(picture)
    PIL.Image.fromarray(255 - changed).save(image)
    for damaged in (tmp_path / "features").glob("*/sift-*/JPEGImages/cat/2008_000002.jpg.nc"):
        damaged.write_bytes(damaged.read_bytes()[:-50])
    message: list[str] = []
    third = Counting()
    result = predict(
        dataset, third, folder=tmp_path / "b", features=tmp_path / "features", say=message.append
    )
    expected = {"extracted": 0, "kept": 2, "redone": 2}
    assert len(third.seen) == 2
    assert {key: run_of(result)["counts"][key] for key in expected} == expected
    # The journal of the run on the old pixels is not gone on with.
    assert len(message) == 1
    assert message[0].endswith("other images than before, beginning anew")
    assert not same(result, first)


@pytest.mark.parametrize(
    ("kind", "matcher"),
    [
        (Counting, MutualNearestNeighbor),
        (Counting, SoftArgmax),
        (Joint, NearestNeighbor),
        (Joint, SoftArgmax),
    ],
)
def test_answers_depend_on_nothing_but_the_pair(written, kind, matcher, tmp_path):
    dataset = written("spair-71k", category=("cat", "dog"))
    one = predict(dataset, kind(), matcher(), folder=tmp_path / "1", threads=1)
    three = predict(dataset, kind(), matcher(), folder=tmp_path / "3", threads=3, memory=1)
    assert same(one, three)
    # As the matcher itself answers, asked in the documented way.
    describe = kind()
    for place in (0, 5, 13):
        pair = dataset[place]
        points = pair.source.points[pair.common]
        if not len(points):
            continue
        maps = describe(pair.source.path, pair.target.path)
        wanted = matcher()(*maps, points=points, interpolation="nearest")
        start = int(one["points"].values[:place].sum())
        own = one.isel(point=slice(start, start + len(points)))
        # Features in files are rounded.
        close = np.isclose(own["target_x"], wanted["target_x"], atol=0.5, equal_nan=True)
        assert close.mean() > 0.8
        np.testing.assert_allclose(own["score"], wanted["score"], atol=2e-3)


def test_a_run_that_was_stopped_goes_on_where_it_was(written, describe, tmp_path):
    dataset = written("spair-71k")
    whole = predict(dataset, describe, folder=tmp_path / "whole", threads=1)
    answers_before = 0
    for answers in (3, 5, 0, 11):
        with pytest.raises(KeyboardInterrupt):
            predict(dataset, describe, Stopping(answers=answers), folder=tmp_path / "b", threads=1)
        answers_before += answers
    rest = Stopping(answers=1000)
    result = predict(dataset, describe, rest, folder=tmp_path / "b", threads=1)
    assert same(result, whole)
    # Two pairs have no point to ask for.
    assert 1000 - rest.answers == 34 - answers_before


def test_an_end_in_the_middle_of_a_record_loses_that_record_alone(written, describe, tmp_path):
    dataset = written("spair-71k")
    requests = []

    class Noting(NearestNeighbor):
        uses_source = False

        def match(self, query, source, target):
            requests.append(len(query))
            return super().match(query, source, target)

    whole = predict(dataset, describe, Noting(), folder=tmp_path)
    journal = next(tmp_path.glob("*.journal"))
    journal.write_bytes(journal.read_bytes()[:-7])
    requests.clear()
    assert same(predict(dataset, describe, Noting(), folder=tmp_path), whole)
    assert len(requests) == 1


def test_other_options_do_not_touch_a_run(written, describe, tmp_path):
    dataset = written("spair-71k", category="dog")
    first = predict(dataset, describe, folder=tmp_path)
    bilinear = Settings(interpolation="bilinear")
    assert not same(predict(dataset, describe, folder=tmp_path, settings=bilinear), first)
    assert len(list(tmp_path.glob("*.journal"))) == 2
    assert same(predict(dataset, describe, folder=tmp_path), first)


def test_a_basis_takes_the_place_of_a_pca_for_each_pair(written, tmp_path):
    dataset, describe = written("pf-willow"), Joint()
    images = dataset.images().values()
    basis, other = (
        Basis.fit(describe.extract(paths), components=8)
        for paths in (list(images), list(images)[:2])
    )
    exact = Settings(lossless=True)
    runs = [
        predict(dataset, describe, folder=tmp_path, settings=exact, basis=one)
        for one in (None, basis, other, basis)
    ]
    by_pair, result, _, again = runs
    # Other maps of the same features; and no run goes on with the answers of another.
    assert [run_of(one)["counts"]["extracted"] for one in runs[1:]] == [0, 0, 0]
    assert [run_of(one).get("basis") for one in runs[:3]] == [None, basis.identity, other.identity]
    assert not np.array_equal(result["score"], by_pair["score"])
    np.testing.assert_array_equal(again["score"], result["score"])
    pair = dataset[0]
    maps = combine(describe.extract([pair.source.path, pair.target.path]), basis=basis)
    wanted = NearestNeighbor()(*maps, points=pair.source.points, interpolation="nearest")
    np.testing.assert_array_equal(result["target_x"][: len(pair.source.points)], wanted["target_x"])
    report = build_report(result, dataset)
    assert ("basis", basis.identity) in report_facts(report)
    differ = compare_reports(report, build_report(by_pair, dataset))["differ"]
    assert {"what": "basis", "first": basis.identity, "second": None} in differ
    with pytest.raises(IncomparableFeaturesError, match="basis"):
        predict(dataset, Joint(step=8), folder=tmp_path, basis=basis)


def test_a_sample_is_a_part_of_the_whole(written, describe, tmp_path):
    dataset = written("spair-71k")
    whole = predict(dataset, describe, folder=tmp_path)
    settings = Settings(sample=9, seed=4)
    part = predict(dataset, describe, folder=tmp_path, settings=settings)
    names = part["pair"].values.tolist()
    assert sorted(part["category"].values) == ["car"] * 3 + ["cat"] * 3 + ["dog"] * 3
    listed = whole["pair"].values.tolist()
    assert names == [name for name in listed if name in set(names)]
    ends, starts = np.cumsum(whole["points"].values), np.cumsum(part["points"].values)
    for name, end, count in zip(names, starts, part["points"].values, strict=True):
        place = listed.index(name)
        for variable in ("target_x", "target_y", "score", "true_x", "source_y"):
            np.testing.assert_array_equal(
                part[variable].values[end - count : end],
                whole[variable].values[ends[place] - count : ends[place]],
            )
    other = predict(dataset, describe, folder=tmp_path, settings=Settings(sample=9, seed=5))
    assert other["pair"].values.tolist() != names


def test_predictions_come_back_from_their_file_and_are_scored_by_any_protocol(
    written, describe, tmp_path
):
    dataset = written("spair-71k")
    predictions = predict(dataset, describe, MutualNearestNeighbor(), folder=tmp_path)
    loaded = load_predictions(next(tmp_path.glob("*.nc")))
    assert same(loaded, predictions)
    assert run_of(loaded) == run_of(predictions)
    report = build_report(loaded, dataset)
    json.loads(json.dumps(report, allow_nan=False))
    silent = int((~predictions["matched"].values).sum())
    assert 0 < silent == report["counts"]["unmatched_points"]
    # What a matcher leaves unanswered is wrong.
    scores = score_points(loaded, (0.05, 1000.0))
    answered = 1 - silent / predictions.sizes["point"]
    everything = scores["pck"].sel(threshold="bbox", average="per-point", comparison="<")
    assert float(everything.sel(alpha=1000.0)) == pytest.approx(answered)
    (tmp_path / "text.nc").write_text("no predictions")
    for name in ("text.nc", "gone.nc"):
        with pytest.raises(PredictionsError, match=name):
            load_predictions(tmp_path / name)


def test_the_report_says_what_made_it(written, describe, tmp_path):
    dataset = written("spair-71k")
    report = build_report(predict(dataset, describe, folder=tmp_path), dataset)
    assert report["descriptor"] == repr(describe)
    assert report["matcher"] == repr(NearestNeighbor())
    assert report["layers"][0]["revision"] == describe.revision
    assert report["layers"][0]["settings"]["step"] == 4
    assert report["layers"][0]["precision"] == "float32"
    assert report["layers"][0]["weights_variant"] is None
    assert dict(report_facts(report))["precision"] == "float32"
    assert report["dataset"]["settings"] == {"split": "test", "category": None, "layout": "large"}
    assert {"python", "torch", "numpy", "descr-sdk"} <= set(report["versions"])
    assert report["protocol"]["line"].startswith("spair-71k test | PCK@0.01/0.05/0.10 | bbox")
    published = [(row["method"], tuple(row["percent"])) for row in report["published"]]
    assert published == [(row.method, row.percent) for row in find_published("spair-71k")]
    assert ("SD 1.5 + DINOv2-B/14", (64.0,)) in published
    assert {row["same_protocol"] for row in report["published"]} == {True, False}


def test_what_does_not_fit_the_data_set_is_refused(written, describe, tmp_path):
    for name, settings, words in (
        ("davis-2017", Settings(sample=2), "videos"),
        ("tss", Settings(align_pose=True), "has no points"),
        ("pf-pascal", Settings(align_pose=True), "left and right"),
        ("spair-71k", Settings(sample=1000), "there are 36 pairs"),
    ):
        with pytest.raises(OptionError, match=words):
            predict(written(name), describe, folder=tmp_path, settings=settings)
    # It is noticed before anything is extracted.
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OptionError, match="align_pose"):
        Settings(accept_mirrored_parts=True)
    with pytest.raises(OptionError, match="threads"):
        predict(written("tss"), describe, folder=tmp_path, threads=0)


def test_missing_files_are_named_before_the_work(written, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(written("spair-71k").folder, root)
    (root / "JPEGImages" / "cat" / "2008_000001.jpg").unlink()
    dataset, describe = open_dataset("spair-71k", root), Counting()
    with pytest.raises(Exception, match=r"1 in JPEGImages/cat \(2008_000001\.jpg\)") as error:
        predict(dataset, describe, folder=tmp_path / "run")
    assert "postech" in error.value.hint
    assert describe.seen == []
    (root / "JPEGImages" / "cat" / "2008_000001.jpg").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"2008_000001\.jpg"):
        predict(dataset, describe, folder=tmp_path / "run")


def test_a_descriptor_may_depend_on_the_category(written, tmp_path):
    dataset = written("spair-71k")
    example: list[str] = []

    def describe(category):
        example.append(category)
        return SIFT(size=96, step={"cat": 4, "dog": 6, "car": 8}[category])

    predictions = predict(dataset, describe, folder=tmp_path)
    assert sorted(example) == ["car", "cat", "dog"]
    alone = predict(
        written("spair-71k", category="dog"), SIFT(size=96, step=6), folder=tmp_path / "alone"
    )
    dogs = predictions["category"].values == "dog"
    points = np.repeat(dogs, predictions["points"].values)
    np.testing.assert_array_equal(predictions["target_x"].values[points], alone["target_x"].values)


def test_the_cache_holds_no_more_than_it_may_and_makes_a_value_once():
    example = []

    def make(key):
        example.append(key)
        return bytes(10)

    cache = Cache(30, len)
    for key in (1, 2, 3, 1, 4, 1, 2):
        cache.get(key, lambda key=key: make(key))
        assert cache.taken <= 30
    assert example == [1, 2, 3, 4, 2]
    assert len(cache.get("large", lambda: bytes(100))) == 100
    assert cache.taken == 100
    slow = Cache(1000, len)
    started = threading.Barrier(8)

    def ask():
        started.wait()
        slow.get("key", lambda: make("slow"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert example.count("slow") == 1
