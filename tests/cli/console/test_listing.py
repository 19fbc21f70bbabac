import json
from pathlib import Path
from typing import Any

import pytest
from descr import descriptors, matchers
from descr.cli.options import names
from descr.descriptors import weights


@pytest.fixture
def plugins(install_plugins: Any) -> None:
    install_plugins(
        {
            "descr.descriptors": {
                "mine": "descr.descriptors.models.sift:SIFT",
                "broken": "gone_with_the_wind:Gone",
            },
            "descr.matchers": {"closest": "descr.matchers.nearest:NearestNeighbor"},
        }
    )


def test_every_descriptor_is_listed_with_its_options(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    listed = {entry["name"]: entry for entry in document["descriptors"]}
    assert tuple(listed) == descriptors.available()
    assert document["auto"] in listed
    assert listed["sift"]["options"] == {
        "step": 8,
        "cell": 8,
        "scales": [1.0],
        "size": 768,
        "fit": "aspect",
    }
    text = descr("descriptors").out
    for name, entry in listed.items():
        assert name in text
        assert entry["summary"].split()[0] in text
    assert "step=8" in text
    assert "auto takes sift" in text


def test_every_matcher_is_listed_with_its_options(descr: Any) -> None:
    document = json.loads(descr("matchers", "--json").out)
    listed = {entry["name"]: entry for entry in document["matchers"]}
    assert tuple(listed) == matchers.available()
    assert listed["mutual"]["options"]["tolerance"] == 0
    text = descr("matchers").out
    assert "temperature=0.02" in text
    assert all(name in text for name in listed)


def test_what_a_descriptor_costs_is_listed(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    listed = {entry["name"]: entry for entry in document["descriptors"]}
    decoder = ["decoder_2", "decoder_5", "decoder_8"]
    assert {name: entry["layers"] for name, entry in listed.items()} == {
        "fused": [*decoder, "token of block 11"],
        "dinov2": ["token of block 11"],
        "dinov3": ["token of block 11"],
        "sd": decoder,
        "dift": ["up_1"],
        "xfeat": ["dense"],
        "sift": ["scale_1"],
    }
    sd, dinov2 = weights.MODELS["sd-1.5"].size, weights.MODELS["dinov2-base"].size
    assert listed["fused"]["download"] == sd + dinov2
    # Stable Diffusion is published in half precision, DINOv2 in full.
    assert listed["fused"]["memory"] == {"float32": 2 * sd + dinov2, "float16": sd + dinov2 // 2}
    assert listed["sift"]["memory"] == {"float32": 0, "float16": 0}
    text = " ".join(descr("descriptors").out.split())
    assert "about 4.3 GB of weights in float32, half of it in 16 bits" in text
    assert "layers up_1" in text


def test_the_settings_of_parts_are_listed_as_they_are_set(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    options = document["descriptors"][0]["options"]
    assert options["sd.timestep"] == 100
    assert options["dinov2.size"] == 840
    assert not {"sd", "dinov2", "sd.device"} & set(options)
    assert "dinov2.stride=14" in descr("descriptors").out


@pytest.mark.usefixtures("plugins")
def test_the_names_of_other_distributions_are_listed_and_used(descr: Any) -> None:
    document = json.loads(descr("descriptors", "--json").out)
    listed = {entry["name"]: entry for entry in document["descriptors"]}
    assert list(listed) == [*descriptors.REGISTRY.builtin, "broken", "mine"]
    assert listed["broken"]["summary"].startswith("can't be loaded: cannot import")
    pair = ("match", "a.png", "b.png")
    done = descr(*pair, "--descriptor", "mine", "--matcher", "closest", "--set", "size=96")
    assert done.code == 0
    assert done.err == "descriptor: mine\n"
    descr(*pair, "--descriptor", "broken").refused("gone_with_the_wind")


@pytest.mark.usefixtures("plugins")
def test_the_names_of_other_distributions_are_completed() -> None:
    builtin = descriptors.REGISTRY.builtin
    assert names.complete_descriptor("") == ["auto", *builtin, "broken", "mine"]
    assert names.complete_descriptor("m") == ["mine"]
    assert names.complete_matcher("c") == ["closest"]
    assert names.complete_dataset("t") == ["tss"]


@pytest.mark.parametrize("name", descriptors.available())
def test_every_option_of_a_descriptor_is_shown_in_words(descr: Any, name: str) -> None:
    document = json.loads(descr("descriptors", name, "--json").out)
    assert document["name"] == name
    text = " ".join(descr("descriptors", name).out.split())
    for option, message in document["options"].items():
        assert message["meaning"]
        assert message["values"]
        assert f"{option}=" in text


def test_every_option_of_a_matcher_is_shown_in_words(descr: Any) -> None:
    options = json.loads(descr("matchers", "soft-argmax", "--json").out)["options"]
    assert options["window"]["values"] == "an integer from 0 or None"
    assert options["temperature"]["default"] == 0.02
    assert "Radius of the window" in descr("matchers", "soft-argmax").out


def test_what_auto_takes_is_shown_in_words(descr: Any) -> None:
    assert json.loads(descr("descriptors", "auto", "--json").out)["name"] == "sift"


@pytest.mark.parametrize("command", ["descriptors", "matchers"])
def test_an_unknown_name_lists_the_right_ones(descr: Any, command: str) -> None:
    descr(command, "nonsense").refused(
        "unknown ", "'nonsense'", "sift" if command[0] == "d" else "mutual"
    )


def test_a_class_of_this_folder_is_shown_without_running_it(descr: Any, folder: Path) -> None:
    (folder / "mine_own.py").write_text(
        "from descr.descriptors import SIFT\n"
        "raise SystemExit\n"
        "class Mine(SIFT):\n"
        "    '''Finer.\n\n    Parameters\n    ----------\n    step:\n        Of mine.\n    '''\n"
        "    def __init__(self, *, step: int = 2): ...\n"
    )
    document = json.loads(descr("descriptors", "mine_own:Mine", "--json").out)
    assert document["summary"] == "Finer."
    message = {"default": 2, "values": "an integer from 1", "meaning": "Of mine."}
    assert document["options"] == {"step": message}
