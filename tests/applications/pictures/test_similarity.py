import numpy as np
import pytest
from descr.applications import draw_similarity, point_similarity
from descr.applications.pictures import best_places
from descr.applications.pictures.palette import score_colors
from descr.descriptors.errors import ImageError, OptionError, PointError
from support.pictures import feature_map, photograph, random_map

CORNERS = feature_map(np.eye(4).reshape(4, 2, 2))
TURNED = feature_map(np.eye(4).reshape(4, 2, 2)[:, ::-1], name="b.png")


def test_cosines_are_those_of_the_cells_with_the_point() -> None:
    maps = [random_map(3, 4), random_map(5, 6, seed=1, height=90, width=120)]
    # The centres of two cells.
    points = [(9.5, 9.5), (69.5, 49.5)]
    own, other = point_similarity(maps, points)
    assert own.dims == ("point", "y", "x")
    assert (own.shape, other.shape) == ((2, 3, 4), (2, 5, 6))
    assert own.dtype == np.float32
    expected = np.einsum("c,cyx->yx", maps[0].values[:, 2, 3], maps[1].values)
    np.testing.assert_allclose(other[1], expected, atol=1e-6)
    assert other.attrs["image_name"] == "a.png"
    np.testing.assert_allclose(best_places(own), [(9.5, 9.5, 1), (69.5, 49.5, 1)], atol=1e-6)


def test_only_cells_in_the_mask_count() -> None:
    mask = np.zeros((60, 80), bool)
    mask[:, 40:] = True
    _, other = point_similarity([CORNERS, TURNED], [(10, 10)], masks=[None, mask])
    assert np.isnan(other.values[0, :, 0]).all()
    assert best_places(other)[0, 0] > 40
    with pytest.raises(ImageError):
        point_similarity([CORNERS, TURNED], [(10, 10)], masks=[None, np.zeros((60, 80), bool)])


def test_the_like_place_is_bright_and_the_colours_stand_below() -> None:
    drawing = draw_similarity([CORNERS, TURNED], [(10, 10), (70, 10)], width=410, titles=True)
    texts = [text.text for text in drawing.canvas.texts]
    assert texts == ["source: a.png", "target: b.png", "cosine 0.000", "1.000"]
    low, high = score_colors(np.array([0.0, 1.0]), 0, 1).tolist()
    header = next(row for row in range(60) if drawing[row, 206].tolist() in (low, high))
    right = drawing[:, 206:]
    rows = header + 30, header + 120
    first = [[right[y, x].tolist() for x in (20, 180)] for y in rows]
    assert first == [[low, low], [high, low]]
    second = [[right[y + 153, x].tolist() for x in (20, 180)] for y in rows]
    assert second == [[low, low], [low, high]]


def test_points_are_marked_in_the_first_image_and_the_best_cell_in_the_others() -> None:
    images = [np.full((60, 80, 3), 128, np.uint8)] * 3
    maps = [CORNERS, TURNED, TURNED]
    drawing = draw_similarity(maps, [(19.5, 14.5)], images=images, opacity=0)
    strokes = drawing.canvas.strokes
    discs = [one for one in strokes if one.radius == 0]
    rings = [one for one in strokes if one.radius > 0]
    assert (len(discs), len(rings)) == (3, 4)
    wide = drawing.shape[1] / 3
    assert discs[0].start[0] == pytest.approx(wide / 4, abs=4)
    assert rings[0].start[0] == pytest.approx(wide + wide / 4, abs=6)
    assert rings[0].start[1] == pytest.approx(wide * 0.75 * 0.75, abs=6)
    # Without opacity the photograph remains.
    assert drawing[10, round(wide) + 40].tolist() == [128] * 3


def test_one_image_lies_beside_itself() -> None:
    image = photograph(60, 80)
    drawing = draw_similarity([CORNERS], [(10, 10)], images=[image], width=400)
    assert drawing.shape[1] == pytest.approx(400, abs=2)
    assert len([one for one in drawing.canvas.strokes if one.radius > 0]) == 2


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(PointError, match="outside"):
        draw_similarity([CORNERS, TURNED], [(80, 10)])
    with pytest.raises(OptionError, match="opacity"):
        draw_similarity([CORNERS, TURNED], [(10, 10)], opacity=1.5)
    with pytest.raises(OptionError, match="width"):
        draw_similarity([CORNERS, TURNED], [(10, 10)], width=10)
