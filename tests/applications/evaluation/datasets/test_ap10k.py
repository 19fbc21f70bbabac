import json
import shutil
from itertools import combinations

import numpy as np
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from descr.applications.evaluation.datasets.ap10k import MIRRORED, POINT_NAMES
from descr.descriptors import read_image
from descr.descriptors.errors import OptionError
from support.datasets.ap10k import CROWDED, POORLY_LABELLED, make_ap10k, make_prepared_ap10k

SUBSETS = ("intra-species", "cross-species", "cross-family")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_prepared_ap10k(tmp_path_factory.mktemp("made") / "ap-10k", side=64)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_ap10k(tmp_path_factory.mktemp("made") / "ap-10k", images=8, side=64)


def check_pairs(data, sample):
    read = list(data)
    names = [pair.name for pair in read]
    assert names == sorted(names)
    for pair in read:
        numbers = [int(part) for part in pair.name.split(":")[0].split("-")]
        for picture, number in zip((pair.source, pair.target), numbers, strict=True):
            _, view = sample.views[number]
            np.testing.assert_allclose(picture.points, sample.places[number], atol=1e-9)
            np.testing.assert_allclose(picture.box, view.box)
            image = read_image(picture.path)
            assert (image.width, image.height) == (view.width, view.height)
            assert picture.path.stem == f"{number:012d}"
        assert pair.point_names == POINT_NAMES
    return read


@pytest.mark.parametrize(
    ("subset", "categories", "count"),
    [
        ("intra-species", ("cat", "dog", "king cheetah"), 18),
        ("cross-species", ("Felidae",), 18),
        ("cross-family", ("all",), 36),
    ],
)
def test_prepared_pairs_are_read_as_they_were_made(prepared, subset, categories, count):
    data = open_dataset("ap-10k", prepared.root, subset=subset)
    data.check()
    assert data.categories == categories
    assert len(check_pairs(data, prepared)) == count


def test_prepared_pairs_of_another_split_and_sign(tmp_path):
    make_prepared_ap10k(tmp_path, images=2, split="val", side=32, colon="_")
    data = open_dataset("ap-10k", tmp_path, split="val", category="king cheetah")
    data.check()
    assert [pair.category for pair in data] == ["king cheetah"] * 2
    with pytest.raises(DatasetError, match="has no folder PairAnnotation/test "):
        len(open_dataset("ap-10k", tmp_path))


def test_hidden_and_unlabelled_points_are_not_visible(prepared, tmp_path):
    root = shutil.copytree(prepared.root, tmp_path / "ap-10k")
    path = root / "ImageAnnotation/Felidae/cat/000000000100.json"
    note = json.loads(path.read_text())
    note["keypoints"][2], note["keypoints"][5] = 1, 0
    path.write_text(json.dumps(note))
    source = open_dataset("ap-10k", root, category="cat")[0].source
    assert np.isnan(source.points[:2]).all()
    assert np.isfinite(source.points[2:]).all()


def test_prepared_missing_files_are_counted_and_named(prepared, tmp_path):
    root = shutil.copytree(prepared.root, tmp_path / "ap-10k")
    shutil.rmtree(root / "JPEGImages/Canidae")
    (root / "ImageAnnotation/Felidae/cat/000000000101.json").unlink()
    with pytest.raises(DatasetError) as caught:
        open_dataset("ap-10k", root).check()
    assert caught.value.message == (
        f"AP-10K in {root} is incomplete: 4 of 36 files missing: "
        "the folder JPEGImages/Canidae (3 files); "
        "1 in ImageAnnotation/Felidae/cat (000000000101.json)"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1, 2, 2]}, "keypoints are 51 finite numbers"),
        ({"bbox": [1, 2, 3]}, "ill-formed field"),
        ({"bbox": None}, "ill-formed field"),
    ],
)
def test_ill_formed_annotations_name_their_file(prepared, tmp_path, change, message):
    root = shutil.copytree(prepared.root, tmp_path / "ap-10k")
    path = root / "ImageAnnotation/Felidae/cat/000000000100.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DatasetError, match=message) as caught:
        open_dataset("ap-10k", root, category="cat")[0]
    assert str(path) in caught.value.message


def test_a_misnamed_pair_is_an_error(prepared, tmp_path):
    root = shutil.copytree(prepared.root, tmp_path / "ap-10k")
    (root / "PairAnnotation/test/stray.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"stray\.json is not named as"):
        len(open_dataset("ap-10k", root))


@pytest.mark.parametrize("subset", SUBSETS)
def test_made_pairs_are_read_as_they_were_made(original, subset):
    data = open_dataset("ap-10k", original.root, subset=subset)
    data.check()
    assert len(check_pairs(data, original)) > 10


def test_made_pairs_leave_out_crowds_and_poor_labels(original):
    data = open_dataset("ap-10k", original.root, category="dog")
    numbers = original.numbers("dog")
    assert data[0].source.path.parent.name == "data"
    used = {int(path.stem) for path in data.images().values()}
    assert used == set(numbers) - {numbers[CROWDED], numbers[POORLY_LABELLED]}


def test_made_pairs_share_three_points_and_come_once(original):
    data = open_dataset("ap-10k", original.root)
    sample = {tuple(sorted(map(int, e.name.split(":")[0].split("-")))) for e in data.entries}
    assert len(sample) == len(data)
    expected = set()
    for species in ("cat", "king cheetah", "dog"):
        numbers = original.numbers(species)
        for index in sorted((CROWDED, POORLY_LABELLED), reverse=True):
            del numbers[index]
        expected |= {
            (one, other)
            for one, other in combinations(numbers, 2)
            if np.isfinite(original.places[one] + original.places[other]).all(axis=1).sum() >= 3
        }
    assert sample == expected
    directions = {e.name[:12] < e.name[13:25] for e in data.entries}
    assert directions == {True, False}


def test_the_list_of_crowds_takes_the_place_of_the_rule(original, tmp_path):
    root = shutil.copytree(original.root, tmp_path / "ap-10k")
    numbers = original.numbers("dog")
    (root / "ap-10k_is_crowd.txt").write_bytes(f"{numbers[0]:012d}\r\n".encode())
    data = open_dataset("ap-10k", root, category="dog")
    used = {int(path.stem) for path in data.images().values()}
    assert used == set(numbers) - {numbers[0], numbers[POORLY_LABELLED]}


def test_splits_share_no_image_and_have_their_sizes(tmp_path):
    sample = make_ap10k(tmp_path, images=58, side=24)
    images = {
        split: open_dataset("ap-10k", tmp_path, split=split, category="cat").images()
        for split in ("trn", "val", "test")
    }
    sizes = {split: len(result) for split, result in images.items()}
    assert sizes == {"trn": 6, "val": 20, "test": 30}
    assert len(set().union(*images.values())) == 56
    for split, first, last in (("val", -50, -30), ("test", -30, None)):
        parts = {kind: sample.numbers(kind)[first:last] for kind in ("cat", "king cheetah", "dog")}
        cats = possible(sample, parts["cat"], parts["king cheetah"])
        others = possible(sample, parts["cat"] + parts["king cheetah"], parts["dog"])
        most = {"val": (400, 20), "test": (900, 30)}[split]
        for subset, result, limit in zip(SUBSETS[1:], (cats, others), most, strict=True):
            data = open_dataset("ap-10k", tmp_path, split=split, subset=subset)
            pairs = {frozenset(map(int, e.name.split(":")[0].split("-"))) for e in data.entries}
            assert len(pairs) == len(data) == min(limit, len(result))
            assert pairs <= result


def possible(sample, numbers, others):
    """The pairs of images that show three points in common."""
    return {
        frozenset((one, other))
        for one in numbers
        for other in others
        if np.isfinite(sample.places[one] + sample.places[other]).all(axis=1).sum() >= 3
    }


def test_missing_annotations_and_images_are_named(original, tmp_path):
    root = shutil.copytree(original.root, tmp_path / "ap-10k")
    (root / "data/000000000300.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 18 files missing: 1 in data \(000000000300"):
        open_dataset("ap-10k", root).check()
    (root / "annotations/ap10k-val-split1.json").unlink()
    with pytest.raises(DatasetError, match=r"annotations lacks ap10k-val-split1\.json"):
        len(open_dataset("ap-10k", root))


def test_training_pairs_are_of_one_species(original):
    with pytest.raises(OptionError, match="split trn of AP-10K has no subset cross-family"):
        open_dataset("ap-10k", original.root, split="trn", subset="cross-family")


def test_mirrored_points():
    assert [POINT_NAMES[n] for n in MIRRORED[:5]] == [
        *("right eye", "left eye", "nose", "neck", "root of tail")
    ]
    assert MIRRORED == (1, 0, 2, 3, 4, 8, 9, 10, 5, 6, 7, 14, 15, 16, 11, 12, 13)
