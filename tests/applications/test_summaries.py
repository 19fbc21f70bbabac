import base64
import io
import re

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.descriptors import open_store
from descr.descriptors.store import opening, save_features, save_map
from descr.matchers import NearestNeighbor, to_matches
from descr.matchers.testing import render_map
from support.trees import layer, tree

HOSTILE = "<script>alert('1')</script>&\n\x1b[31m.jpg"
A, B = render_map(6, 8, seed=1), render_map(5, 7, seed=2)


def two_layers(name="cat.jpg"):
    rng = np.random.default_rng(0)
    layers = [rng.standard_normal(shape) for shape in ((12, 6, 8), (5, 3, 4))]
    return tree(*(layer(one, name=f"l{at}") for at, one in enumerate(layers)), name=name)


def pictures(html):
    """The sizes of the pictures in a page."""
    data = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [PIL.Image.open(io.BytesIO(base64.b64decode(one))).size for one in data]


def test_a_map_says_what_it_is_of():
    text = repr(A.descr)
    assert text.splitlines()[0] == "feature map of picture.png, 64 x 48 pixels"
    assert "  cells: 6 x 8" in text
    assert "  channels: " in text
    assert " of " in text.splitlines()[2]
    assert pictures(A.descr._repr_html_()) == [(160, 120)]
    bare = A.drop_vars(["source", "layer"])
    assert f"channels: {A.sizes['channel']}" in repr(bare.descr)


def test_a_tree_lists_its_layers_with_a_picture_each():
    text = repr(two_layers().descr)
    assert "  net/l0  6 x 8 cells  12 channels\n  net/l1  3 x 4 cells  5 channels" in text
    assert pictures(two_layers().descr._repr_html_()) == [(160, 160)] * 2


def test_matches_say_how_many_there_are_and_list_the_best():
    correspondences = NearestNeighbor()(A, B)
    text = repr(correspondences.descr)
    assert text.startswith("matches of picture.png in picture.png\n  matches: 48 of 48 places\n")
    assert len(text.splitlines()) == 3 + 1 + 5
    assert pictures(correspondences.descr._repr_html_()) == [(160, 120)]
    matches = to_matches(correspondences)
    assert "  matches: 48\n" in repr(matches.descr)
    assert pictures(matches.descr._repr_html_()) == []
    points = NearestNeighbor()(A, B, points=[(3, 4)])
    assert "1 of 1 places" in repr(points.descr)
    assert pictures(points.descr._repr_html_()) == []


def test_no_match_is_none_listed():
    correspondences = NearestNeighbor()(A, B)
    none = correspondences.assign(
        matched=correspondences["matched"] & False, target_x=correspondences["target_x"] * np.nan
    )
    assert "  matches: 0 of 48 places" in repr(none.descr)
    assert pictures(none.descr._repr_html_()) == [(160, 120)]


@pytest.mark.parametrize(
    "data",
    [
        A.assign_attrs(image_name=HOSTILE, descriptor=HOSTILE, basis=HOSTILE),
        A.assign_coords(layer=("channel", [HOSTILE] * A.sizes["channel"])),
        two_layers(HOSTILE),
        NearestNeighbor()(A.assign_attrs(image_name=HOSTILE), B),
    ],
    ids=["map", "layers", "tree", "matches"],
)
def test_names_are_no_markup_and_obeyed_by_no_terminal(data):
    html = data.descr._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    for shown in (html, repr(data.descr)):
        assert "\x1b" not in shown
        assert "\\x1b" in shown


def test_what_is_not_read_is_not_read_to_be_shown(tmp_path, monkeypatch):
    save_features(two_layers(), tmp_path / "a.nc")
    save_map(A, tmp_path / "b.nc")
    monkeypatch.setattr(opening.Unread, "read", lambda self: pytest.fail("read"))
    store = open_store(tmp_path)
    for data in (store["a"], store["b"]["features"]):
        assert "  values: not read" in repr(data.descr)
        assert pictures(data.descr._repr_html_()) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (xr.DataArray([1.0]), "the array has no attribute 'image_name'"),
        (A.transpose("y", "x", "channel"), "the array has the dimensions ('y', 'x', 'channel')"),
        (xr.DataTree(), "the tree has no attribute 'Conventions'"),
        (xr.Dataset(), "correspondences lack target_x"),
        (xr.Dataset({"a": ("match", [1])}), "correspondences lack target_x"),
    ],
)
def test_what_is_none_of_these_says_why(data, reason):
    assert repr(data.descr).startswith(f"<descr: {reason}")
    assert data.descr._repr_html_() is None


def test_a_map_of_broken_values_has_no_picture():
    broken = A.copy()
    broken[0, 0, 0] = np.nan
    assert repr(broken.descr).startswith("feature map of")
    assert broken.descr._repr_html_() is None
