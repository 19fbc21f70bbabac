import numpy as np
import pytest
import torch
from descr.descriptors.errors import OptionError
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from support.models import IMAGES, STABLE_DIFFUSION
from support.reference import reference


def tiny(**options) -> StableDiffusion:
    settings = {"size": 128, "device": "cpu", "dtype": "float32", **options}
    return StableDiffusion(model=str(STABLE_DIFFUSION), **settings)


def test_the_posterior_is_that_of_diffusers():
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(STABLE_DIFFUSION, subfolder="vae").eval()
    pixels = torch.from_numpy(reference("pixels"))
    with torch.no_grad():
        expected = vae.encode(pixels * 2 - 1).latent_dist
        mean, deviation = tiny().posterior(pixels)
    factor = vae.config.scaling_factor
    assert (mean - expected.mean * factor).abs().max() < 1e-5
    assert (deviation - expected.std * factor).abs().max() < 1e-5


def test_samples_are_drawn_around_the_mean_for_each_member():
    mean, deviation = torch.ones(2, 4, 16, 16), torch.full((2, 4, 16, 16), 0.5)
    describe = tiny(latent="sample", ensemble=200, noise="gaussian", timestep=0)
    zero = np.zeros((1, 200, 4, 16, 16), np.float32)
    drawn = tiny(latent="sample", ensemble=200, noise=zero, timestep=0).noisy(
        mean, range(2), deviation
    )
    signal = tiny(noise=np.zeros((1, 4, 16, 16)), timestep=0).noisy(mean[:1], [0])[0, 0, 0, 0]
    members = (drawn / signal).reshape(2, 200, 4, 16, 16)
    assert abs(members.mean() - 1) < 0.01
    assert abs(members.std() - 0.5) < 0.01
    # Each member has a sample of its own, and each image the same ones.
    assert not torch.equal(members[0, 0], members[0, 1])
    assert torch.equal(members[0], members[1])
    # They have nothing to do with the noise of the timestep.
    noise = describe.noisy(torch.zeros(1, 4, 16, 16), [0]).reshape(200, -1)
    draws = (members[0] - 1).reshape(200, -1)
    assert abs(np.corrcoef(noise.flatten(), draws.flatten())[0, 1]) < 0.01


def test_a_sample_changes_the_features_a_little():
    mean, sample = (tiny(latent=kind).extract(IMAGES[:1])[0] for kind in ("mean", "sample"))
    path = "stable_diffusion/decoder_5"
    values = [tree[path]["features"].values for tree in (mean, sample)]
    assert not np.allclose(*values, atol=1e-4)
    again = tiny(latent="sample").extract(IMAGES[:1])[0][path]["features"]
    assert np.array_equal(values[1], again)


def test_another_latent_is_refused():
    with pytest.raises(OptionError, match="latent must be one of mean, sample, not 'mode'"):
        tiny(latent="mode")
