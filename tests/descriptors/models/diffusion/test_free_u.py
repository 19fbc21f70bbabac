import numpy as np
import pytest
import torch
from descr.descriptors.errors import OptionError
from descr.descriptors.models.diffusion.free_u import amplify, find_stages, soften
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.diffusion.unet import decoder_states
from support.models import IMAGES, STABLE_DIFFUSION

FACTORS = (1.2, 1.4, 0.9, 0.2)


def tiny(**options) -> StableDiffusion:
    settings = {"size": 128, "device": "cpu", "dtype": "float32", **options}
    return StableDiffusion(model=str(STABLE_DIFFUSION), **settings)


def noisy_latents():
    return torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def states(describe, latents):
    return decoder_states(
        describe.unet,
        latents,
        100,
        describe.conditioning,
        describe.places,
        (128, 128),
        describe.stages,
    )


def low_frequencies_scaled(skip, factor):
    """The four lowest frequencies of each channel, times the factor."""
    spectrum = np.fft.fftshift(np.fft.fftn(skip.numpy(), axes=(-2, -1)), axes=(-2, -1))
    row, column = (side // 2 for side in skip.shape[-2:])
    spectrum[..., row - 1 : row + 1, column - 1 : column + 1] *= factor
    back = np.fft.ifftn(np.fft.ifftshift(spectrum, axes=(-2, -1)), axes=(-2, -1))
    return torch.from_numpy(back.real.astype(np.float32))


@torch.no_grad()
def literally(describe, latents):
    """The states that enter each output block, after FreeU has scaled them in place."""
    unet, text = describe.unet, describe.conditioning.states.expand(2, -1, -1)
    time = unet.time_embedding(unet.get_time_embed(sample=latents, timestep=100))
    hidden = unet.conv_in(latents)
    skips = [hidden]
    for block in unet.down_blocks:
        attending = {"encoder_hidden_states": text} if hasattr(block, "attentions") else {}
        hidden, own = block(hidden, time, **attending)
        skips += own
    hidden = unet.mid_block(hidden, time, encoder_hidden_states=text)
    entering = []
    for block in unet.up_blocks:
        for step, resnet in enumerate(block.resnets):
            skip = skips.pop()
            for channels, backbone, lows in ((32, 1.2, 0.9), (16, 1.4, 0.2)):
                if hidden.shape[1] == channels:
                    hidden = hidden.clone()
                    hidden[:, : channels // 2] *= backbone
                    skip = low_frequencies_scaled(skip, lows)
                    break
            entering.append(hidden)
            hidden = resnet(torch.cat([hidden, skip], dim=1), time)
            if hasattr(block, "attentions"):
                hidden = block.attentions[step](hidden, text, return_dict=False)[0]
        if block.upsamplers is not None:
            hidden = block.upsamplers[0](hidden)
    return entering


def test_the_states_are_those_of_the_authors_rule_by_channels():
    layers = [f"decoder_{k}" for k in range(1, 12)]
    describe = tiny(free_u=FACTORS, layers=[*layers, "up_3"])
    result, expected = states(describe, noisy_latents()), literally(describe, noisy_latents())
    for k, name in enumerate(layers, start=1):
        assert (result[name] - expected[k]).abs().max() < 1e-4, name


def test_the_first_two_blocks_are_those_of_diffusers():
    # Its rule goes by block, which is the same there if both stages have the same factors.
    describe = tiny(free_u=(1.2, 1.2, 0.9, 0.9), layers=("up_0", "up_1"))
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(STABLE_DIFFUSION, subfolder="unet").eval()
    unet.enable_freeu(s1=0.9, s2=0.9, b1=1.2, b2=1.2)
    outputs = {}
    for index in range(2):
        unet.up_blocks[index].register_forward_hook(
            lambda _, __, output, name=f"up_{index}": outputs.update({name: output.clone()})
        )
    with torch.no_grad():
        unet(noisy_latents(), 100, describe.conditioning.states.expand(2, -1, -1))
    for name, state in states(describe, noisy_latents()).items():
        outputs[name][:, :16] *= 1.2
        assert (state - outputs[name]).abs().max() < 1e-4


def test_the_stages_of_stable_diffusion():
    for widths in ([320, 640, 1280, 1280], [320, 640, 1280]):
        stages = find_stages(FACTORS, {"block_out_channels": widths})
        assert stages == {1280: (1.2, 0.9), 640: (1.4, 0.2)}
    assert find_stages(None, {"block_out_channels": [320]}) == {}


def test_known_values():
    stages = {4: (2.0, 0.5)}
    state = torch.ones(1, 4, 2, 2)
    assert amplify(state, stages)[0, :, 0, 0].tolist() == [2, 2, 1, 1]
    assert (state == 1).all()
    assert amplify(torch.ones(1, 6, 2, 2), stages).eq(1).all()
    assert torch.allclose(soften(torch.full((1, 3, 8, 8), 3.0), 4, stages), torch.tensor(1.5))
    assert soften(torch.full((1, 3, 8, 8), 3.0), 6, stages).eq(3).all()


def test_an_array_of_factors_is_taken_as_numbers():
    assert tiny(free_u=np.array(FACTORS)).free_u == FACTORS


def test_factors_of_one_change_nothing():
    plain, ones = (tiny(free_u=factors).extract(IMAGES[:1])[0] for factors in (None, (1, 1, 1, 1)))
    for layer in ("decoder_2", "decoder_5", "decoder_8"):
        path = f"stable_diffusion/{layer}"
        assert np.allclose(plain[path]["features"], ones[path]["features"], atol=1e-4)


@pytest.mark.parametrize("factors", [(1, 2, 3), "1,2,3,4", 3, (1, 1, 1, -1), (1, 1, 1, None)])
def test_other_factors_are_refused(factors):
    with pytest.raises(OptionError, match="free_u must be"):
        tiny(free_u=factors)
