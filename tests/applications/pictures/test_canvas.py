from io import BytesIO

import numpy as np
import PIL.Image
import pytest
from descr.applications.pictures import Drawing
from descr.applications.pictures.canvas import Canvas, Stroke


def canvas(height: int, width: int, value: int = 100) -> Canvas:
    return Canvas.of(np.full((height, width, 3), value, np.uint8))


def test_nothing_drawn_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Canvas.of(picture).finish(), picture)


def test_colours_cover_and_mix_by_their_opacity() -> None:
    page = canvas(20, 30)
    page.circle((10, 10), (200, 20, 60), 4)
    page.circle((22, 10), (0, 0, 0), 4, opacity=0.5)
    page.line((0, 10), (29, 10), (255, 255, 255), 2, 0.5)
    drawing = page.finish()
    assert drawing[8, 10].tolist() == [200, 20, 60]
    assert drawing[12, 22].tolist() == [50, 50, 50]
    assert drawing[10, 22].tolist() == pytest.approx([152] * 3, abs=1)
    assert drawing[2, 2].tolist() == [100, 100, 100]


def test_a_ring_is_hollow() -> None:
    page = canvas(40, 40, 0)
    page.circle((20, 20), (255, 0, 0), 10, 3)
    ring = page.finish()[:, :, 0]
    assert ring[20, 20] == 0
    assert ring[20, 10] == ring[30, 20] == 255
    radii = np.hypot(*(np.indices(ring.shape) - 20))[ring >= 128]
    assert 8 <= radii.min() < radii.max() <= 12


@pytest.mark.parametrize("end", [(30, 5), (5, 30), (30, 30), (2, 28), (-38, 60), (5, 5)])
@pytest.mark.parametrize("thickness", [0.5, 1.0, 2.4, 9.0])
def test_a_line_covers_its_area(end: tuple[int, int], thickness: float) -> None:
    page = canvas(120, 120, 0)
    start, end = (45.3, 44.8), (end[0] + 50, end[1] + 20)
    page.line(start, end, (255, 255, 255), thickness)
    covered = page.finish()[:, :, 0] / 255
    length = np.hypot(end[0] - start[0], end[1] - start[1])
    wide = max(thickness, 1.0)
    area = (length * wide + np.pi * wide**2 / 4) * thickness / wide
    assert covered.sum() == pytest.approx(area, rel=0.06)


@pytest.mark.parametrize(
    ("start", "end"),
    [((-20, 5), (25, 33)), ((12, -30), (14, 60)), ((3, 3), (3, 3)), ((-9, -9), (-9, -9))],
)
@pytest.mark.parametrize("radius", [0.0, 4.0])
def test_what_leaves_the_picture_is_cut_at_its_edge(
    start: tuple[float, float], end: tuple[float, float], radius: float
) -> None:
    drawings = []
    for border in (0, 40):
        page = canvas(30 + 2 * border, 20 + 2 * border)
        for color, thickness in (((0, 0, 0), 6), ((250, 90, 10), 2.5)):
            ends = [(x + border, y + border) for x, y in (start, end)]
            page.strokes.append(Stroke(*ends, color, 0.6, thickness, radius))
        drawings.append(page.finish())
    small, large = drawings
    np.testing.assert_array_equal(small, large[40:-40, 40:-40])


def test_a_drawing_put_on_another_takes_along_what_is_drawn() -> None:
    inner = canvas(20, 20)
    inner.circle((10, 10), (255, 0, 0), 3)
    inner.write([("a", 2, 4)], size=8)
    outer = Canvas.blank(60, 60)
    outer.put(inner.finish(), 10, 20, 2.0)
    drawing = outer.finish()
    assert drawing[41, 31].tolist() == [255, 0, 0]
    assert drawing[10, 10].tolist() == [255] * 3
    assert (drawing[20:36, 10:26].min(axis=-1) < 60).any()
    assert len(outer.strokes) == len(outer.texts) == 1


def test_a_drawing_is_an_array_and_parts_of_it_are_pixels_alone() -> None:
    page = canvas(20, 30)
    page.circle((10, 10), (200, 20, 60), 4)
    drawing = page.finish()
    assert isinstance(drawing, Drawing)
    assert drawing.canvas is page
    assert drawing[:10].canvas is None
    assert type(drawing == 100) is np.ndarray
    assert float(drawing.mean()) == float(np.asarray(drawing).mean())
    assert PIL.Image.fromarray(drawing).size == (30, 20)


def test_a_notebook_shows_the_same_pixels() -> None:
    page = canvas(20, 30)
    page.circle((10, 10), (200, 20, 60), 4)
    drawing = page.finish()
    picture = PIL.Image.open(BytesIO(drawing._repr_png_() or b""))
    np.testing.assert_array_equal(np.array(picture), drawing)
    assert drawing[0]._repr_png_() is None
