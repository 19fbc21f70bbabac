"""One file of the documentation adds a model with weights, and every command knows it."""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.cli.main import run
from descr.cli.options.names import complete_descriptor
from descr.descriptors import create, descriptor_of
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.testing import check_descriptor
from descr.descriptors.weights import MODELS, cached, find_models
from safetensors.numpy import save_file
from support.models import IMAGES

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-model.md"


def example(name: str) -> str:
    """The block of the page that follows the comment `<!-- example: NAME -->`."""
    result = re.search(
        rf"^<!-- example: {name} -->\n\n```\w+\n(.*?)^```$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert result is not None
    return result[1]


@pytest.fixture(autouse=True)
def distribution(
    tmp_path: Path, install_plugins: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The file of the page as a distribution that is installed, and an empty cache."""
    site = install_plugins(tomllib.loads(example("entry points"))["project"]["entry-points"])
    (site / "edges.py").write_text(example("model"), encoding="utf-8")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("COLUMNS", "200")
    yield site
    sys.modules.pop("edges", None)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with the weights of the model."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "weights"
    folder.mkdir()
    kernels = rng.standard_normal((8, 3, 8, 8), dtype=np.float32)
    tensors = {"weight": kernels, "bias": rng.standard_normal(8, dtype=np.float32)}
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture
def descr(capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs the program: the exit code, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(arguments)
        return code, *capfd.readouterr()

    return call


def test_it_is_listed_and_completed_without_being_run(descr: Any) -> None:
    assert complete_descriptor("ed") == ["edges"]
    assert "edges-small" in MODELS
    sys.modules.pop("edges", None)
    assert "edges-small" in list(MODELS)
    code, out, _ = descr("descriptors", "--json")
    assert code == 0
    listed = {entry["name"]: entry for entry in json.loads(out)["descriptors"]}
    assert listed["edges"]["summary"].startswith("One trained convolution")
    assert listed["edges"]["layers"] == ["cells"]
    assert listed["edges"]["download"] == 6_344
    assert listed["edges"]["needs"].endswith("not here: descr models pull edges")


def test_the_models_know_it(descr: Any) -> None:
    assert find_models("edges") == (MODELS["edges-small"],)
    code, out, _ = descr("models", "list")
    assert code == 0
    assert re.search(r"^edges-small +no +6\.3 kB +6\.3 kB +MIT$", out, re.MULTILINE)
    assert re.search(r"^edges +takes edges-small$", out, re.MULTILINE)


def test_missing_weights_come_with_the_command_that_gets_them(descr: Any) -> None:
    assert cached("edges-small") is None
    with pytest.raises(WeightsNotFoundError, match="descr models pull edges-small"):
        create("edges")
    code, _, err = descr("match", *map(str, IMAGES), "--descriptor", "edges")
    assert code == 2
    assert "hint: get them with: descr models pull edges-small" in err


def test_it_extracts_with_the_weights_of_a_folder(weights: Path, descr: Any) -> None:
    describe = create("edges", model=str(weights), size=64, device="cpu")
    check_descriptor(describe)
    (tree,) = describe.extract([IMAGES[0]])
    layer = tree["edges/cells"]
    assert layer.sizes["channel"] == 8
    assert layer.attrs["model"] == "local"
    assert layer.attrs["revision"].startswith("local-")
    with pytest.raises(WeightsNotFoundError, match="lies in a folder"):
        descriptor_of(tree)
    settings = ("--set", f"model={weights}", "--set", "size=64", "--device", "cpu")
    code, out, err = descr("match", *map(str, IMAGES), "--descriptor", "edges", *settings, "--json")
    assert code == 0, err
    assert json.loads(out)["descriptor"].startswith("Edges(model='local-")


def test_its_options_are_shown(descr: Any) -> None:
    code, out, _ = descr("descriptors", "edges", "--json")
    assert code == 0
    options = json.loads(out)["options"]
    assert [*options] == ["model", "size", "device"]
    assert options["model"]["default"] == "edges-small"
    assert options["size"]["values"] == "an integer from 1"
    assert options["size"]["meaning"].startswith("Side of the canvas in pixels")
    assert "--set" in descr("descriptors", "edges")[1]


def test_a_model_that_can_not_be_had_hides_no_other(distribution: Path, descr: Any) -> None:
    (distribution / "edges.py").write_text("import gone_with_the_wind\n")
    with pytest.raises(OptionError, match="gone_with_the_wind"):
        MODELS["edges-small"]
    code, out, _ = descr("models", "list")
    assert code == 0
    assert "dinov2-base" in out
    assert descr("descriptors")[0] == 0
