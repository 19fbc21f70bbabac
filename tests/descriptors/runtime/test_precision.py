import time

import pytest
import torch
from descr.descriptors.dinov2 import DINOv2
from descr.descriptors.runtime import precision
from descr.descriptors.runtime.precision import computes_natively, network_dtype, prefers_bfloat16
from support.models import DINOV2

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("native", "convolution", "multiplication", "expected"),
    [
        (True, 2.0, 2.0, torch.bfloat16),
        (True, 1.1, 2.0, torch.float32),
        (True, 2.0, 1.1, torch.float32),
        (False, 2.0, 2.0, torch.float32),
    ],
)
def test_bfloat16_is_taken_where_it_was_measured_to_be_faster(
    monkeypatch, native, convolution, multiplication, expected
):
    monkeypatch.setattr(precision, "computes_natively", lambda dtype: native)
    monkeypatch.setattr(precision, "_convolution", lambda: convolution)
    monkeypatch.setattr(precision, "multiplication", lambda: multiplication)
    prefers_bfloat16.cache_clear()
    try:
        assert network_dtype(CPU) == expected
        assert DINOv2(model=str(DINOV2), size=28, device="cpu").torch_dtype == expected
        given = DINOv2(model=str(DINOV2), size=28, device="cpu", dtype="float32")
        assert given.torch_dtype == torch.float32
    finally:
        prefers_bfloat16.cache_clear()


def test_gpus_run_in_float16():
    assert network_dtype(torch.device("cuda")) == torch.float16
    assert network_dtype(torch.device("mps")) == torch.float16


def test_the_measurement_is_quick_and_made_once():
    prefers_bfloat16.cache_clear()
    began = time.perf_counter()
    first = prefers_bfloat16()
    assert time.perf_counter() - began < 5
    assert prefers_bfloat16() == first
    assert prefers_bfloat16.cache_info().hits == 1
    assert computes_natively(torch.float32)
