import numpy as np
import pytest
import torch
from descr.descriptors.errors import ImageError
from descr.descriptors.features.tensors import FeatureMap
from descr.matchers.cells import Cells, mask_at, masked_cells
from descr.matchers.testing import render_map


def map_cells(fmap):
    return Cells.of(FeatureMap.from_xarray(fmap))


def test_cells_of_a_map_share_its_memory():
    fmap = render_map(3, 4, channels=5)
    cells = map_cells(fmap)
    assert cells.features.data_ptr() == fmap.values.ctypes.data
    assert cells.features.shape == (5, 12)
    assert cells.grid == (3, 4)
    assert len(cells) == 12


def test_cells_know_their_places():
    fmap = render_map(3, 4)
    cells = map_cells(fmap)
    for index in range(12):
        row, column = divmod(index, 4)
        assert (cells.y[index], cells.x[index]) == (fmap.y[row], fmap.x[column])
        assert np.array_equal(cells.features[:, index], fmap.values[:, row, column])
    taken = cells.take(torch.tensor([7, 2]))
    assert taken.index.tolist() == [7, 2]
    assert np.array_equal(taken.features[:, 0], fmap.values[:, 1, 3])


@pytest.mark.parametrize(
    "view",
    [
        lambda values: values[::-1],
        lambda values: values[:, ::-1, :],
        lambda values: np.asfortranarray(values),
        lambda values: np.repeat(values, 2, axis=2)[:, :, ::2],
        lambda values: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
    ],
    ids=["channels reversed", "rows reversed", "fortran order", "strided", "read-only"],
)
def test_cells_of_any_memory_layout(view):
    fmap = render_map(3, 4)
    fmap = fmap.copy(data=view(fmap.values))
    cells = map_cells(fmap)
    assert np.array_equal(cells.features.reshape(fmap.shape), fmap.values)


def test_a_point_knows_the_cell_that_holds_it():
    fmap = render_map(3, 4, stride=8)
    points = Cells.at(FeatureMap.from_xarray(fmap), [(0, 0), (31.4, 23.4), (8.6, 7.2)], "nearest")
    assert points.index.tolist() == [0, 11, 1]
    assert points.x.tolist() == [0, 31.4, 8.6]
    assert points.y.tolist() == [0, 23.4, 7.2]
    assert np.array_equal(points.features[:, 2], fmap.values[:, 0, 1])


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_a_feature_at_a_point_has_unit_length(interpolation):
    fmap = FeatureMap.from_xarray(render_map(3, 4, stride=8) * np.float32(1.00009))
    features = Cells.at(fmap, [(0, 0), (8.6, 7.2)], interpolation).features
    assert np.allclose(features.norm(dim=0).numpy(), 1, atol=3e-7)


def test_points_between_cells_are_interpolated():
    fmap = render_map(1, 2, stride=8)
    middle = Cells.at(FeatureMap.from_xarray(fmap), [(7.5, 3.5)], "bilinear").features[:, 0].numpy()
    expected = fmap.values[:, 0].sum(axis=1)
    assert np.allclose(middle, expected / np.linalg.norm(expected), atol=1e-6)


def test_a_mask_counts_at_the_pixel_nearest_the_centre():
    """Cells of 3 pixels are centred on pixels 1, 4 and 7 on each axis."""
    fmap = render_map(3, 3, stride=3)
    mask = np.zeros((9, 9), dtype=bool)
    mask[4, 7] = mask[1, 0] = mask[2, 1] = True
    cells = masked_cells(map_cells(fmap), mask, fmap, "mask")
    assert cells.index.tolist() == [5]
    assert np.array_equal(cells.features[:, 0], fmap.values[:, 1, 2])


def test_places_at_the_rim_have_a_nearest_pixel():
    fmap = render_map(3, 3, stride=3)
    mask = np.zeros((9, 9), dtype=bool)
    mask[0, 0] = mask[8, 8] = True
    rim = torch.tensor([-0.5, 8.5, 4.0], dtype=torch.float64)
    assert mask_at(mask, fmap, rim, rim, "mask").tolist() == [True, True, False]


def test_a_mask_without_a_cell_is_refused():
    fmap = render_map(3, 3, name="cat.jpg")
    with pytest.raises(ImageError, match=r"the source mask leaves no cell of cat\.jpg"):
        masked_cells(map_cells(fmap), np.zeros((24, 24), dtype=bool), fmap, "source mask")


def test_a_mask_of_everything_copies_nothing():
    fmap = render_map(3, 3)
    cells = map_cells(fmap)
    assert masked_cells(cells, np.ones((24, 24), dtype=bool), fmap, "mask") is cells
    assert masked_cells(cells, None, fmap, "mask") is cells


def test_a_mask_of_another_size_is_refused():
    fmap = render_map(3, 3)
    with pytest.raises(ImageError, match="target mask is 3 x 3 pixels, but its image is 24 x 24"):
        masked_cells(map_cells(fmap), np.ones((3, 3), dtype=bool), fmap, "target mask")
