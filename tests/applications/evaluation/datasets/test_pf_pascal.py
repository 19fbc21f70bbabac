import shutil

import numpy as np
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from descr.descriptors import read_image
from support.datasets.proposal_flow import make_pf_pascal


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_pf_pascal(tmp_path_factory.mktemp("made") / "PF-dataset-PASCAL", side=80)


@pytest.fixture
def copy(sample, tmp_path):
    return shutil.copytree(sample.root, tmp_path / "PF-dataset-PASCAL")


def check_pairs(data, sample, first_pixel=1):
    read = list(data)
    assert [(p.category, p.source.path.stem, p.target.path.stem) for p in read] == sample.rows
    for pair, (category, *names) in zip(read, sample.rows, strict=True):
        seen = [sample.views[category][name].seen(sample.points[category]) for name in names]
        both = np.isfinite(seen[0] + seen[1]).all(axis=1)
        for picture, name, places in zip((pair.source, pair.target), names, seen, strict=True):
            np.testing.assert_allclose(picture.points, places[both] + 1 - first_pixel, atol=1e-9)
            assert picture.key == f"JPEGImages/{name}.jpg"
            image, view = read_image(picture.path), sample.views[category][name]
            assert (image.width, image.height) == (view.width, view.height)
            if picture.box is not None:
                np.testing.assert_allclose(picture.box, np.add(view.box, 1 - first_pixel))
        assert pair.common.all()
    return read


def test_every_pair_is_read_as_it_was_made(sample):
    data = open_dataset("pf-pascal", sample.root)
    data.check()
    read = check_pairs(data, sample)
    assert data.categories == ("bird", "cat", "tvmonitor")
    assert len({pair.name for pair in read}) == len(read) == 20 + 6 + 6
    assert sum(len(pair.source.points) == 0 for pair in read) == 2
    assert all(pair.source.box is not None for pair in read)
    assert read[0].mirrored is None
    assert read[0].point_names == ()


def test_numbers_as_they_stand(sample):
    check_pairs(open_dataset("pf-pascal", sample.root, first_pixel=0), sample, first_pixel=0)


def test_the_list_of_the_training_pairs_takes_its_points_from_the_annotations(tmp_path):
    sample = make_pf_pascal(tmp_path, split="trn", side=64, line_end="\r\n")
    data = open_dataset("pf-pascal", tmp_path, split="trn")
    data.check()
    check_pairs(data, sample)
    shutil.rmtree(tmp_path / "Annotations")
    with pytest.raises(DatasetError, match="no folder Annotations, where the points of 01-2010"):
        data = open_dataset("pf-pascal", tmp_path, split="trn")[0]
    with pytest.raises(DatasetError, match=r"the folder Annotations \(11 files\)"):
        open_dataset("pf-pascal", tmp_path, split="trn").check()


def test_validation_without_annotations_and_with_windows_line_ends(tmp_path):
    sample = make_pf_pascal(tmp_path, split="val", side=64, annotations=False, line_end="\r\n")
    data = open_dataset("pf-pascal", tmp_path, split="val")
    data.check()
    read = check_pairs(data, sample)
    assert all(pair.target.box is None for pair in read)


def test_published_numbers_of_pairs(sample):
    assert open_dataset("pf-pascal", sample.root).published_pairs == 299
    assert open_dataset("pf-pascal", sample.root, split="val").published_pairs == 308
    assert open_dataset("pf-pascal", sample.root, category="cat").published_pairs is None


def test_another_name_of_the_list(copy, sample):
    (copy / "test_pairs_pf_pascal.csv").rename(copy / "test_pairs.csv")
    check_pairs(open_dataset("pf-pascal", copy), sample)


def test_a_missing_list_is_named(copy):
    with pytest.raises(DatasetError, match=r"no list of pairs val_pairs_pf_pascal\.csv") as caught:
        len(open_dataset("pf-pascal", copy, split="val"))
    assert "https://www.di.ens.fr/willow/research/cnngeometric/" in caught.value.hint


def test_missing_files_are_counted_and_named(copy):
    (copy / "JPEGImages/2010_000001.jpg").unlink()
    shutil.rmtree(copy / "Annotations/cat")
    with pytest.raises(DatasetError) as caught:
        open_dataset("pf-pascal", copy).check()
    assert caught.value.message == (
        f"PF-PASCAL in {copy} is incomplete: 4 of 22 files missing: "
        "the folder Annotations/cat (3 files); 1 in JPEGImages (2010_000001.jpg)"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",3,", ",0,", "class 0 is not from 1 to 20"),
        (",3,", ",21,", "class 21 is not from 1 to 20"),
        (",3,", ",bird,", "ill-formed field: invalid literal"),
    ],
)
def test_ill_formed_classes(copy, old, new, message):
    path = copy / "test_pairs_pf_pascal.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DatasetError, match=message):
        len(open_dataset("pf-pascal", copy))


@pytest.mark.parametrize("cells", ["1;2,3,4;5,6;7", "1;2,3;4,5,6", "x,1,1,1", "nan,1,1,1", "1,1"])
def test_ill_formed_points(copy, cells):
    path = copy / "test_pairs_pf_pascal.csv"
    header, row, *rest = path.read_text().splitlines()
    row = ",".join([*row.split(",")[:3], cells])
    path.write_text("\n".join([header, row, *rest]))
    with pytest.raises(DatasetError, match=r"test_pairs_pf_pascal\.csv has an ill-formed field"):
        open_dataset("pf-pascal", copy)[0]


@pytest.mark.parametrize("data", [b"", b"no matlab file" * 20])
def test_a_damaged_annotation_is_named(copy, data):
    path = copy / "Annotations/bird/2010_000000.mat"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"2010_000000\.mat"):
        open_dataset("pf-pascal", copy)[0]
