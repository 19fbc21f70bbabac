import pytest
import torch
from descr.descriptors import convolution
from descr.descriptors.convolution import StripConv2d, speed_up
from hypothesis import given, settings
from hypothesis import strategies as st

CPU = torch.device("cpu")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_strips_are_rounded_once_and_otherwise_the_convolution(data):
    dtype = data.draw(st.sampled_from([torch.bfloat16, torch.float16]))
    size, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    padding, bias = data.draw(st.integers(0, size - 1)), data.draw(st.booleans())
    height, width = (data.draw(st.integers(size, 12)) for _ in range(2))
    torch.manual_seed(0)
    whole = torch.nn.Conv2d(3, 5, size, stride=stride, padding=padding, bias=bias).to(dtype)
    features = torch.randn(2, 3, height, width).to(dtype)
    expected = torch.nn.functional.conv2d(
        features.float(),
        whole.weight.float(),
        None if whole.bias is None else whole.bias.float(),
        stride,
        padding,
    ).to(dtype)
    limit = convolution._STRIP
    convolution._STRIP = data.draw(st.integers(1, 400))
    try:
        whole.__class__ = StripConv2d
        strips = whole(features)
    finally:
        convolution._STRIP = limit
    assert strips.dtype == dtype
    assert strips.shape == expected.shape
    # Sums in another order may fall on the other side of a rounding.
    assert torch.allclose(strips.float(), expected.float(), atol=1e-2, rtol=1e-2)
    assert (strips != expected).float().mean() < 0.2


@pytest.mark.parametrize("native", [False, True])
def test_convolutions_become_strips_only_where_the_processor_has_none(monkeypatch, native):
    monkeypatch.setattr(convolution, "convolves_natively", lambda dtype: native)
    plain = torch.nn.Conv2d(2, 2, 3, padding=1)
    grouped = torch.nn.Conv2d(2, 2, 3, groups=2)
    speed_up(torch.nn.Sequential(plain, grouped), torch.bfloat16, CPU)
    assert (type(plain) is StripConv2d) != native
    assert type(grouped) is torch.nn.Conv2d


def test_float32_and_other_devices_are_left_alone():
    for dtype, device in ((torch.float32, CPU), (torch.bfloat16, torch.device("cuda"))):
        module = torch.nn.Conv2d(2, 2, 3)
        speed_up(module, dtype, device)
        assert type(module) is torch.nn.Conv2d
