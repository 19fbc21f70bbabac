import numpy as np
import pytest
from descr.applications.search import Index
from descr.applications.search.neighbours import COLUMNS, neighbour_rows
from descr.descriptors.errors import OptionError

from .conftest import STEP, random_cells


@pytest.fixture
def images():
    """Copies of a, one with a part of it, a pair of another kind, and two that are alone."""
    a, x = random_cells(10, 12, 1), random_cells(9, 11, 2)
    part = random_cells(10, 12, 3)
    part[0:8, 1:11] = a[2:10, 2:12]
    return {
        "a.jpg": a,
        "a/copy.jpg": a,
        "part.jpg": part,
        "x.jpg": x,
        "y.jpg": x[::-1, ::-1],
        "alone.jpg": random_cells(12, 12, 4),
        "z.jpg": random_cells(10, 12, 5),
    }


@pytest.fixture
def index(tmp_path, fill, basis, images):
    return Index.build(tmp_path / "index", fill(images), basis=basis)


def _pairs(neighbours):
    return list(zip(neighbours["source"].values, neighbours["target"].values, strict=True))


def test_pairs_are_the_images_that_share_an_instance_best_first(index):
    neighbours = index.neighbours()

    copies, turned, *parts = _pairs(neighbours)
    assert {copies, turned} == {("a.jpg", "a/copy.jpg"), ("x.jpg", "y.jpg")}
    assert sorted(map(sorted, parts)) == [["a.jpg", "part.jpg"], ["a/copy.jpg", "part.jpg"]]
    assert neighbours["score"].values[:2] == pytest.approx(1, abs=1e-3)
    assert neighbours["score"].values[2:] == pytest.approx(8 * 10 / 120, abs=0.1)
    assert neighbours.attrs["basis"] == index.basis.identity


def test_the_place_is_that_of_the_source_in_the_target(index):
    neighbours = index.neighbours().set_index(pair=["source", "target"])

    turned = neighbours.sel(source="x.jpg", target="y.jpg").squeeze()
    assert abs(float(turned["angle"])) == pytest.approx(180)
    assert float(turned["corner_x"][0]) == pytest.approx(11 * STEP - 0.5)
    # Where a column and two rows further on lies in a, by less than what cells may be off.
    part = neighbours.sel(source="part.jpg", target="a.jpg").squeeze()
    assert float(part["x"]) == pytest.approx(47.5 + STEP, abs=1.5 * STEP)
    assert float(part["y"]) == pytest.approx(39.5 + 2 * STEP, abs=1.5 * STEP)


def test_rows_have_rounded_numbers(index):
    rows = neighbour_rows(index.neighbours(), "pair")

    assert list(rows[0].values()) == ["a.jpg", "a/copy.jpg", 1.0, 1.0, 1.0, 0.0, False]
    assert list(rows[0]) == [*COLUMNS["pair"]]


def test_clusters_are_what_pairs_connect_the_largest_first(index):
    rows = neighbour_rows(index.neighbours(), "image")

    assert [(row["image"], row["cluster"], row["images"]) for row in rows] == [
        ("a.jpg", 0, 3),
        ("a/copy.jpg", 0, 3),
        ("part.jpg", 0, 3),
        ("x.jpg", 1, 2),
        ("y.jpg", 1, 2),
        ("alone.jpg", 2, 1),
        ("z.jpg", 3, 1),
    ]


def test_a_higher_limit_and_fewer_of_each_image_leave_pairs_out(index):
    whole = index.neighbours()

    strict, best = index.neighbours(min_score=0.8), index.neighbours(top=1)

    above = whole.isel(pair=whole["score"].values >= 0.8)
    assert strict.drop_dims("image").identical(above.drop_dims("image"))
    assert set(_pairs(best)) < set(_pairs(whole))
    assert {key for pair in _pairs(best) for key in pair} == {*index} - {"alone.jpg", "z.jpg"}


def test_the_order_in_which_images_were_added_changes_nothing(tmp_path, fill, basis, images, index):
    store, other = fill({}), tmp_path / "other"
    for keys in (["z.jpg", "y.jpg"], ["part.jpg", "a.jpg"], list(images)):
        for key in store:
            store.path(key).unlink()
        Index.build(other, fill({key: images[key] for key in keys}), basis=basis)

    for candidates in (2, 100):
        first, second = (one.neighbours(candidates=candidates) for one in (index, Index(other)))
        assert first.identical(second)


def test_what_was_removed_is_no_neighbour(index):
    assert "a/copy.jpg" not in index.remove(["a/copy.jpg"]).neighbours()["image"].values


def test_a_search_that_was_stopped_goes_on_where_it_ended(tmp_path, index, monkeypatch):
    journal, begun = tmp_path / "journal", []

    def stop(key):
        begun.append(key)
        if len(begun) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.neighbours(journal=journal, progress=stop)
    lookups = []
    hit = type(index._lookup).hit
    monkeypatch.setattr(
        type(index._lookup), "hit", lambda *one: (lookups.append(one), hit(*one))[1]
    )
    resumed = index.neighbours(journal=journal)
    again = len(lookups)

    assert resumed.identical(index.neighbours())
    assert again < len(lookups) - again
    lookups.clear()
    assert index.neighbours(journal=journal).identical(resumed)
    assert not lookups
    index.neighbours(journal=journal, min_score=0.8)
    assert lookups


@pytest.mark.parametrize("count", [0, 1])
def test_few_images_have_no_pairs(tmp_path, fill, basis, count):
    store = fill({f"{at}.jpg": random_cells(4, 4, at) for at in range(count)})
    store.folder.mkdir(exist_ok=True)

    neighbours = Index.build(tmp_path / "index", store, basis=basis).neighbours()

    assert neighbours.sizes["pair"] == 0
    assert neighbours["cluster"].values.tolist() == list(range(count))
    assert np.all(neighbours["images"] == 1)


@pytest.mark.parametrize("setting", [{"min_score": 2}, {"top": 0}, {"candidates": 0}])
def test_a_setting_out_of_range_is_refused(index, setting):
    with pytest.raises(OptionError, match=next(iter(setting))):
        index.neighbours(**setting)
