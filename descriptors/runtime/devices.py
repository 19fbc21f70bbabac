"""Where networks and products run, and in which precision: by name, never by a measurement."""

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


def network_dtype(device: torch.device) -> torch.dtype:
    """The precision for a network on this device, where the user leaves it open.

    float16 on GPUs: nearer to float32 than bfloat16 (11 bits of mantissa against 8), in a range
    that holds these networks' activations. float32 on every CPU, so that features are the same.
    """
    return torch.float32 if device.type == "cpu" else torch.float16


def computes_natively(dtype: torch.dtype) -> bool:
    """Whether torch convolves and multiplies in this precision on this CPU by more than loops."""
    if dtype == torch.float32:
        return True
    name = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
    supported = getattr(torch.ops.mkldnn, name[dtype], None)
    return supported is not None and bool(supported())


def fast_dtypes(device: torch.device) -> tuple[str, ...]:
    """The names of the precisions that a device has instructions for, by what it is."""
    if device.type == "cpu":
        names = ("float32", "bfloat16", "float16")
        return tuple(name for name in names if computes_natively(getattr(torch, name)))
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        return ("float32", "float16")
    # Of Apple's GPUs only some compute in bfloat16, and torch does not say which.
    return ("float32", "float16", *(("bfloat16",) if device.type == "cuda" else ()))


def check_dtype(dtype: str, device: torch.device) -> None:
    """Raise `OptionError` for a half precision on a CPU that has no instructions for it.

    Torch has loops for it there, which take many times as long as float32.
    """
    if device.type == "cpu" and dtype != "auto" and not computes_natively(getattr(torch, dtype)):
        fault = f"torch has no fast {dtype} on this processor"
        raise OptionError(fault, hint="use dtype=float32, or a GPU")
