import numpy as np
import pytest
import torch
from descr.descriptors.errors import OptionError
from descr.descriptors.models.diffusion.noise import check_noise, draw_noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(["gaussian", "resized"]),
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    members=st.integers(1, 5),
    more=st.integers(0, 3),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_first_members_do_not_depend_on_how_many_follow(kind, shape, members, more, seed):
    few = draw_noise(kind, members, shape, seed)
    many = draw_noise(kind, members + more, shape, seed)
    assert few.shape == (members, *shape)
    assert few.dtype == torch.float32
    assert torch.equal(few, many[:members])
    assert torch.equal(few, draw_noise(kind, members, shape, seed))
    if members > 1:
        assert not torch.equal(few[0], few[1])


def test_the_callers_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    draw_noise("gaussian", 2, (4, 8, 8), 42)
    assert torch.equal(before, torch.get_rng_state())


def test_gaussian_noise_is_standard_normal():
    noise = draw_noise("gaussian", 4, (4, 64, 64), 42)
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


def test_resized_noise_is_that_of_the_original():
    # Drawn once at 64 x 64 with the seed, then interpolated.
    drawn = torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(42))
    expected = functional.interpolate(drawn, size=(120, 120), mode="bicubic", align_corners=False)
    assert torch.equal(draw_noise("resized", 1, (4, 120, 120), 42), expected)
    assert torch.equal(draw_noise("resized", 1, (4, 64, 64), 42), drawn)


def test_seeds_differ():
    first, second = (draw_noise("gaussian", 1, (4, 8, 8), seed) for seed in (1, 2))
    assert not torch.equal(first, second)


def test_an_array_is_kept_as_it_is_and_no_longer_the_callers():
    given = np.ones((2, 4, 8, 8))
    kept = check_noise(given, 1)
    given[:] = 0
    assert kept.shape == (2, 1, 4, 8, 8)
    assert kept.dtype == np.float32
    assert (kept == 1).all()
    assert not kept.flags.writeable
    assert check_noise(np.ones((2, 3, 4, 8, 8)), 3).shape == (2, 3, 4, 8, 8)
    assert check_noise(torch.ones(2, 4, 8, 8), 1).shape == (2, 1, 4, 8, 8)


@pytest.mark.parametrize(
    ("noise", "ensemble", "message"),
    [
        (3, 1, "not 3"),
        (None, 1, "not None"),
        (np.zeros((2, 4, 8, 8)), 2, r"\(images, 2, channels, rows, columns\), not shape"),
        (np.zeros((2, 3, 4, 8, 8)), 2, "not shape"),
        (np.zeros((0, 4, 8, 8)), 1, "not shape"),
        (np.full((1, 4, 8, 8), np.nan), 1, "NaN or infinite"),
        ("white", 1, "one of gaussian, resized"),
    ],
)
def test_other_noise_is_refused(noise, ensemble, message):
    with pytest.raises(OptionError, match=message):
        check_noise(noise, ensemble)
