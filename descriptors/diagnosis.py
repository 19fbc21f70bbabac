"""What this machine has of all that descr needs, and what is wrong with it."""

import getpass
import os
import platform
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from os.path import exists
from pathlib import Path
from typing import Any

import psutil

from .weights import MODELS, cached, holdings, missing_models
from .weights.cache import cache_folder
from .weights.find import PREFERENCE, explain_auto

TESTED_TORCH = "2.13"
"""The newest version of torch that the tests pass with."""
LIBRARIES = (
    *("torch", "diffusers", "transformers", "huggingface_hub", "numpy", "scipy"),
    *("xarray", "netCDF4", "opencv-python-headless"),
)
VARIABLES = (
    *("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"),
    *("HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HTTPS_PROXY", "https_proxy"),
    *("DESCR_HOME", "XDG_DATA_HOME", "TMPDIR", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "CUDA_VISIBLE_DEVICES"),
    *("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ENABLE_MPS_FALLBACK"),
)
"""The variables of the environment that change what descr does and hold no secret."""

_DISTRIBUTION = "descr-sdk"
_SCRATCH = 1 << 30  # bytes of temporary files below which a picture of many images may fail
_EXTRA = re.compile(r"""^([\w.-]+)[^;]*;.*\bextra *== *["']([\w.-]+)["']""")
_DEVICE_FILES = ("/dev/nvidia0", "/dev/nvidiactl")


def diagnose() -> dict[str, Any]:
    """All that a report of a fault needs, as one document that JSON can hold; sizes in bytes.

    The keys are `descr`, `python`, `system`, `libraries` (name to version, None if it is missing),
    `extras` (name to `here` and `brings`), `devices` (`name`, `model`, `memory`, `free`, the
    precisions that it has instructions for as `fast`, and what `dtype="auto"` takes as `auto`),
    `auto` (the `descriptor` and the `reason`; None if it can't be told), `models` (those that are
    here), `weights` and `temporary` (folder and free room), `environment`, and `problems`, of each
    the `problem` and a `hint`.

    The home folder is written `~`, the user's name as a part of a path `USER`; of an address what
    may be a secret is left out. Nothing is measured, and nothing but headers of weights is read.
    """
    problems = [*_missing_libraries()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        devices = _devices(problems, caught)
    descriptor: dict[str, str] | None = None
    models: list[dict[str, Any]] = []
    try:
        descriptor = dict(zip(("descriptor", "reason"), explain_auto(), strict=True))
        models = _models(problems)
    except PermissionError as error:
        hint = "change its permissions, or set HF_HOME to a folder of your own"
        problems.append((f"{error.filename}: no permission to look for weights there", hint))
    document = {
        "descr": _version(_DISTRIBUTION),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "libraries": {one: _version(one) for one in LIBRARIES},
        "extras": _extras(),
        "devices": devices,
        "auto": descriptor,
        "models": models,
        "weights": _weights(problems),
        "temporary": _temporary(problems),
        "environment": _environment(),
        "problems": [{"problem": text, "hint": hint} for text, hint in problems],
    }
    result: dict[str, Any] = _anonymous(document)
    return result


Problems = list[tuple[str, str]]
"""What is wrong, and what to do about it."""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _missing_libraries() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        if _version(name) is None:
            yield f"{name} is not installed", f"python -m pip install {name}"


def _extras() -> dict[str, dict[str, Any]]:
    """What each extra of this distribution brings, and whether all of it is here."""
    brings: dict[str, list[str]] = {}
    for line in (requires(_DISTRIBUTION) or ()) if _version(_DISTRIBUTION) else ():
        if match := _EXTRA.match(line):
            name, extra = match.groups()
            brings.setdefault(extra, [])
            if name != _DISTRIBUTION:
                brings[extra].append(name)
    return {
        extra: {"here": all(map(_version, names)), "brings": {one: _version(one) for one in names}}
        for extra, names in brings.items()
    }


def _devices(problems: Problems, caught: list[warnings.WarningMessage]) -> list[dict[str, Any]]:
    """The devices that torch can use, and what is wrong with them."""
    try:
        import torch

        from .runtime.devices import fast_dtypes, network_dtype
        from .runtime.memory import free_memory
    except Exception as error:
        hint = "install it anew: https://pytorch.org/get-started/locally/"
        problems.append((f"torch can't be imported: {type(error).__name__}: {error}", hint))
        return []
    number = re.match(r"(\d+)\.(\d+)", torch.__version__)
    if number and tuple(map(int, number.groups())) > tuple(map(int, TESTED_TORCH.split("."))):
        fault = f"torch {torch.__version__} is newer than descr was tested with ({TESTED_TORCH})"
        problems.append(
            (fault, f'if something fails: python -m pip install "torch=={TESTED_TORCH}.*"')
        )
    threads = torch.get_num_threads()
    name = f"{_processor()}, {psutil.cpu_count(logical=False) or os.cpu_count()} cores"
    total = psutil.virtual_memory().total
    capability = torch.backends.cpu.get_cpu_capability()
    of_torch = f"{threads} thread{'s' * (threads > 1)} of torch"
    found = [(torch.device("cpu"), f"{name}, {of_torch}, {capability}", total)]
    cuda = torch.cuda.is_available()
    for index in range(torch.cuda.device_count() if cuda else 0):
        about = torch.cuda.get_device_properties(index)
        model = f"{about.name}, capability {about.major}.{about.minor}"
        found.append((torch.device("cuda", index), model, about.total_memory))
    if torch.backends.mps.is_available():
        found.append((torch.device("mps"), "Apple GPU", torch.mps.recommended_max_memory()))
    if not cuda:
        problems += _no_cuda(torch, [str(one.message) for one in caught])
    return [
        {
            "name": str(device),
            "model": model,
            "memory": int(memory),
            "free": free_memory(device),
            "fast": list(fast_dtypes(device)),
            "auto": str(network_dtype(device)).removeprefix("torch."),
        }
        for device, model, memory in found
    ]


def _no_cuda(torch: Any, said: list[str]) -> Iterator[tuple[str, str]]:
    """Why torch has no CUDA device, where it could be expected to have one."""
    build = torch.version.cuda or torch.version.hip
    kind = "CUDA" if torch.version.cuda else "ROCm"
    if build and os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        yield (
            f"torch is built for {kind} {build}, and is shown no GPU",
            "unset CUDA_VISIBLE_DEVICES",
        )
    elif build:
        because = next((f": {one.splitlines()[0]}" for one in said if "CUDA" in one), "")
        yield (
            f"torch is built for {kind} {build}, and finds no GPU{because}",
            "see whether nvidia-smi lists one: if not, its driver is missing or too old; on a "
            "machine without a GPU the CPU build of torch is gigabytes smaller",
        )
    elif any(map(exists, _DEVICE_FILES)):
        yield (
            f"there is an NVIDIA GPU, and torch {torch.__version__} is built without CUDA",
            "install a build with CUDA: https://pytorch.org/get-started/locally/",
        )


def _processor() -> str:
    with suppress(OSError):
        if match := re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M):
            return match[1]
    return platform.processor() or platform.machine()


def _models(problems: Problems) -> list[dict[str, Any]]:
    """The models whose weights are here, and what is here in part."""
    models = []
    for model in MODELS.whole():
        checkpoint = cached(model.name)
        if checkpoint is not None:
            files = [path for part in checkpoint.weights.values() for path in part]
            models.append(
                {
                    "name": model.name,
                    "bytes": sum(path.stat().st_size for path in files),
                    "precision": checkpoint.precision,
                    "folder": str(checkpoint.folder),
                }
            )
        elif model.repositories and holdings(model.name):
            hint = f"descr models pull {model.name} goes on where it stopped"
            problems.append((f"the weights of {model.name} are here in part", hint))
    return models


def _weights(problems: Problems) -> dict[str, Any]:
    """Where pulled weights go, and what the best descriptor lacks room for."""
    folder = cache_folder()
    there = _existing(folder)
    free = shutil.disk_usage(there).free
    if not (there.is_dir() and os.access(there, os.W_OK)):
        fault = f"weights can't be pulled: no permission to write to {there}"
        problems.append((fault, "set HF_HOME to a folder that you may write to"))
    best = PREFERENCE[0]
    size = 0
    with suppress(PermissionError):
        size = sum(model.size for model in missing_models(best))
    if size > free:
        room = f"the disk of {folder} has {free / 1e9:.1f} GB free"
        fault = f"{best} needs {size / 1e9:.1f} GB more, and {room}"
        problems.append((fault, "make room, or set HF_HOME to a folder on another disk"))
    return {"folder": str(folder), "free": free}


def _temporary(problems: Problems) -> dict[str, Any]:
    """Where temporary files go."""
    hint = "set TMPDIR to a folder with room that you may write to"
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError:
        problems.append(("no folder for temporary files can be written to", hint))
        return {"folder": None, "free": 0}
    free = shutil.disk_usage(folder).free
    if free < _SCRATCH:
        problems.append((f"{folder} has only {free / 1e9:.1f} GB free for temporary files", hint))
    return {"folder": folder, "free": free}


def _existing(folder: Path) -> Path:
    """The folder, or the nearest around it that is there."""
    # Not `Path.exists`, which raises where a folder around it may not be looked into.
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if exists(one))


def _environment() -> dict[str, str]:
    """The variables that count; of an address without user, password and query."""
    values = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    for name in {"HF_ENDPOINT", "HTTPS_PROXY", "https_proxy"} & values.keys():
        scheme, separator, rest = values[name].rpartition("://")
        host = re.split(r"[?#]", rest)[0].rpartition("@")[2]
        values[name] = f"{scheme.partition(':')[0]}{separator}{host}"
    if "HF_TOKEN" in os.environ:
        values["HF_TOKEN"] = "set"
    return values


def _anonymous(value: Any) -> Any:
    """The value without the home folder, and without the user's name in a path."""
    if isinstance(value, Mapping):
        return {key: _anonymous(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_anonymous(one) for one in value]
    if not isinstance(value, str):
        return value
    end = r"(?=[/\\:;,]|\s|$)"
    for home in {os.path.expanduser("~"), os.path.realpath(os.path.expanduser("~"))}:
        if len(home) > len(os.sep):
            value = re.sub(re.escape(home) + end, "~", value)
    with suppress(OSError, KeyError, ImportError):
        value = re.sub(rf"(?<=[/\\]){re.escape(getpass.getuser())}{end}", "USER", value)
    return value
