import pytest
import torch
from descr.descriptors.errors import OptionError
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.vit.dinov2 import DINOv2
from descr.descriptors.runtime import devices
from descr.descriptors.runtime.devices import check_dtype, computes_natively, network_dtype
from support.models import DINOV2, STABLE_DIFFUSION

CPU = torch.device("cpu")


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_float32_on_every_processor(monkeypatch, native):
    monkeypatch.setattr(devices, "computes_natively", lambda dtype: native)
    assert network_dtype(CPU) == torch.float32
    for describe in (
        DINOv2(model=str(DINOV2), size=28, device="cpu"),
        StableDiffusion(model=str(STABLE_DIFFUSION), size=64, device="cpu"),
    ):
        assert describe.torch_dtype == torch.float32


def test_gpus_run_in_float16():
    assert network_dtype(torch.device("cuda")) == torch.float16
    assert network_dtype(torch.device("mps")) == torch.float16


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_refused_on_a_processor_that_is_slow_in_it(monkeypatch, dtype):
    monkeypatch.setattr(devices, "computes_natively", lambda dtype: dtype == torch.float32)
    with pytest.raises(OptionError, match=f"no fast {dtype}") as caught:
        DINOv2(model=str(DINOV2), size=28, device="cpu", dtype=dtype)
    assert caught.value.hint == "use dtype=float32, or a GPU"
    check_dtype(dtype, torch.device("cuda"))
    check_dtype("float32", CPU)
    check_dtype("auto", CPU)


def test_torch_says_in_what_it_computes():
    assert computes_natively(torch.float32)
    assert computes_natively(torch.bfloat16) == torch.ops.mkldnn._is_mkldnn_bf16_supported()
