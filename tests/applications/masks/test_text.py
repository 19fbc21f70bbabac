import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from descr.applications.masks import TextPrompt
from descr.applications.masks.text import prepare, probabilities, read_text
from descr.descriptors.errors import ImageError, OptionError, WeightsNotFoundError
from safetensors.torch import load_file, save_file
from support.models import edit, make_clipseg


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clipseg(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def expected(folder: Path, chelsea: np.ndarray) -> np.ndarray:
    """The probabilities by the modules of transformers alone, at 352 x 352."""
    from transformers import CLIPSegForImageSegmentation, CLIPTokenizer
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    # The preprocessor_config.json of CIDAS/clipseg-rd64-refined.
    processor = ViTImageProcessorPil(
        size={"height": 352, "width": 352},
        resample=2,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    pictures = processor(chelsea, return_tensors="pt")["pixel_values"]
    tokens = CLIPTokenizer.from_pretrained(folder)("a cat", return_tensors="pt").input_ids
    model = CLIPSegForImageSegmentation.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(input_ids=tokens, pixel_values=pictures).logits
    result: np.ndarray = logits.reshape(352, 352).numpy()
    return result


def at_full_size(logits: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    size = pixels.shape[1::-1]
    resized = cv2.resize(logits, size, interpolation=cv2.INTER_LINEAR)
    likely: np.ndarray = torch.from_numpy(resized).sigmoid().numpy()
    return likely


def test_probabilities_are_those_of_transformers(
    folder: Path, chelsea: np.ndarray, expected: np.ndarray
) -> None:
    segmenter = TextPrompt("a cat", model=str(folder), device="cpu")
    tokens = read_text(segmenter.checkpoint, "a cat")
    likely = probabilities(segmenter.network, tokens, chelsea)
    np.testing.assert_allclose(likely, at_full_size(expected, chelsea), atol=1e-5)
    assert np.ptp(likely) > 0.1


def test_pictures_are_prepared_as_the_weights_ask(chelsea: np.ndarray) -> None:
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    processor = ViTImageProcessorPil(
        size={"height": 352, "width": 352},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    wanted = processor(chelsea, return_tensors="pt")["pixel_values"]
    np.testing.assert_allclose(prepare(chelsea), wanted, atol=1e-6)


def test_a_mask_is_where_the_text_is_likely_enough(
    folder: Path, chelsea: np.ndarray, expected: np.ndarray
) -> None:
    likely = at_full_size(expected, chelsea)
    middle = float(np.median(likely))
    segmenter = TextPrompt("a cat", model=str(folder), threshold=middle, device="cpu")
    mask, again = segmenter([chelsea, chelsea])
    np.testing.assert_array_equal(mask, again)
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    assert (mask == (likely >= middle)).mean() > 0.999


def test_other_words_find_other_places(folder: Path, chelsea: np.ndarray) -> None:
    result = []
    for text in ("a cat", "grass"):
        segmenter = TextPrompt(text, model=str(folder), device="cpu")
        tokens = read_text(segmenter.checkpoint, text)
        result.append(probabilities(segmenter.network, tokens, chelsea))
    assert np.abs(result[0] - result[1]).max() > 1e-3


def test_each_image_can_have_its_own_text(folder: Path, chelsea: np.ndarray) -> None:
    options = {"model": str(folder), "threshold": 0.6, "device": "cpu"}
    both = TextPrompt(["a cat", "grass"], **options)([chelsea, chelsea])
    for mask, text in zip(both, ("a cat", "grass"), strict=True):
        np.testing.assert_array_equal(mask, TextPrompt(text, **options)([chelsea])[0])
    with pytest.raises(OptionError, match="2 texts for 1 images"):
        TextPrompt(("a cat", "grass"), **options)([chelsea])


def test_a_text_that_finds_nothing_says_how_near_it_came(
    folder: Path, chelsea: np.ndarray, expected: np.ndarray
) -> None:
    best = at_full_size(expected, chelsea).max()
    assert best < 0.9999
    segmenter = TextPrompt("a cat", model=str(folder), threshold=0.9999, device="cpu")
    with pytest.raises(ImageError, match=f"'a cat' finds nothing in array.*{best:.2f}"):
        segmenter([chelsea])


def test_what_cannot_be_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFoundError, match="descr models pull clipseg"):
        TextPrompt("cat")
    with pytest.raises(OptionError, match="unknown CLIPSeg model"):
        TextPrompt("cat", model="dinov2-base")
    with pytest.raises(OptionError, match="what to look for"):
        TextPrompt("  ", model=str(folder))
    with pytest.raises(OptionError, match="what to look for"):
        TextPrompt(["cat", ""], model=str(folder))
    with pytest.raises(OptionError, match="what to look for"):
        TextPrompt([], model=str(folder))
    with pytest.raises(OptionError, match="threshold"):
        TextPrompt("cat", model=str(folder), threshold=0)
    with pytest.raises(OptionError, match="needs the images"):
        TextPrompt("cat", model=str(folder))(None, [])
    with pytest.raises(OptionError, match=r"tokens, of which the model takes 77"):
        TextPrompt("cat " * 90, model=str(folder))([np.zeros((8, 8, 3), np.uint8)])


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    folder = make_clipseg(tmp_path)
    edit(folder / "config.json", reduce_dim=32)
    with pytest.raises(WeightsNotFoundError, match=r"model\.safetensors: .* has the shape"):
        TextPrompt("cat", model=str(folder), device="cpu")([np.zeros((8, 8, 3), np.uint8)])
    edit(folder / "config.json", reduce_dim="wide")
    with pytest.raises(
        WeightsNotFoundError, match=r"config\.json: reduce_dim must be a whole number"
    ):
        TextPrompt("cat", model=str(folder), device="cpu")([np.zeros((8, 8, 3), np.uint8)])


def test_a_network_that_gives_no_numbers_is_named(tmp_path: Path) -> None:
    folder = make_clipseg(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["decoder.film_add.bias"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(WeightsNotFoundError, match="its network gives NaN"):
        TextPrompt("cat", model=str(folder), device="cpu")([np.zeros((8, 8, 3), np.uint8)])


def test_patches_that_give_another_map_are_refused(tmp_path: Path) -> None:
    folder = make_clipseg(tmp_path)
    config = folder / "config.json"
    values = json.loads(config.read_text())
    edit(config, vision_config={**values["vision_config"], "patch_size": 8})
    weights = load_file(folder / "model.safetensors")
    name = "clip.vision_model.embeddings.patch_embedding.weight"
    position = "clip.vision_model.embeddings.position_embedding.weight"
    weights[name] = torch.zeros(24, 3, 8, 8)
    weights[position] = torch.zeros(65, 24)
    deconvolution = "decoder.transposed_convolution"
    weights[f"{deconvolution}.2.weight"] = weights[f"{deconvolution}.2.weight"][:, :, :2, :2]
    weights[f"{deconvolution}.4.weight"] = weights[f"{deconvolution}.4.weight"][:, :, :2, :2]
    save_file({key: one.contiguous() for key, one in weights.items()}, folder / "model.safetensors")
    with pytest.raises(WeightsNotFoundError, match=r"config\.json: patches of 8 pixels"):
        TextPrompt("cat", model=str(folder), device="cpu")([np.zeros((8, 8, 3), np.uint8)])


@pytest.mark.parametrize("key", ["text_config", "text_config_dict"])
def test_a_text_encoder_without_the_words_is_refused(tmp_path: Path, key: str) -> None:
    folder = make_clipseg(tmp_path)
    values = json.loads((folder / "config.json").read_text())
    edit(folder / "config.json", **{key: {**values["text_config"], "vocab_size": 300}})
    segment = TextPrompt("cat", model=str(folder), device="cpu")
    if key == "text_config_dict":
        # The older name says the same again, or nothing.
        assert segment.network.config.text_config.vocab_size == 400
    else:
        with pytest.raises(WeightsNotFoundError):
            segment([np.zeros((8, 8, 3), np.uint8)])


def test_settings_are_shown_and_frozen(folder: Path) -> None:
    segmenter = TextPrompt("cat", model=str(folder), threshold=0.3)
    assert repr(segmenter) == (
        f"TextPrompt(text='cat', model={str(folder)!r}, threshold=0.3, device='auto')"
    )
    with pytest.raises(AttributeError, match="frozen"):
        segmenter.threshold = 0.5
