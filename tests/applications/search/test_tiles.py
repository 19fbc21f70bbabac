import numpy as np
import torch
from descr.applications.search.tiles import tile_counts, tiles_of


def test_tiles_are_the_mean_directions_of_4_x_4_cells_row_by_row():
    cells = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 6, 5))).float()

    tiles = tiles_of(cells)

    assert tiles.dtype == torch.int8
    assert len(tiles) == tile_counts(np.array([[9, 6]]))[0] == 6
    parts = [cells[y : y + 4, x : x + 4] for y in (0, 4, 8) for x in (0, 4)]
    means = torch.stack([part.mean(dim=(0, 1)) for part in parts])
    expected = means / means.abs().amax(dim=1, keepdim=True) * 127
    torch.testing.assert_close(tiles.float(), expected, atol=0.51, rtol=0)


def test_a_tile_of_zeros_stays_one():
    assert tiles_of(torch.zeros(4, 4, 3)).tolist() == [[0, 0, 0]]
