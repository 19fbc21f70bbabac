"""Reading and placing against the words of the papers' code, written out point by point."""

import numpy as np
import pytest
import torch
from descr.applications.evaluation.protocols.conventions import ANSWERS, PaddedCanvas
from descr.descriptors.errors import OptionError
from descr.descriptors.features.grids import Grid
from descr.descriptors.image.canvas import Canvas
from hypothesis import assume, given, settings
from hypothesis import strategies as st

SIDES = st.integers(20, 900)


def grid_of(height, width, *, size=840, stride=14, fit="pad"):
    """The cells that are kept of a canvas: their places on it (rows, columns), and the grid."""
    canvas = Canvas.fitted(height, width, size=size, fit=fit, multiple=stride)
    kept, centres = zip(
        *(axis.cells(axis.length // stride, stride, stride) for axis in (canvas.y, canvas.x)),
        strict=True,
    )
    return kept, Grid(*centres)


def scaled(points, height, width, size=840):
    """The points on the canvas, as tensors of float32, and what lies before the image there."""
    points = torch.tensor(points, dtype=torch.float32)
    points *= size / max(width, height)
    before = [0, 0]
    if height < width:
        before[1] = int((size - int(np.around(size * height / width))) / 2)
    elif width < height:
        before[0] = int((size - int(np.around(size * width / height))) / 2)
    points[:, 0] += before[0]
    points[:, 1] += before[1]
    return points, before


@settings(max_examples=150, deadline=None)
@given(
    height=SIDES,
    width=SIDES,
    stride=st.sampled_from([(840, 14), (960, 16), (420, 14), (480, 8)]),
    mirrored=st.booleans(),
    data=st.data(),
)
def test_cells_and_answers_are_those_of_the_original(height, width, stride, mirrored, data):
    size, step = stride
    kept, grid = grid_of(height, width, size=size, stride=step)
    # A strip so thin that it has no cell is refused by extraction.
    assume(len(grid.y) and len(grid.x))
    patches = size // step
    side = 14 * patches
    place = st.tuples(
        st.one_of(st.integers(0, width), st.floats(0, width, width=32)),
        st.one_of(st.integers(0, height), st.floats(0, height, width=32)),
    )
    points = np.array(data.draw(st.lists(place, min_size=1, max_size=8)), dtype=np.float64)
    on_canvas, before = scaled(points, height, width, side)
    if mirrored:
        on_canvas[:, 0] = side - on_canvas[:, 0]
    canvas = PaddedCanvas.of(grid, height, width)
    result = canvas.cells(points, mirrored=mirrored)
    for axis, cells in enumerate(result):
        for place, cell in zip(on_canvas[:, 1 - axis].numpy(), cells, strict=True):
            read = int((patches / side * place[None]).astype(np.int32)[0])
            # Of a cell that was dropped, the nearest that was not.
            assert cell + kept[axis].start == min(max(read, kept[axis].start), kept[axis].stop - 1)
    for name, within in (("original", 14 // 2 - 0.5), ("geoaware", 14.0 // 2)):
        answers = canvas.answers(ANSWERS[name])
        for axis, centres in enumerate((answers.y, answers.x)):
            k = np.arange(patches)[kept[axis]]
            there = (14 * k + within - before[1 - axis]) * max(width, height) / side
            np.testing.assert_allclose(centres, there, rtol=1e-12, atol=1e-9)


def test_the_edge_of_a_cell_falls_as_in_float32():
    """Each of these points lies on the edge of a cell, and some of them fall to the one before."""
    below = 0
    for side in range(100, 900):
        x = np.array([place for place in range(side) if 60 * place % side == 0])
        points = np.stack([x, x], axis=1).astype(float)
        row, column = PaddedCanvas.of(grid_of(side, side)[1], side, side).cells(points)
        single = (np.float32(60 / 840) * scaled(points, side, side)[0][:, 0].numpy()).astype(int)
        np.testing.assert_array_equal(column, single)
        np.testing.assert_array_equal(row, single)
        below += (column == 60 * x // side - 1).sum()
    assert 0 < below < 100


@pytest.mark.parametrize("fit", ["stretch", "aspect"])
def test_another_canvas_has_no_such_place(fit):
    _, grid = grid_of(333, 500, fit=fit, size=420)
    if fit == "aspect":
        grid = Grid(np.linspace(0, 332, 19), grid.x)
    with pytest.raises(OptionError, match="500 x 333 pixels") as error:
        PaddedCanvas.of(grid, 333, 500)
    assert "fit=pad" in error.value.hint
    # A square is the same on any canvas.
    PaddedCanvas.of(grid_of(500, 500, fit=fit)[1], 500, 500)
