from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from descr.applications import Refinement, swap_both, swap_instances
from descr.applications.swap.denoising import redraw, whole_network
from descr.applications.swap.refinement import Mode
from descr.descriptors import SIFT, Fused, StableDiffusion
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from safetensors.torch import load_file, save_file
from support import models

Y, X = np.mgrid[:90, :120]
DISC = np.hypot(Y - 40, X - 70) < 25
PICTURE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
MODEL = str(models.STABLE_DIFFUSION)
MODES: tuple[Mode, ...] = ("inpaint", "img2img")


@pytest.fixture(scope="module")
def model() -> StableDiffusion:
    """A descriptor that has loaded what it needs."""
    descriptor = StableDiffusion(model=MODEL, size=128, components=None, device="cpu")
    descriptor(PICTURE)
    return descriptor


def refine(shared: StableDiffusion | None = None, **settings: Any) -> np.ndarray:
    arguments = {"model": MODEL, "steps": 4, "size": 64, "device": "cpu", **settings}
    return Refinement(**arguments).prepare(shared)(PICTURE, DISC)


@pytest.mark.parametrize("mode", MODES)
def test_only_the_inside_changes(model: StableDiffusion, mode: Mode) -> None:
    result = refine(model, mode=mode)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result[~DISC], PICTURE[~DISC])
    assert (result[DISC] != PICTURE[DISC]).mean() > 0.9


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_picture_and_another_another(
    model: StableDiffusion, mode: Mode
) -> None:
    first = refine(model, mode=mode, seed=7)
    torch.manual_seed(99)
    np.testing.assert_array_equal(refine(model, mode=mode, seed=7), first)
    assert (refine(model, mode=mode, seed=8) != first).any()


def test_a_prompt_counts(model: StableDiffusion) -> None:
    plain, cat, more = (
        refine(model, prompt=prompt, guidance=guidance)
        for prompt, guidance in (("", 7.5), ("a cat", 1), ("a cat", 7.5))
    )
    assert (plain != cat).any()
    assert (cat != more).any()


@pytest.mark.parametrize("mode", MODES)
def test_a_strength_of_nothing_leaves_what_the_autoencoder_makes_of_it(
    model: StableDiffusion, mode: Mode
) -> None:
    result = refine(model, mode=mode, strength=0, size=128)
    np.testing.assert_array_equal(refine(model, mode=mode, strength=0.01, size=128), result)
    vae = whole_network(model, "vae")
    unit = torch.from_numpy(PICTURE[3:78, 33:108]).permute(2, 0, 1)[None].float() / 255
    unit = torch.nn.functional.interpolate(unit, (128, 128), mode="bilinear")
    with torch.inference_mode():
        output = vae(unit * 2 - 1).sample[0].permute(1, 2, 0)
    expected = ((output.clamp(-1, 1) + 1) * 127.5).numpy().mean(axis=(0, 1))
    # The same picture, up to how it was resized.
    np.testing.assert_allclose(result[DISC].mean(axis=0), expected, atol=20)


@pytest.mark.parametrize("mode", MODES)
def test_the_stronger_the_further_from_the_picture(model: StableDiffusion, mode: Mode) -> None:
    base = refine(model, mode=mode, strength=0).astype(int)
    moved = [
        np.abs(refine(model, mode=mode, strength=strength, steps=10, size=64) - base)[DISC].mean()
        for strength in (0.1, 0.3, 0.9)
    ]
    assert 0 < moved[0] < moved[1] < moved[2]


def test_it_is_what_the_pipeline_of_diffusers_gives(model: StableDiffusion) -> None:
    """Image-to-image with guidance, from the same latents and the same noise."""
    from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline
    from transformers import CLIPTextModel, CLIPTokenizer

    folder = models.STABLE_DIFFUSION
    unet, vae = whole_network(model, "unet"), whole_network(model, "vae")
    pipeline = StableDiffusionImg2ImgPipeline(
        vae=vae,
        unet=unet,
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    unit = torch.rand(3, 64, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        posterior = vae.encode(unit[None] * 2 - 1).latent_dist
        latents = posterior.mean * vae.config.scaling_factor
    expected = pipeline(
        prompt="a cat",
        image=latents,
        strength=0.5,
        num_inference_steps=8,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(5),
        output_type="pt",
    ).images[0]
    settings = Refinement(prompt="a cat", strength=0.5, steps=8, guidance=3.0, seed=5)
    result = redraw(unit, settings, model=model, unet=unet, vae=vae)
    torch.testing.assert_close(result, expected.cpu(), atol=2e-4, rtol=0)


def test_what_is_kept_follows_the_picture(model: StableDiffusion) -> None:
    unit = torch.rand(3, 64, 128, generator=torch.Generator().manual_seed(0))
    networks = {
        "model": model,
        "unet": whole_network(model, "unet"),
        "vae": whole_network(model, "vae"),
    }
    still, moving = (
        Refinement(strength=strength, steps=6, guidance=1.0, seed=1) for strength in (0.0, 0.7)
    )
    everything = torch.ones(8, 16, dtype=torch.bool)
    kept = redraw(unit, moving, keep=everything, **networks)
    torch.testing.assert_close(kept, redraw(unit, still, **networks))
    free = redraw(unit, moving, keep=~everything, **networks)
    torch.testing.assert_close(free, redraw(unit, moving, **networks))


def test_networks_that_are_loaded_are_shared_and_only_the_rest_is_read(
    model: StableDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    from descr.descriptors.runtime import loading

    portion = loading._portion

    def noted(tensors: Any, names: Any) -> Any:
        result = portion(tensors, names)
        read.extend(result)
        return result

    monkeypatch.setattr(loading, "_portion", noted)
    parts: tuple[Literal["unet", "vae"], ...] = ("unet", "vae")
    for part in parts:
        whole, there = whole_network(model, part), getattr(model, part).state_dict()
        assert there.keys() < whole.state_dict().keys()
        for name, weight in there.items():
            assert whole.state_dict()[name].data_ptr() == weight.data_ptr()
        assert set(read) == whole.state_dict().keys() - there.keys()
        assert len(read) == len(set(read))
        read.clear()


def test_shared_networks_give_what_networks_of_their_own_give(model: StableDiffusion) -> None:
    np.testing.assert_array_equal(refine(model), refine(None))


def test_the_descriptor_works_on_after_its_networks_were_shared(model: StableDiffusion) -> None:
    before = model(PICTURE)[0]
    refine(model)
    np.testing.assert_array_equal(model(PICTURE)[0], before)


def test_the_model_is_that_of_the_descriptor_or_of_a_part_of_it(model: StableDiffusion) -> None:
    assert Refinement().prepare(model).model is model
    assert Refinement().prepare(Fused(SIFT(), Fused(model, SIFT()))).model is model
    assert Refinement(model=MODEL).prepare(model).model is model


def test_other_weights_than_the_descriptors_are_not_shared(
    model: StableDiffusion, tmp_path: Path
) -> None:
    folder = models.copy(models.STABLE_DIFFUSION, tmp_path)
    models.edit(folder / "scheduler" / "scheduler_config.json", beta_end=0.013)
    models.edit(folder / "unet" / "config.json", sample_size=32)
    other = Refinement(model=str(folder), device="cpu").prepare(model)
    assert other.model is not model
    # A square of the size that it was trained on, in the shape of the part.
    assert other._canvas(200, 200) == (256, 256)
    assert other._canvas(400, 100) == (512, 128)


def test_nothing_is_loaded_before_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("descr.applications.swap.refinement.whole_network", _forbidden)
    Refinement(model=MODEL).prepare()


def _forbidden(model: Any, part: str) -> Any:
    raise AssertionError("loaded")


def test_it_works_on_a_model_of_the_kind_of_sdxl(tmp_path: Path) -> None:
    folder = models.make_xl(tmp_path)
    refiner = Refinement(
        model=str(folder), steps=4, strength=0.5, prompt="a cat", size=128, device="cpu"
    ).prepare()
    result = refiner(PICTURE, DISC)
    np.testing.assert_array_equal(result[~DISC], PICTURE[~DISC])
    assert (result[DISC] != PICTURE[DISC]).mean() > 0.9


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_networks_that_give_no_numbers_are_named(tmp_path: Path, part: str) -> None:
    folder = models.copy(models.STABLE_DIFFUSION, tmp_path)
    path = folder / part / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    next(iter(weights.values())).fill_(float("nan"))
    save_file(weights, path)
    with pytest.raises(WeightsNotFoundError, match="its networks give NaN"):
        refine(model=str(folder))


@pytest.mark.parametrize("offset", [0, 1, 1000])
def test_steps_may_be_as_many_as_the_model_was_trained_with(tmp_path: Path, offset: int) -> None:
    folder = models.copy(models.STABLE_DIFFUSION, tmp_path)
    scheduler = folder / "scheduler" / "scheduler_config.json"
    models.edit(scheduler, num_train_timesteps=101, steps_offset=offset)
    result = refine(model=str(folder), steps=101, strength=1.0)
    assert (result[DISC] != PICTURE[DISC]).mean() > 0.9
    with pytest.raises(OptionError, match="steps must be an integer from 1 to 101, not 102"):
        refine(model=str(folder), steps=102)


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_gives_nearly_the_same(dtype: str) -> None:
    whole, half = (
        refine(strength=0.5, dtype=precision).astype(int) for precision in ("float32", dtype)
    )
    # Of noise in these networks of random weights: 0.3 and 2.5 levels of 255 were measured.
    assert 0 < np.abs(half - whole)[DISC].mean() < 5


def test_a_mask_over_the_whole_image_is_redrawn_as_a_whole(model: StableDiffusion) -> None:
    result = Refinement(steps=2).prepare(model)(PICTURE, np.ones_like(DISC))
    assert result.shape == PICTURE.shape
    assert (result != PICTURE).mean() > 0.9


def test_a_swap_is_refined_in_both_directions_with_networks_loaded_once(
    model: StableDiffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def counted(model: StableDiffusion, part: Any) -> Any:
        loaded.append(part)
        return whole_network(model, part)

    monkeypatch.setattr("descr.applications.swap.refinement.whole_network", counted)
    options: dict[str, Any] = {
        "descriptor": model,
        "source_mask": DISC,
        "target_mask": DISC[::-1],
        "max_consistency": 500,
    }
    refine = Refinement(steps=4, strength=0.5)
    plain = swap_instances(PICTURE, PICTURE[::-1], **options)
    there, back = swap_both(PICTURE, PICTURE[::-1], refine=refine, **options)
    assert loaded == ["unet", "vae"]
    expected = refine.prepare(model)(plain["image"].values, DISC)
    np.testing.assert_array_equal(there["image"], expected)
    np.testing.assert_array_equal(back["image"].values[~DISC[::-1]], PICTURE[::-1][~DISC[::-1]])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("strength", 1.2),
        ("strength", -0.1),
        ("steps", 0),
        ("prompt", 3),
        ("seed", -1),
        ("mode", "outpaint"),
        ("guidance", 0.5),
        ("size", 8),
        ("dtype", "float8"),
    ],
)
def test_settings_are_checked(setting: str, value: Any) -> None:
    with pytest.raises(OptionError, match=setting):
        Refinement(**{setting: value})


def test_missing_weights_are_named_with_what_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match=r"sd-1.5") as raised:
        Refinement().prepare(SIFT())
    assert "descr models pull sd-1.5" in str(raised.value.hint)
