from collections.abc import Mapping

import numpy as np
import PIL.Image
import pytest
import xarray as xr
from descr.applications import draw_hits
from descr.applications.pictures.hits import _clip
from descr.applications.search.hits import Hit, to_dataset
from descr.descriptors.errors import ImageError, OptionError, PointError
from hypothesis import given
from hypothesis import strategies as st
from support.pictures import photograph

MARK, GREY = (240, 228, 66), (236, 236, 236)
QUERY = np.full((60, 80, 3), 90, np.uint8)
BOX = (20.0, 10.0, 40.0, 30.0)
# Twice as large, turned by 90 degrees, and moved; and the same, reflected.
TURNED = np.array([[0.0, -2.0, 120.0], [2.0, 0.0, 10.0]])
REFLECTED = np.array([[0.0, 2.0, 40.0], [2.0, 0.0, 10.0]])


def corners_of(box: tuple[float, ...], matrix: np.ndarray) -> np.ndarray:
    """The corners of a box of the query in a hit."""
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return corners @ matrix[:, :2].T + matrix[:, 2]


def found(box: tuple[float, ...] = BOX, *matrices: np.ndarray) -> xr.Dataset:
    """Hits in images of 160 x 120 pixels, by these similarities."""
    several = [
        Hit(f"{name}.jpg", (120, 160), 0.75, 0.5, one, corners_of(box, one))
        for name, one in zip("bcd", matrices or (TURNED, REFLECTED), strict=False)
    ]
    return to_dataset(several, {"query": "a"})


def grey(key: str) -> np.ndarray:
    return np.full((120, 160, 3), 90, np.uint8)


def places(drawing: np.ndarray, color: tuple[int, ...] = MARK) -> np.ndarray:
    """Where a picture has a colour, (n, 2) as x, y."""
    return np.argwhere((np.asarray(drawing) == color).all(axis=-1))[:, ::-1]


def pictures(drawing: np.ndarray) -> list[np.ndarray]:
    """The pictures of a sheet of one line without titles, which a gap of white keeps apart."""
    white = (np.asarray(drawing) == 255).all(axis=(0, 2))
    edges = np.flatnonzero(np.diff(np.pad(~white, 1).astype(int)))
    return [drawing[:, left:right] for left, right in edges.reshape(-1, 2)]


def extent(picture: np.ndarray, width: int) -> np.ndarray:
    """Left, top, right and bottom of what is marked, in pixels of an image of that width."""
    marked = (places(picture) + 0.5) * (width / picture.shape[1]) - 0.5
    return np.concatenate([marked.min(axis=0), marked.max(axis=0)])


def test_a_box_and_its_instances_are_outlined_where_they_lie() -> None:
    drawing = draw_hits(found(), QUERY, grey, box=BOX, width=1300, titles=False)

    query, *hits = pictures(drawing)
    assert len(hits) == 2
    np.testing.assert_allclose(extent(query, 80), BOX, atol=0.7)
    for hit, matrix in zip(hits, (TURNED, REFLECTED), strict=True):
        corners = corners_of(BOX, matrix)
        np.testing.assert_allclose(
            extent(hit, 160), [*corners.min(axis=0), *corners.max(axis=0)], atol=1.4
        )
        # An outline, and no area.
        x, y = np.rint((corners.mean(axis=0) + 0.5) * hit.shape[1] / 160).astype(int)
        assert hit[y, x].tolist() == [90, 90, 90]


@pytest.mark.parametrize("matrix", [TURNED, REFLECTED])
def test_rings_follow_the_points_and_the_cells_around_them_are_outlined(matrix: np.ndarray) -> None:
    points = np.array([[20.0, 10.0], [40.0, 20.0]])
    box = (16.0, 6.0, 44.0, 24.0)
    drawing = draw_hits(found(box, matrix), QUERY, grey, points=points, width=1300, titles=False)

    there = points @ matrix[:, :2].T + matrix[:, 2]
    for picture, width, centres in zip(pictures(drawing), (80, 160), (points, there), strict=True):
        scale = picture.shape[1] / width
        marked, radius = places(picture), picture.shape[0] / 32
        for centre in (centres + 0.5) * scale - 0.5:
            distance = np.hypot(*(marked - centre).T)
            assert (distance < radius + 4).any()
            assert not (distance < radius - 4).any()
    np.testing.assert_allclose(extent(pictures(drawing)[0], 80), box, atol=0.7)


def test_a_single_cell_is_a_ring_alone() -> None:
    hits = found((30.0, 20.0, 30.0, 20.0), TURNED)
    for options in ({"points": [(30, 20)]}, {}):
        drawing = draw_hits(hits, QUERY, grey, width=1300, **options)
        rings = [one for one in drawing.canvas.strokes if one.radius]
        assert len(rings) == len(drawing.canvas.strokes) == 2 * (1 + len(options))
        marked = pictures(draw_hits(hits, QUERY, grey, width=1300, titles=False, **options))[1]
        left, top, right, bottom = extent(marked, 160)
        np.testing.assert_allclose([(left + right) / 2, (top + bottom) / 2], (80, 70), atol=0.7)
        texts = [text.text for text in drawing.canvas.texts]
        assert texts[-2:] == ["1: b.jpg", "score 0.750"]


def test_a_mask_is_outlined_with_its_holes() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:41, 0:51] = True
    mask[20:31, 20:31] = False
    query, _ = pictures(draw_hits(found(BOX, TURNED), QUERY, grey, mask=mask, titles=False))

    np.testing.assert_allclose(extent(query, 80), (0, 10, 50, 40), atol=1)
    scale = query.shape[1] / 80
    x, y = (places(query).T + 0.5) / scale - 0.5
    middle = (x > 10) & (x < 45) & (y > 15) & (y < 35)
    assert middle.any()
    np.testing.assert_allclose([x[middle].min(), x[middle].max()], [19, 31], atol=1.2)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({}, "the whole image"),
        ({"points": [(1, 2.5)]}, "point 1, 2.5"),
        ({"points": [(1, 2), (3, 4)]}, "2 points"),
        ({"box": BOX}, "box 20, 10, 40, 30"),
        ({"mask": np.ones((60, 80), bool)}, "mask"),
    ],
)
def test_titles_say_what_is_looked_for_and_what_was_found(part: Mapping, text: str) -> None:
    drawing = draw_hits(found(), PIL.Image.fromarray(QUERY), grey, **part)
    texts = [one.text for one in drawing.canvas.texts]
    assert texts[0].startswith("query: ")
    assert texts[1:] == [text, "1: b.jpg", "score 0.750, 50% agree", "2: c.jpg", *texts[3:4]]
    assert draw_hits(found(), QUERY, grey, titles=False, **part).canvas.texts == []


def test_where_pictures_are_narrow_score_and_agreement_have_a_line_each() -> None:
    drawing = draw_hits(found(), QUERY, grey, width=250)
    texts = [one.text for one in drawing.canvas.texts]
    assert texts[2:5] == ["1: b.jpg", "score 0.750", "50% agree"]


def test_no_hit_is_the_query_alone() -> None:
    hits = to_dataset([], {"query": "a"})
    for part in ({"points": [(30, 20)]}, {"box": BOX}, {}):
        drawing = draw_hits(hits, QUERY, grey, width=640, titles=False, **part)
        assert drawing.shape == (480, 640, 3)
        assert bool(len(places(drawing))) == bool(part)


def test_a_photograph_that_is_missing_leaves_a_grey_place_that_says_why() -> None:
    def photographs(key: str) -> np.ndarray:
        if key == "b.jpg":
            raise ImageError("no photograph of b.jpg: nothing says where it is")
        return np.zeros((7, 9, 3), np.uint8) if key == "c.jpg" else grey(key)

    hits = found(BOX, TURNED, REFLECTED, np.eye(2, 3))
    drawing = draw_hits(hits, QUERY, photographs, box=BOX)

    assert len([one for one in drawing.canvas.strokes if one.color == MARK]) == 2 * 4
    assert len(places(drawing, GREY)) > drawing.size // 3 // 4
    texts = " ".join(one.text for one in drawing.canvas.texts)
    assert "nothing says" in texts
    assert "it has 9 x 7 pixels" in texts
    assert "3: d.jpg" in texts


def test_portraits_and_panoramas_have_one_height_and_long_names_are_cut() -> None:
    shapes = {"p" * 300: (300, 100), "w.jpg": (100, 400), "s.jpg": (100, 100)}
    several = [
        Hit(key, size, 0.5, 1.0, TURNED, corners_of(BOX, TURNED)) for key, size in shapes.items()
    ]
    hits = to_dataset(several, {})
    options = {"width": 1000, "titles": False}
    parts = pictures(
        draw_hits(hits.isel(hit=[0, 2]), QUERY, lambda key: photograph(*shapes[key]), **options)
    )
    assert [one.shape[1] / one.shape[0] for one in parts] == pytest.approx(
        [4 / 3, 1 / 3, 1], abs=0.01
    )
    drawing = draw_hits(hits, QUERY, lambda key: photograph(*shapes[key]), width=1000)
    assert "w.jpg" in " ".join(one.text for one in drawing.canvas.texts)
    assert max(len(one.text) for one in drawing.canvas.texts) < 60


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".svg", ".pdf"])
def test_it_is_a_drawing_like_the_others(tmp_path, suffix: str) -> None:
    if suffix == ".pdf":
        pytest.importorskip("matplotlib")
    draw_hits(found(), QUERY, grey, box=BOX, width=400).save(tmp_path / f"hits{suffix}")
    assert (tmp_path / f"hits{suffix}").stat().st_size > 500


def test_what_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(OptionError, match="exclude each other"):
        draw_hits(found(), QUERY, grey, box=BOX, points=[(1, 2)])
    with pytest.raises(OptionError, match="width"):
        draw_hits(found(), QUERY, grey, width=10)
    with pytest.raises(PointError, match="four numbers"):
        draw_hits(found(), QUERY, grey, box=(1, 2, 3))
    with pytest.raises(PointError):
        draw_hits(found(), QUERY, grey, points=[1, 2, 3])
    with pytest.raises(ImageError, match="mask"):
        draw_hits(found(), QUERY, grey, mask=np.ones((3, 3), bool))


@given(
    middle=st.tuples(*[st.floats(-60, 160)] * 2),
    radius=st.floats(1, 200),
    angle=st.floats(0, 7),
)
def test_a_polygon_is_cut_at_the_edges_of_its_picture(
    middle: tuple[float, float], radius: float, angle: float
) -> None:
    turns = angle + np.arange(4) * np.pi / 2
    square = middle + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    part = _clip(square, 2, (100, 60))
    assert (part >= 2 - 1e-9).all()
    assert (part <= np.array([97, 57]) + 1e-9).all()

    def area(polygon: np.ndarray) -> float:
        x, y = polygon.T
        return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2

    # By counting a grid of places.
    axes = ((middle - np.array([0, 0])), (np.cos(turns[0]), np.sin(turns[0])))
    grid = np.stack(np.meshgrid(np.arange(2, 97) + 0.5, np.arange(2, 57) + 0.5), axis=-1)
    offset = grid - axes[0]
    u = offset @ np.array(axes[1])
    v = offset @ np.array([-axes[1][1], axes[1][0]])
    inside = (np.abs(u) + np.abs(v) <= radius).sum()
    assert area(part) == pytest.approx(inside, abs=160)
