import pytest
import torch
from descr.descriptors.models.diffusion import strips
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.diffusion.strips import Moments, encode_in_strips
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import STABLE_DIFFUSION
from support.reference import reference


@pytest.fixture(scope="module")
def encoder():
    describe = StableDiffusion(model=str(STABLE_DIFFUSION), size=128, device="cpu", dtype="float32")
    return describe.vae.encoder


@settings(max_examples=15, deadline=None)
@given(
    strip=st.integers(1, 20_000),
    batch=st.integers(1, 2),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_strips_of_any_height_are_the_whole_encoder(encoder, strip, batch, shape):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(batch, 3, *(8 * side for side in shape), generator=generator) * 2 - 1
    before = pixels.clone()
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(strips, "_STRIP", strip)
        ours, theirs = encode_in_strips(encoder, pixels), encoder(pixels)
    assert torch.equal(pixels, before)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours, theirs, atol=2e-5 * float(theirs.abs().max()))


@pytest.mark.usefixtures("half_precision")
def test_strips_in_bfloat16_are_as_near_to_float32_as_the_whole_encoder(encoder):
    describe = StableDiffusion(
        model=str(STABLE_DIFFUSION), size=128, device="cpu", dtype="bfloat16"
    )
    pixels = torch.from_numpy(reference("pixels")) * 2 - 1
    with torch.inference_mode():
        exact = encoder(pixels)
        ours = encode_in_strips(describe.vae.encoder, pixels.bfloat16())
        theirs = describe.vae.encoder(pixels.bfloat16())
    assert ours.dtype == torch.bfloat16
    error, usual = ((result.float() - exact).abs().mean() for result in (ours, theirs))
    assert error <= 1.2 * usual


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    groups=st.integers(1, 3),
    offset=st.floats(-50, 50),
)
def test_moments_of_strips_are_those_of_the_whole(rows, groups, offset):
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(2, 4 * groups, sum(rows), 6, generator=generator) * 3 + offset
    moments = Moments()
    for strip in whole.split(rows, dim=2):
        moments.add(strip)
    mean, variance = moments.groups(groups)
    expected = whole.double().unflatten(1, (groups, 4)).flatten(2)
    assert torch.allclose(mean, expected.mean(2), atol=1e-4)
    assert torch.allclose(variance, expected.var(2, correction=0), rtol=1e-4)
