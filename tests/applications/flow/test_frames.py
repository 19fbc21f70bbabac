import numpy as np
from descr.applications.flow.frames import Frame
from descr.descriptors.features.grids import nearest_pixels
from hypothesis import given, settings
from hypothesis import strategies as st

NUMBERS = st.floats(-30, 60)


def bring_in(frame: Frame, places) -> list[tuple[float, float]]:
    y, x = np.array(places, dtype=float).T
    return list(zip(*(part.tolist() for part in frame.bring_in(y, x)), strict=True))


def test_places_inside_stay_where_they_are():
    places = [(0.0, 0.0), (3.25, 7.5), (-0.5, 19.5), (9.5, -0.5)]
    assert bring_in(Frame(10, 20, None, 4), places) == places


def test_places_a_little_outside_come_to_the_border():
    found = bring_in(Frame(10, 20, None, 4), [(-1.0, 7.25), (11.0, 22.0), (5.0, -4.0)])
    assert found == [(-0.5, 7.25), (9.5, 19.5), (5.0, -0.5)]


def test_places_far_outside_and_unknown_ones_are_unknown():
    found = bring_in(Frame(10, 20, None, 4), [(5.0, -4.6), (np.nan, 3.0), (3.0, np.nan)])
    assert np.isnan(found).all()


def test_places_outside_the_mask_come_to_its_nearest_pixel():
    mask = np.zeros((10, 20), dtype=bool)
    mask[4:7, 5:9] = True
    frame = Frame(10, 20, mask, 2.5)
    places = [(5.3, 6.8), (6.4, 8.4), (7.0, 10.0), (1.9, 6.0), (1.0, 6.0)]
    found = bring_in(frame, places)
    assert found[:4] == [(5.3, 6.8), (6.4, 8.4), (6.0, 8.0), (4.0, 6.0)]
    assert np.isnan(found[4]).all()


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1),
    seed=st.integers(0, 20),
    reach=st.floats(0, 30),
)
def test_whatever_is_known_lies_in_the_mask(places, seed, reach):
    mask = np.random.default_rng(seed).random((12, 17)) < 0.3
    mask[3, 4] = True
    y, x = np.array(places).T
    in_y, in_x = Frame(12, 17, mask, reach).bring_in(y, x)
    known = np.isfinite(in_y)
    np.testing.assert_array_equal(known, np.isfinite(in_x))
    assert mask[nearest_pixels(in_y[known], 12), nearest_pixels(in_x[known], 17)].all()
    assert (np.hypot(in_y - y, in_x - x)[known] <= reach).all()
