import json
import shutil

import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from descr.applications.evaluation.datasets.spair import mirrored_points
from descr.descriptors import read_image, read_mask
from descr.descriptors.errors import OptionError
from support.datasets.spair import make_spair

CATEGORIES = [
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "train", "tvmonitor"),
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_spair(tmp_path_factory.mktemp("made") / "SPair-71k", side=120)


@pytest.fixture
def copy(sample, tmp_path):
    return shutil.copytree(sample.root, tmp_path / "SPair-71k")


def test_every_pair_is_read_as_it_was_made(sample):
    data = open_dataset("spair-71k", sample.root)
    read = list(data)
    assert [pair.name for pair in read] == sorted(sample.pairs)
    for pair in read:
        category, *names = sample.pairs[pair.name]
        seen = [sample.views[category][name] for name in names]
        places = [sample.places[category][name] for name in names]
        assert pair.category == category
        both = np.isfinite(places[0] + places[1]).all(axis=1)
        np.testing.assert_array_equal(pair.common, both)
        for picture, name, view, place in zip(
            (pair.source, pair.target), names, seen, places, strict=True
        ):
            np.testing.assert_array_equal(picture.points, place)
            assert picture.key == f"JPEGImages/{category}/{name}.jpg"
            assert picture.box == view.box
            image = read_image(picture.path)
            assert (image.width, image.height) == (view.width, view.height)
            mask = read_mask(picture.mask, height=view.height, width=view.width)
            np.testing.assert_array_equal(mask, view.object)
            np.testing.assert_array_equal(data.mask(picture), view.object)


def test_awkward_pairs_are_among_them(sample):
    read = list(open_dataset("spair-71k", sample.root))
    assert any(not pair.common.any() for pair in read)
    assert any(0 < pair.common.sum() < 12 for pair in read)
    keys = {picture.key for pair in read for picture in (pair.source, pair.target)}
    assert len(keys) == 15
    assert len({key.rpartition("/")[2] for key in keys}) == 5
    shapes = {(view.width, view.height) for seen in sample.views.values() for view in seen.values()}
    assert {np.sign(width - height) for width, height in shapes} >= {-1, 1}
    modes = set()
    for path in open_dataset("spair-71k", sample.root).images().values():
        with PIL.Image.open(path) as image:
            modes.add(image.mode)
    assert modes == {"L", "RGB"}


def test_flags_are_those_of_the_annotation(sample):
    pair = open_dataset("spair-71k", sample.root)[5]
    assert pair.flags == {"viewpoint": "2", "scale": "1", "truncation": "1", "occlusion": "0"}


def test_images_are_listed_once(sample):
    data = open_dataset("spair-71k", sample.root)
    assert len(data) == 60
    assert len(data.images()) == 15
    assert all(path.is_file() for path in data.images().values())
    assert set(data.images([0])) == {
        data[0].source.key,
        data[0].target.key,
    }


def test_listing_opens_no_annotation_and_no_image(copy):
    for path in (*copy.rglob("*.json"), *copy.rglob("*.jpg")):
        path.write_bytes(b"")
    data = open_dataset("spair-71k", copy)
    assert len(data) == 60
    assert data.categories == ("car", "cat", "dog")


def test_a_category_alone(sample):
    data = open_dataset("spair-71k", sample.root, category="dog")
    assert len(data) == 20
    assert {pair.category for pair in data} == {"dog"}
    assert data.published_pairs is None
    several = open_dataset("spair-71k", sample.root, category=["dog", "car"])
    assert several.categories == ("car", "dog")


def test_an_unknown_category_lists_the_known(sample):
    with pytest.raises(OptionError, match=r"unknown category of SPair-71k: 'dgo'") as caught:
        len(open_dataset("spair-71k", sample.root, category="dgo"))
    assert caught.value.hint == "did you mean 'dog'? known: car, cat, dog"


def test_the_small_layout_is_its_list(sample):
    data = open_dataset("spair-71k", sample.root, layout="small")
    assert [entry.name for entry in data.entries] == sorted(sample.pairs)[::4]


@pytest.mark.parametrize("split", ["trn", "val", "test"])
def test_each_split(tmp_path, split):
    make_spair(tmp_path, split=split, categories=["cat"], images=2, side=48)
    data = open_dataset("spair-71k", tmp_path, split=split)
    data.check()
    assert len(data) == 2
    assert data.published_pairs == {"trn": 53340, "val": 5384, "test": 12234}[split]


def test_windows_line_ends_and_names(tmp_path):
    sample = make_spair(
        tmp_path, categories=["cat"], images=2, side=48, line_end="\r\n", colon="_", masks=False
    )
    data = open_dataset("spair-71k", tmp_path)
    data.check()
    assert [pair.name for pair in data] == sorted(sample.pairs)
    assert data[0].source.mask is None


@pytest.mark.parametrize("colon", ["-", "\uf022", "\uf03a"])
def test_other_signs_for_the_colon(tmp_path, colon):
    sample = make_spair(tmp_path, categories=["cat"], images=2, side=48, colon=colon)
    shutil.rmtree(tmp_path / "Layout")
    data = open_dataset("spair-71k", tmp_path)
    assert [pair.name for pair in data] == sorted(sample.pairs)


def test_without_lists_every_annotated_pair_is_taken(copy, sample):
    shutil.rmtree(copy / "Layout")
    (copy / "PairAnnotation/test/._000000-2008_000000-2008_000001:cat.json").write_bytes(b"x")
    data = open_dataset("spair-71k", copy)
    assert [entry.name for entry in data.entries] == sorted(sample.pairs)
    with pytest.raises(DatasetError, match="has no folder Layout, and so no layout small"):
        len(open_dataset("spair-71k", copy, layout="small"))


def test_a_whole_copy_passes_the_check(sample):
    open_dataset("spair-71k", sample.root).check()


def test_missing_files_are_counted_and_named(copy):
    for number in range(4):
        (copy / f"JPEGImages/cat/2008_{number:06d}.jpg").unlink()
    (copy / "ImageAnnotation/dog/2008_000001.json").unlink()
    (copy / "JPEGImages/dog/2008_000002.jpg").write_bytes(b"")
    first = next((copy / "PairAnnotation/test").glob("*000007*"))
    first.unlink()
    with pytest.raises(DatasetError) as caught:
        open_dataset("spair-71k", copy).check()
    assert caught.value.message == (
        f"SPair-71k in {copy} is incomplete: 7 of 105 files missing: "
        "1 in ImageAnnotation/dog (2008_000001.json); "
        "4 in JPEGImages/cat (2008_000000.jpg, 2008_000001.jpg, 2008_000002.jpg and 1 more); "
        f"1 in PairAnnotation/test ({first.name}); "
        "1 empty (JPEGImages/dog/2008_000002.jpg)"
    )
    assert "https://cvlab.postech.ac.kr/research/SPair-71k/" in caught.value.hint


def test_a_missing_folder_is_named_once(copy):
    shutil.rmtree(copy / "JPEGImages" / "car")
    shutil.rmtree(copy / "ImageAnnotation")
    with pytest.raises(DatasetError) as caught:
        open_dataset("spair-71k", copy).check()
    assert (
        "20 of 105 files missing: the folder ImageAnnotation (15 files); "
        "the folder JPEGImages/car (5 files)" in caught.value.message
    )


def test_no_such_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"SPair-71k: .*/absent does not exist") as caught:
        open_dataset("spair-71k", tmp_path / "absent").check()
    assert "https://cvlab.postech.ac.kr" in caught.value.hint


def test_the_folder_above_points_to_the_right_one(copy):
    with pytest.raises(DatasetError, match="has no folder PairAnnotation/test") as caught:
        open_dataset("spair-71k", copy.parent).check()
    assert caught.value.hint == f"SPair-71k seems to lie in {copy}: give that folder"


def test_another_folder_says_what_it_holds(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DatasetError, match=r"no folder PairAnnotation/test \(it holds photos\)"):
        len(open_dataset("spair-71k", tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kps_ids": ["0"]}, "src_kps has .* points, kps_ids 1"),
        ({"kps_ids": ["30"] * 12}, "kps_ids are different numbers below 30"),
        ({"src_bndbox": [1, 2]}, "ill-formed field"),
        ({"src_kps": [[1, 2, 3]]}, "pairs of finite numbers"),
        ({"src_kps": None}, "ill-formed field"),
        ({"category": "dog"}, "category is dog, by the file's name cat"),
    ],
)
def test_ill_formed_annotations_name_their_file(copy, change, message):
    path = next((copy / "PairAnnotation/test").glob("000000*"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DatasetError, match=message) as caught:
        open_dataset("spair-71k", copy)[0]
    assert str(path) in caught.value.message


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_annotations_name_their_file(copy, text):
    path = next((copy / "PairAnnotation/test").glob("000000*"))
    path.write_text(text)
    with pytest.raises(DatasetError) as caught:
        open_dataset("spair-71k", copy).check()
    assert str(path) in caught.value.message


def test_common_points_are_those_that_the_pair_lists(copy):
    path = next((copy / "PairAnnotation/test").glob("000000*"))
    result = json.loads(path.read_text())
    for key in ("kps_ids", "src_kps", "trg_kps"):
        result[key] = result[key][2:5]
    path.write_text(json.dumps(result))
    pair = open_dataset("spair-71k", copy)[0]
    assert [pair.point_names[n] for n in np.flatnonzero(pair.common)] == result["kps_ids"]
    assert np.isfinite(pair.source.points).all(axis=1).sum() > 3


def test_points_of_one_pair_are_not_those_of_the_next(sample):
    data = open_dataset("spair-71k", sample.root)
    data[0].source.points[:] = -1
    assert not (data[0].source.points == -1).any()


@pytest.mark.parametrize(
    ("option", "value"), [("split", "train"), ("layout", "tiny"), ("spilt", "test")]
)
def test_wrong_options(sample, option, value):
    with pytest.raises(OptionError):
        open_dataset("spair-71k", sample.root, **{option: value})


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_mirror_of_the_mirror_is_the_image(category):
    places = mirrored_points(category)
    assert sorted(places) == list(range(30))
    assert all(places[places[number]] == number for number in range(30))


def test_known_mirror_places():
    assert mirrored_points("cat")[:4] == (1, 0, 3, 2)
    assert mirrored_points("cat")[8] == 8
    assert mirrored_points("bus")[10] == 20
    assert mirrored_points("unheard of") is None


def test_sixty_images_and_twelve_hundred_pairs(tmp_path):
    make_spair(tmp_path, categories=["cat", "dog"], images=30, pairs=1200, side=32, masks=False)
    data = open_dataset("spair-71k", tmp_path)
    assert len(data) == 1200
    assert len(data.images()) == 60


def test_points_of_a_mirrored_image_go_by_the_names_of_their_places(tmp_path):
    options = {"categories": ["dog"], "images": 2, "side": 48}
    plain = make_spair(tmp_path / "plain", **options)
    relabelled = make_spair(tmp_path / "relabelled", **options, relabel=True)
    places = relabelled.places["dog"]["2008_000001"]
    swapped = plain.places["dog"]["2008_000001"][list(mirrored_points("dog"))]
    np.testing.assert_array_equal(places, swapped)
    pair = open_dataset("spair-71k", relabelled.root)[0]
    np.testing.assert_array_equal(pair.target.points, places)
    np.testing.assert_array_equal(pair.source.points, plain.places["dog"]["2008_000000"])
