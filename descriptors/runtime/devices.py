"""Where networks and products run."""

import torch

from ..errors import OptionError


def find_device(name: str) -> torch.device:
    """The torch device of this name; `auto` is CUDA, then MPS, then the CPU.

    Raises `OptionError` for a device that this machine or this build of torch does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    hint = "use auto, cpu, cuda or mps"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise OptionError(f"unknown device: {name!r}", hint=hint) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if device.type not in there:
        raise OptionError(f"unknown device: {name!r}", hint=hint)
    if not there[device.type]:
        raise OptionError(f"this machine has no {name!r} that torch can use", hint=hint)
    return device
