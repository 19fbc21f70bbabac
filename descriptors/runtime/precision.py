"""In which precision a network runs, where the user leaves it open."""

import time
from collections.abc import Callable
from functools import lru_cache

import torch

_GAIN = 1.25
"""How much faster bfloat16 must be to be worth its rounding."""


def network_dtype(device: torch.device) -> torch.dtype:
    """The precision for a network on this device.

    float16 on GPUs: of the two of 16 bits it is the one nearer to float32 (11 bits of mantissa
    against 8), and its range holds these networks' activations. On the CPU float32, or bfloat16
    where this processor was measured to convolve and to multiply faster in it.
    """
    if device.type != "cpu":
        return torch.float16
    return torch.bfloat16 if prefers_bfloat16() else torch.float32


@lru_cache
def prefers_bfloat16() -> bool:
    """Whether this processor convolves and multiplies faster in bfloat16; measured once."""
    return computes_natively(torch.bfloat16) and min(_convolution(), multiplication()) > _GAIN


def computes_natively(dtype: torch.dtype) -> bool:
    """Whether torch convolves and multiplies in this precision on this CPU by more than loops."""
    if dtype == torch.float32:
        return True
    name = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
    supported = getattr(torch.ops.mkldnn, name[dtype], None)
    return supported is not None and bool(supported())


@lru_cache
def multiplication() -> float:
    """How many times faster this processor multiplies matrices in bfloat16 than in float32."""
    values = torch.ones(512, 1024)
    return _gain(lambda values: torch.mm(values.T, values), values)


def _convolution() -> float:
    kernel = torch.ones(64, 64, 3, 3)
    return _gain(
        lambda values: torch.conv2d(values, kernel.to(values.dtype)), torch.ones(1, 64, 48, 48)
    )


def _gain(run: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> float:
    with torch.inference_mode():
        return _seconds(run, values) / _seconds(run, values.bfloat16())


def _seconds(run: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> float:
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        run(values)
        best = min(best, time.perf_counter() - began)
    return best
