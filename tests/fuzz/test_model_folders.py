"""Model folders of strangers give a network or one clear error, and nothing else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from descr.descriptors import DINOv2, StableDiffusion
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.models import CAPTIONER, DINOV2, DINOV2_REGISTERS, STABLE_DIFFUSION
from support.mutations import examples, mutations

PICTURE = np.random.default_rng(0).integers(0, 255, (28, 28, 3), np.uint8)
OPTIONS = {"size": 64, "window": None, "layers": "decoder_2", "components": None, "device": "cpu"}
MODELS: dict[str, tuple[Path, Callable[[str], object]]] = {
    "dinov2": (DINOV2, lambda folder: DINOv2(model=folder, size=28, device="cpu")),
    "registers": (DINOV2_REGISTERS, lambda folder: DINOv2(model=folder, size=28, device="cpu")),
    "diffusion": (STABLE_DIFFUSION, lambda folder: StableDiffusion(model=folder, **OPTIONS)),
    "captioner": (
        CAPTIONER,
        lambda folder: StableDiffusion(model=str(STABLE_DIFFUSION), captioner=folder, **OPTIONS),
    ),
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
    source, make = MODELS[request.param]
    return Path(shutil.copytree(source, tmp_path_factory.mktemp("m") / source.name)), make


@settings(examples(12), suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_folder_gives_a_network_or_says_what_is_wrong(
    model: tuple, data: st.DataObject
) -> None:
    folder, make = model
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors"))
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    path.write_bytes(data.draw(damaged(original, weights=path.suffix == ".safetensors")))
    message = ""
    try:
        make(str(folder)).extract([PICTURE])
    except (WeightsNotFoundError, OptionError) as error:
        message = error.message
    finally:
        path.write_bytes(original)
    assert "\n" not in message
    assert len(message) < 700
