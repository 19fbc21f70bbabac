from functools import cache

import numpy as np
import pytest
import torch
from descr.descriptors.errors import OptionError
from descr.descriptors.image.canvas import Canvas
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.diffusion.windows import Window, coverage, cut_windows
from descr.descriptors.testing import render_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import STABLE_DIFFUSION
from support.reference import windowed

LAYERS = ("decoder_2", "decoder_5", "decoder_8", "decoder_11")


def tiny(**options) -> StableDiffusion:
    given = {"size": 192, "window": 128, "device": "cpu", "dtype": "float32", "layers": LAYERS}
    return StableDiffusion(model=str(STABLE_DIFFUSION), **{**given, **options})


@torch.no_grad()
def states(describe, pixels, **options):
    result = describe.forward_batch(pixels, range(len(pixels)), **options)
    return {name: state.numpy() for name, state in result.items()}


@cache
def loaded(window):
    """What `tiny` makes, with its networks, for windows of this side."""
    return tiny(window=window, layers=LAYERS[:3], noise="gaussian")


def random_pixels(batch, height, width, seed=0):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("canvas", ["square", "wide"])
def test_features_in_windows_are_those_of_the_original(canvas):
    pixels = torch.from_numpy(windowed(f"pixels_{canvas}"))
    result = states(tiny(noise=windowed("noise")), pixels)
    assert list(result) == list(LAYERS)
    for name, state in result.items():
        expected = windowed(f"{canvas}_empty_{name.replace('_', '_block')}")
        assert state.shape == expected.shape
        assert np.abs(state - expected).max() < 1e-4, name


def test_the_windows_of_the_papers_canvas():
    assert cut_windows(960, 960, 512) == [
        Window(top, left, 512, 512) for top in (0, 448) for left in (0, 448)
    ]
    assert cut_windows(512, 1408, 512) == [Window(0, left, 512, 512) for left in (0, 512, 896)]
    assert cut_windows(320, 960, 512) == [Window(0, left, 320, 320) for left in (0, 320, 640)]
    assert cut_windows(320, 960, None) == [Window(0, 0, 320, 960)]


@given(
    rows=st.integers(1, 12), columns=st.integers(1, 12), side=st.integers(1, 12), scale=st.just(8)
)
def test_windows_cover_a_canvas_and_end_at_its_borders(rows, columns, side, scale):
    height, width, window = rows * scale, columns * scale, side * scale
    windows = cut_windows(height, width, window)
    square = min(height, width, window)
    assert len(set(windows)) == len(windows) == -(-height // square) * -(-width // square)
    count = np.zeros((rows, columns), int)
    for window in windows:
        assert (window.height, window.width) == (square, square)
        assert window.top % scale == window.left % scale == 0
        assert window.top + square <= height
        assert window.left + square <= width
        inside = slice(window.top // scale, (window.top + square) // scale)
        count[inside, window.left // scale : (window.left + square) // scale] += 1
    assert (count >= 1).all()
    assert np.array_equal(coverage(windows, torch.zeros(2, rows, columns), scale), count)


@settings(max_examples=6, deadline=None)
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), side=st.integers(1, 3))
def test_each_cell_is_the_mean_over_exactly_the_windows_that_hold_it(rows, columns, side):
    pixels = random_pixels(2, 64 * rows, 64 * columns, seed=rows)
    result = states(loaded(64 * side), pixels)
    square = 64 * min(rows, columns, side)
    tops, lefts = (
        sorted({min(at, n - square) for at in range(0, n, square)})
        for n in (64 * rows, 64 * columns)
    )
    windows = {
        (top, left): states(loaded(None), pixels[:, :, top : top + square, left : left + square])
        for top in tops
        for left in lefts
    }
    for name, state in result.items():
        stride = 64 * rows // state.shape[2]
        for row, column in np.ndindex(state.shape[2:]):
            y, x = row * stride, column * stride
            holding = [
                one[name][:, :, (y - top) // stride, (x - left) // stride]
                for (top, left), one in windows.items()
                if top <= y < top + square and left <= x < left + square
            ]
            assert np.allclose(state[:, :, row, column], np.mean(holding, axis=0), atol=1e-4)


def test_one_window_is_one_pass():
    pixels = random_pixels(2, 128, 128)
    window, whole = (states(tiny(window=side), pixels) for side in (512, None))
    for name in LAYERS:
        assert np.array_equal(window[name], whole[name])


def test_one_pass_over_a_larger_canvas_is_another_function():
    pixels = torch.from_numpy(windowed("pixels_square"))
    window, whole = (states(tiny(window=side, layers="decoder_5"), pixels) for side in (128, None))
    cosine = np.sum(window["decoder_5"] * whole["decoder_5"], axis=1) / (
        np.linalg.norm(window["decoder_5"], axis=1) * np.linalg.norm(whole["decoder_5"], axis=1)
    )
    assert cosine.mean() < 0.9


def test_a_cell_outside_the_overlaps_depends_on_its_own_window_alone():
    pixels = random_pixels(1, 192, 192)
    changed = pixels.clone()
    changed[:, :, 128:, 128:] = 0.5
    before, after = (states(tiny(), one) for one in (pixels, changed))
    for name, state in before.items():
        # The first window ends where the last but a third of the cells of a row begin.
        own = state.shape[2] // 3
        assert np.array_equal(state[..., :own, :own], after[name][..., :own, :own])
        assert not np.allclose(state[..., -own:, -own:], after[name][..., -own:, -own:], atol=1e-2)


def test_windows_of_padding_alone_are_not_run_and_nothing_kept_changes(monkeypatch):
    from descr.descriptors.models.diffusion import stable_diffusion as descriptor

    canvases = [
        Canvas.fitted(height, width, size=320, fit="pad", multiple=64)
        for height, width in ((60, 320), (320, 320))
    ]
    pixels = random_pixels(2, 320, 320)
    describe = tiny(size=320, window=64, layers="decoder_5")
    original, latents = descriptor.decoder_states, []

    def decoder_states(unet, noisy, *arguments):
        latents.append(len(noisy))
        return original(unet, noisy, *arguments)

    monkeypatch.setattr(descriptor, "decoder_states", decoder_states)
    every = states(describe, pixels)["decoder_5"]
    assert sum(latents) == 50
    latents.clear()
    needed = states(describe, pixels, canvases=canvases)["decoder_5"]
    # The first image fills one row of windows, from 130 to 190.
    assert sum(latents) == 5 + 25
    rows, _ = canvases[0].y.cells(10, 32, 32)
    assert np.allclose(needed[0][:, rows], every[0][:, rows], atol=1e-4)
    assert np.allclose(needed[1], every[1], atol=1e-4)
    assert np.isfinite(needed).all()


def test_a_thin_picture_is_described_through_the_windows_that_show_it():
    picture = render_picture(60, 320, seed=0)
    tree = tiny(size=320, window=64, layers="decoder_8").extract([picture])[0]
    features = tree["stable_diffusion/decoder_8"]["features"]
    assert features.shape[1:] == (4, 20)
    assert (np.abs(features).max(axis=0) > 0).all()


@pytest.mark.parametrize("window", [0, 32, 100, "big"])
def test_a_window_that_does_not_hold_whole_cells_is_refused(window):
    with pytest.raises(OptionError, match="window must be"):
        tiny(window=window)


def test_an_array_of_noise_has_the_size_of_a_window():
    picture = render_picture(192, 192, seed=0)
    tiny(noise=np.zeros((1, 4, 16, 16))).extract([picture, picture])
    with pytest.raises(OptionError, match=r"noise has .* \(4, 24, 24\), .* \(4, 16, 16\)"):
        tiny(noise=np.zeros((1, 4, 24, 24))).extract([picture])
