import numpy as np
import pytest
from descr.applications.swap.motion import Fit


def test_an_image_of_the_size_of_the_frame_stays_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    fit = Fit.of((30, 20), (30, 20))
    np.testing.assert_array_equal(fit.apply(pixels), pixels)
    np.testing.assert_array_equal(fit.over_itself(pixels), pixels)


@pytest.mark.parametrize(("image", "corner"), [((100, 40), (-0.5, 4.5)), ((40, 40), (9.5, -0.5))])
def test_an_image_is_centred(image: tuple[int, int], corner: tuple[float, float]) -> None:
    fit = Fit.of(image, (50, 30))
    x, y = fit.place(np.array([-0.5, image[0] - 0.5]), np.array([-0.5, image[1] - 0.5]))
    assert (x[0], y[0]) == pytest.approx(corner)
    # Symmetric about the centre of the frame.
    assert (x[0] + x[1], y[0] + y[1]) == pytest.approx((49, 29))


@pytest.mark.parametrize("factor", [0.5, 3])
def test_pixels_are_drawn_where_places_are(factor: float) -> None:
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[10:16, 30:38] = 255
    fit = Fit.of((60, 40), (round(60 * factor), round(40 * factor)))
    y, x = (fit.apply(pixels)[:, :, 0] > 127).nonzero()
    expected = fit.place(np.array([33.5]), np.array([12.5]))
    assert (x.mean(), y.mean()) == pytest.approx((expected[0][0], expected[1][0]), abs=0.2)
