import numpy as np
import pytest
import torch
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from support.models import IMAGES, make_xl

PROMPT = "a photo of a cat"
LAYERS = ["decoder_1", "decoder_3", "decoder_4", "decoder_8", "up_0", "up_1", "up_2"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_xl(tmp_path_factory.mktemp("xl"))


def tiny(folder, **options) -> StableDiffusion:
    settings = {
        "model": str(folder),
        "size": 128,
        "device": "cpu",
        "dtype": "float32",
        "layers": LAYERS,
        **options,
    }
    return StableDiffusion(**settings)


def whole_pipeline(folder):
    from descr.descriptors.runtime.quiet import quiet

    with quiet():
        from diffusers import StableDiffusionXLPipeline

        return StableDiffusionXLPipeline.from_pretrained(folder, local_files_only=True)


@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_the_prompt_is_encoded_as_by_the_pipeline(folder, prompt):
    states, _, pooled, _ = whole_pipeline(folder).encode_prompt(
        prompt, device="cpu", do_classifier_free_guidance=False
    )
    conditioning = tiny(folder, prompt=prompt).conditioning
    assert conditioning.states.shape == (1, 77, 40)
    assert torch.allclose(conditioning.states, states, atol=1e-5)
    assert torch.allclose(conditioning.pooled, pooled, atol=1e-5)


def test_decoder_states_are_those_inside_the_whole_unet(folder):
    describe = tiny(folder, prompt=PROMPT, timestep=261)
    trees = describe.extract(IMAGES)
    unet = whole_pipeline(folder).unet
    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.update(
            {name: output[0] if isinstance(output, tuple) else output}
        )

    for name, module in {
        "decoder_1": unet.up_blocks[0].attentions[0],
        "decoder_3": unet.up_blocks[0],
        "decoder_4": unet.up_blocks[1].attentions[0],
        "decoder_8": unet.up_blocks[2].resnets[1],
        "up_0": unet.up_blocks[0],
        "up_1": unet.up_blocks[1],
        "up_2": unet.up_blocks[2],
    }.items():
        module.register_forward_hook(keep(name))
    pixels = [np.asarray(describe_pixels(path)) for path in IMAGES]
    with torch.inference_mode():
        latents = describe.latents(torch.from_numpy(np.stack(pixels)))
        conditioning = describe.conditioning
        unet(
            describe.noisy(latents, range(2)),
            261,
            conditioning.states.expand(2, -1, -1),
            added_cond_kwargs={
                "text_embeds": conditioning.pooled.expand(2, -1),
                "time_ids": torch.tensor([[128, 128, 0, 0, 128, 128]]).expand(2, -1),
            },
        )
    for index, tree in enumerate(trees):
        for layer in LAYERS:
            ours = tree[f"stable_diffusion/{layer}"]["features"].values
            theirs = seen[layer][index].numpy()
            assert ours.shape == theirs.shape
            assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max(), layer


def describe_pixels(path):
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1) / 255


def test_the_size_of_the_canvas_is_part_of_the_conditioning(folder):
    # Sizes are told as numbers: the same latents on canvases said to be of other sizes differ.
    from descr.descriptors.models.diffusion.unet import decoder_states

    describe = tiny(folder, layers="up_1")
    with torch.inference_mode():
        latents = torch.zeros(1, 4, 16, 16)
        small, large = (
            decoder_states(
                describe.unet, latents, 100, describe.conditioning, describe.places, canvas
            )["up_1"]
            for canvas in ((128, 128), (512, 512))
        )
    assert not torch.allclose(small, large, atol=1e-3)
