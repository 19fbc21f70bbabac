import shutil

import numpy as np
import pytest
from descr.applications.evaluation.datasets import DatasetError, open_dataset
from support.datasets.proposal_flow import make_pf_willow


@pytest.fixture
def sample(tmp_path):
    return make_pf_willow(tmp_path / "PF-dataset", side=64)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_pair_is_read_as_it_was_made(tmp_path, line_end):
    sample = make_pf_willow(tmp_path / "PF-dataset", side=64, line_end=line_end)
    data = open_dataset("pf-willow", sample.root)
    data.check()
    read = list(data)
    assert data.categories == ("car(S)", "winebottle(wC)")
    assert [(p.category, p.source.path.stem, p.target.path.stem) for p in read] == sample.rows
    assert len({pair.name for pair in read}) == len(read) == 12
    assert len(data.images()) == 6
    for pair in read:
        for picture in (pair.source, pair.target):
            view = sample.views[pair.category][picture.path.stem]
            places = view.place(sample.points[pair.category])
            np.testing.assert_allclose(picture.points, places, atol=1e-9)
            box = [*places.min(axis=0), *places.max(axis=0)]
            np.testing.assert_allclose(picture.box, box, atol=1e-9)
        assert pair.point_names == tuple(map(str, range(1, 11)))
        assert pair.common.all()


def test_numbers_as_they_stand(sample):
    from_one = open_dataset("pf-willow", sample.root)[3].target.points
    from_zero = open_dataset("pf-willow", sample.root, first_pixel=0)[3].target.points
    np.testing.assert_allclose(from_zero - from_one, 1, atol=1e-9)


def test_published_number_of_pairs(sample):
    assert open_dataset("pf-willow", sample.root).published_pairs == 900
    assert open_dataset("pf-willow", sample.root, category="car(S)").published_pairs is None


def test_missing_files_are_counted_and_named(sample):
    shutil.rmtree(sample.root / "car(S)")
    (sample.root / "winebottle(wC)" / "image_0002.png").unlink()
    with pytest.raises(DatasetError) as caught:
        open_dataset("pf-willow", sample.root).check()
    assert caught.value.message == (
        f"PF-WILLOW in {sample.root} is incomplete: 4 of 6 files missing: "
        "the folder car(S) (3 files); 1 in winebottle(wC) (image_0002.png)"
    )
    assert "https://www.di.ens.fr/willow/research/proposalflow/" in caught.value.hint


def test_a_missing_list_is_named(sample):
    (sample.root / "test_pairs_pf.csv").unlink()
    with pytest.raises(DatasetError, match=r"no list of pairs test_pairs_pf\.csv"):
        len(open_dataset("pf-willow", sample.root))


@pytest.mark.parametrize("damage", [lambda row: row[:-3], lambda row: [*row[:-1], "x"]])
def test_an_ill_formed_row_is_an_error(sample, damage):
    path = sample.root / "test_pairs_pf.csv"
    header, row, *rest = path.read_text().splitlines()
    path.write_text("\n".join([header, ",".join(damage(row.split(","))), *rest]))
    with pytest.raises(DatasetError, match=r"test_pairs_pf\.csv has an ill-formed field"):
        open_dataset("pf-willow", sample.root)[0]
