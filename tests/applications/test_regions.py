import numpy as np
from descr.applications.regions import nearest_inside, spread, window

REGION = np.array([[False, True, False, False, True]])


def test_values_spread_from_the_nearest_place_inside() -> None:
    values = np.array([[1, 2, 3, 4, 5]])
    assert spread(values, REGION).tolist() == [[2, 2, 2, 5, 5]]
    for region in (REGION | True, REGION & False):
        assert spread(values, region).tolist() == values.tolist()
    assert nearest_inside(REGION).tolist() == [[[0, 0, 0, 0, 0]], [[1, 1, 1, 4, 4]]]


def test_a_window_holds_the_region_and_its_margin() -> None:
    region = np.zeros((9, 12), dtype=bool)
    region[4, 2:5] = region[6, 3] = True
    assert window(region) == (slice(4, 7), slice(2, 5))
    # It may leave the image at its far side, where slices end by themselves.
    assert window(region, 3) == (slice(1, 10), slice(0, 8))
    assert window(region & False, 3) == (slice(0, 0), slice(0, 0))
