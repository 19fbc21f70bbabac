import cv2
import numpy as np
import pytest
from descr.descriptors import SIFT
from descr.descriptors.errors import DescrError, OptionError
from descr.descriptors.image.canvas import FITS, Canvas
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

sides = st.integers(2, 6000)
fits = st.sampled_from(FITS)
strides = st.sampled_from([1, 2, 7, 8, 14, 16, 64])


def make(height: int, width: int, fit: str, stride: int, steps: int) -> Canvas:
    return Canvas.fitted(height, width, size=stride * steps, fit=fit, multiple=stride)


@given(sides, sides, fits, strides, st.integers(1, 80))
@settings(deadline=None)
def test_edges_of_the_content_are_edges_of_the_image(height, width, fit, stride, steps):
    canvas = make(height, width, fit, stride, steps)
    for axis, side in ((canvas.y, height), (canvas.x, width)):
        positions = np.linspace(axis.offset - 0.5, axis.offset + axis.content - 0.5, 9)
        expected = np.linspace(-0.5, side - 0.5, 9)
        assert axis.to_image(positions) == pytest.approx(expected, abs=1e-9)


@given(sides, sides, fits, strides, st.integers(1, 80), st.integers(1, 3))
@example(500, 741, "pad", 14, 60, 1)
@settings(deadline=None)
def test_kept_cells_lie_in_the_image_and_dropped_ones_do_not(
    height, width, fit, stride, steps, overlap
):
    canvas = make(height, width, fit, stride, steps)
    patch = stride * overlap
    for axis, side in ((canvas.y, height), (canvas.x, width)):
        count = (axis.length - patch) // stride + 1
        assume(count > 0)
        kept, centres = axis.cells(count, stride, patch)
        everywhere = axis.to_image(np.arange(count) * stride + (patch - 1) / 2)
        assert ((centres >= -0.5) & (centres <= side - 0.5)).all()
        assert np.allclose(centres, everywhere[kept], atol=1e-9)
        dropped = np.delete(everywhere, np.arange(count)[kept])
        assert ((dropped < -0.5 + 1e-9) | (dropped > side - 0.5 - 1e-9)).all()


def test_pad_centres_the_image_and_scales_each_side_by_its_own_exact_factor():
    canvas = Canvas.fitted(500, 741, size=840, fit="pad", multiple=14)
    assert (canvas.x.content, canvas.x.offset) == (840, 0)
    assert (canvas.y.content, canvas.y.offset) == (567, 136)
    assert canvas.y.scale == 567 / 500
    assert canvas.x.scale == 840 / 741
    rows, y = canvas.y.cells(60, 14, 14)
    assert (rows.start, rows.stop) == (10, 50)
    assert y[0] == pytest.approx((10.5 * 14 - 136) / (567 / 500) - 0.5)


def test_stretch_scales_each_side_to_the_square():
    canvas = Canvas.fitted(300, 600, size=768, fit="stretch", multiple=16)
    assert (canvas.y.length, canvas.x.length) == (768, 768)
    assert canvas.y.to_image(0) == pytest.approx(0.5 * 300 / 768 - 0.5)
    assert canvas.x.to_image(767) == pytest.approx(767.5 * 600 / 768 - 0.5)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(300, 451, (512, 768)), (451, 300, (768, 512)), (100, 100, (768, 768)), (2, 3000, (8, 768))],
)
def test_aspect_has_the_long_side_asked_for_and_rounds_the_other(height, width, expected):
    canvas = Canvas.fitted(height, width, size=768, fit="aspect", multiple=8)
    assert (canvas.y.length, canvas.x.length) == expected
    assert (canvas.y.offset, canvas.x.offset) == (0, 0)


@pytest.mark.parametrize(
    ("height", "width", "size", "rows"),
    [
        (427, 640, 960, 640),  # 640.5
        (429, 640, 960, 644),  # 643.5
        (424, 640, 840, 556),  # 556.5
        (440, 640, 840, 578),  # 577.5
        (333, 500, 960, 639),  # 639.36
        (334, 500, 960, 641),  # 641.28
        (1, 3000, 960, 1),  # 0.32, and an image has a row
    ],
)
def test_the_padded_side_is_rounded_half_to_even_as_the_originals_do(height, width, size, rows):
    assert max(1, int(np.around(size * height / width))) == rows
    for turned in (False, True):
        sides = (width, height) if turned else (height, width)
        canvas = Canvas.fitted(*sides, size=size, fit="pad", multiple=1)
        axis = canvas.x if turned else canvas.y
        assert (axis.content, axis.offset) == (rows, (size - rows) // 2)


@given(sides, sides, st.sampled_from([768, 840, 960]))
def test_every_padded_side_is_that_of_numpys_around(height, width, size):
    canvas = Canvas.fitted(height, width, size=size, fit="pad", multiple=8)
    for axis, side in ((canvas.y, height), (canvas.x, width)):
        assert axis.content == max(1, int(np.around(size * side / max(height, width))))


@pytest.mark.parametrize(("height", "rows"), [(430, 64), (450, 68), (470, 70), (490, 74)])
def test_aspect_rounds_half_to_even_as_well(height, rows):
    # 64.5, 67.5, 70.5 and 73.5 steps of 8.
    canvas = Canvas.fitted(height, 640, size=768, fit="aspect", multiple=8)
    assert canvas.y.length == 8 * rows


@pytest.mark.parametrize(
    ("height", "width", "size", "multiple", "expected"),
    [
        (480, 854, 480, 16, (480, 832)),  # DAVIS at 480p: 26.7 times 32
        (854, 480, 480, 16, (832, 480)),
        (480, 910, 480, 32, (480, 896)),
        (1080, 1920, 480, 8, (480, 832)),
        (1000, 1000, 480, 16, (480, 480)),
        (480, 854, 448, 64, (448, 768)),
        (480, 854, 448, 14, (448, 672)),  # a multiple of 224
        (480, 490, 16, 16, (16, 32)),
    ],
)
def test_short_keeps_the_short_side_and_rounds_the_long_one_down(
    height, width, size, multiple, expected
):
    canvas = Canvas.fitted(height, width, size=size, fit="short", multiple=multiple)
    assert (canvas.y.length, canvas.x.length) == expected
    for axis, side in ((canvas.y, height), (canvas.x, width)):
        assert (axis.content, axis.offset) == (axis.length, 0)
        assert axis.scale == axis.length / side


@given(sides, sides)
def test_the_sides_of_short_are_those_of_dift(height, width):
    # int(x // 32 * 32) of the long side in proportion, as in its evaluation on DAVIS.
    canvas = Canvas.fitted(height, width, size=480, fit="short", multiple=16)
    short, long = sorted((height, width))
    expected = int(480 * long / short // 32 * 32)
    assert sorted((canvas.y.length, canvas.x.length)) == [480, expected]


def test_short_resamples_as_opencv_without_antialiasing():
    image = np.random.default_rng(0).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    canvas = Canvas.fitted(90, 160, size=48, fit="short", multiple=16)
    expected = cv2.resize(image, (64, 48), interpolation=cv2.INTER_LINEAR)
    assert (canvas.render(image) == expected).all()


def test_render_pads_with_black_and_keeps_the_content():
    image = np.full((50, 100, 3), 200, dtype=np.uint8)
    picture = Canvas.fitted(50, 100, size=64, fit="pad", multiple=8).render(image)
    assert picture.shape == (64, 64, 3)
    assert (picture[:16] == 0).all()
    assert (picture[16:48] == 200).all()
    assert (picture[48:] == 0).all()


def test_a_margin_takes_the_place_of_black():
    image = np.indices((50, 100)).sum(axis=0).astype(np.uint8)[:, :, None].repeat(3, axis=2)
    picture = Canvas.fitted(50, 100, size=100, fit="pad", multiple=4).render(image, margin=40)
    assert picture.shape == (180, 180, 3)
    expected = np.pad(image, ((65, 65), (40, 40), (0, 0)), "symmetric")
    assert (picture == expected).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [128, 512])
@pytest.mark.parametrize(("height", "width"), [(166, 250), (250, 166), (201, 240)])
def test_a_ramp_keeps_its_coordinates_through_the_canvas(fit, size, height, width):
    # In 8 bits OpenCV cuts off the fractions of both pixels that it reads, to quarters.
    low = 0.25 if fit == "short" else 0
    # Pixels whose value is their own x (or y) say it at the place that the mapping names.
    for axis in ("y", "x"):
        ramp = np.indices((height, width))[0 if axis == "y" else 1]
        image = np.repeat(ramp[:, :, None], 3, axis=2).astype(np.uint8)
        canvas = Canvas.fitted(height, width, size=size, fit=fit, multiple=16)
        picture = canvas.render(image)[:, :, 0].astype(float)
        side, other = (canvas.y, canvas.x) if axis == "y" else (canvas.x, canvas.y)
        inner = np.arange(side.offset + 12, side.offset + side.content - 12)
        middle = other.offset + other.content // 2
        text = picture[inner, middle] if axis == "y" else picture[middle, inner]
        difference = text - side.to_image(inner)
        assert np.abs(difference).max() < 0.75
        assert -low - 0.05 < difference.mean() < 0.05


def test_an_image_and_its_crop_agree_on_coordinates():
    # Long sides of 512 and 256 on canvases of 512 and 256: one scale, and a crop on the grid.
    height, width, top, left = 384, 512, 64, 128
    whole = Canvas.fitted(height, width, size=512, fit="aspect", multiple=8)
    crop = Canvas.fitted(192, 256, size=256, fit="aspect", multiple=8)
    for full, part, start in ((whole.y, crop.y, top), (whole.x, crop.x, left)):
        _, centres = full.cells(full.length // 8, 8, 8)
        _, inside = part.cells(part.length // 8, 8, 8)
        assert np.allclose(
            centres[start // 8 : start // 8 + len(inside)], inside + start, atol=1e-9
        )


@given(
    st.integers(2, 12),
    st.integers(2, 12),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from([0.5, 1, 1.5, 2, 3]),
    st.sampled_from(["aspect", "stretch"]),
)
@settings(deadline=None)
def test_crops_on_the_grid_agree_at_every_scale(rows, columns, down, right, scale, fit):
    # Cells of 8 canvas pixels at `scale` canvas pixels per image pixel.
    cell = 8 / scale
    assume(fit == "aspect" or rows == columns)

    def centres(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        height, width = rows * cell, columns * cell
        assume(height == int(height) and width == int(width))
        size = 8 * max(rows, columns)
        canvas = Canvas.fitted(int(height), int(width), size=size, fit=fit, multiple=8)
        return canvas.y.cells(rows, 8, 8)[1], canvas.x.cells(columns, 8, 8)[1]

    part_y, part_x = centres(rows, columns)
    more = max(rows + down, columns + right) if fit == "stretch" else None
    whole_y, whole_x = centres(more or rows + down, more or columns + right)
    assert np.allclose(whole_y[down : down + rows], part_y + down * cell, atol=1e-9)
    assert np.allclose(whole_x[right : right + columns], part_x + right * cell, atol=1e-9)


def test_features_of_an_image_and_of_its_crop_agree_in_place(chelsea):
    image = chelsea[:296, :448]
    describe_whole, describe_crop = SIFT(size=448), SIFT(size=224)
    whole = describe_whole.extract([image])[0]["sift/scale_1"]
    crop = describe_crop.extract([image[72:224, 112:336]])[0]["sift/scale_1"]
    inner = crop["features"].isel(y=slice(4, -4), x=slice(4, -4))
    same = whole["features"].sel(y=inner.y + 72, x=inner.x + 112)
    cosine = (same.values * inner.values).sum(axis=0)
    assert cosine.min() > 0.999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 480, "fit": "short"}, "multiple of 14.*not 480.*476 and 490"),
        ({"size": 850, "fit": "pad"}, "multiple of 14.*840 and 854"),
        ({"size": 10, "fit": "stretch"}, "multiple of 14"),
        ({"size": 0, "fit": "aspect"}, "size must be an integer of at least 1, not 0"),
        (
            {"size": 840, "fit": "squash"},
            "fit must be one of pad, stretch, aspect, short, not 'squash'",
        ),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        Canvas.fitted(100, 100, multiple=14, **options)


def test_an_image_too_thin_for_its_canvas_is_an_error_that_says_so():
    thin = np.zeros((2, 3000, 3), dtype=np.uint8)
    with pytest.raises(DescrError, match="3000 x 2 pixels: too thin for its canvas of 256 x 256"):
        SIFT(size=256, fit="pad").extract([thin])
