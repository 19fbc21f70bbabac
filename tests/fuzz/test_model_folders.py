"""Model folders of strangers give a network or one clear error, and nothing else."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from descr.applications.masks import TextPrompt
from descr.descriptors import DINOv2, DINOv3, StableDiffusion
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.models import (
    CAPTIONER,
    DINOV2,
    DINOV2_REGISTERS,
    STABLE_DIFFUSION,
    copy,
    make_clipseg,
    make_dinov3,
    make_xl,
)
from support.mutations import examples, mutations

PICTURE = np.random.default_rng(0).integers(0, 255, (28, 28, 3), np.uint8)
OPTIONS = {"size": 64, "window": None, "layers": "decoder_2", "components": None, "device": "cpu"}


def features(folder: str) -> object:
    return DINOv2(model=folder, size=28, device="cpu").extract([PICTURE])


def rotated(folder: str) -> object:
    return DINOv3(model=folder, size=32, device="cpu").extract([PICTURE])


def diffusion(model: str, **options: str) -> object:
    return StableDiffusion(model=model, **OPTIONS, **options).extract([PICTURE])


def captioned(folder: str) -> object:
    return diffusion(str(STABLE_DIFFUSION), captioner=folder)


def masks(folder: str) -> object:
    return TextPrompt("cat", model=folder, threshold=1e-9, device="cpu")([PICTURE])


MODELS: dict[str, tuple[Callable[[Path], Path], Callable[[str], object]]] = {
    "dinov2": (partial(copy, DINOV2), features),
    "registers": (partial(copy, DINOV2_REGISTERS), features),
    "dinov3": (make_dinov3, rotated),
    "diffusion": (partial(copy, STABLE_DIFFUSION), diffusion),
    "xl": (make_xl, diffusion),
    "captioner": (partial(copy, CAPTIONER), captioned),
    "clipseg": (make_clipseg, masks),
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 100),
    st.sampled_from([10**6, 10**9, 10**30]),
    st.floats(),
    st.text(max_size=9),
    st.lists(st.integers(0, 64), max_size=5),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@st.composite
def damaged(draw: st.DrawFn, original: bytes, *, weights: bool) -> bytes:
    """The file with some bytes changed, or with some values of its JSON."""
    length = 8 + int.from_bytes(original[:8], "little") if weights else len(original)
    if draw(st.booleans()):
        # The data of weights may hold any number: what says where they are is of interest.
        return draw(mutations([original[:length]])) + original[length:]
    values = json.loads(original[8 if weights else 0 : length])
    for _ in range(draw(st.integers(1, 3))):
        place = values
        while place:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], (dict, list)) and draw(st.booleans()):
                place = place[key]
            elif draw(st.integers(0, 3)):
                place[key] = draw(VALUES)
                break
            else:
                del place[key]
                break
    text = json.dumps(values).encode()
    return len(text).to_bytes(8, "little") + text + original[length:] if weights else text


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    make, run = MODELS[request.param]
    folder = make(tmp_path_factory.mktemp("m"))
    run(str(folder))
    return folder, run


@settings(examples(12), suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_folder_gives_a_network_or_says_what_is_wrong(
    model: tuple, data: st.DataObject
) -> None:
    folder, run = model
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors"))
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    path.write_bytes(data.draw(damaged(original, weights=path.suffix == ".safetensors")))
    message = ""
    try:
        run(str(folder))
    except (WeightsNotFoundError, OptionError) as error:
        message = error.message
    finally:
        path.write_bytes(original)
    assert "\n" not in message
    assert len(message) < 700
