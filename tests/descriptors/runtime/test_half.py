import pytest
import torch
from descr.descriptors.runtime import convolution, half
from descr.descriptors.runtime.half import StripConv2d, StripLinear, speed_up
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "_STRIP", data.draw(st.integers(1, 400)))
        whole.__class__ = StripConv2d
        strips = whole(features)
    assert strips.dtype == dtype
    assert strips.shape == expected.shape
    # Sums in another order may fall on the other side of a rounding.
    assert torch.allclose(strips.float(), expected.float(), atol=1e-2, rtol=1e-2)
    assert (strips != expected).float().mean() < 0.2


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_linear_layer_in_parts_is_rounded_once_and_otherwise_the_layer(data):
    dtype = data.draw(st.sampled_from([torch.bfloat16, torch.float16]))
    shape = data.draw(st.lists(st.integers(0, 5), min_size=0, max_size=3))
    torch.manual_seed(0)
    layer = torch.nn.Linear(7, 5, bias=data.draw(st.booleans())).to(dtype)
    features = torch.randn(*shape, 7).to(dtype)
    expected = torch.nn.functional.linear(
        features.float(), layer.weight.float(), None if layer.bias is None else layer.bias.float()
    ).to(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(half, "_ROWS", data.draw(st.integers(1, 100)))
        layer.__class__ = StripLinear
        parts = layer(features)
    assert parts.dtype == dtype
    assert parts.shape == expected.shape
    assert torch.allclose(parts.float(), expected.float(), atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("native", [False, True])
def test_layers_are_replaced_only_where_the_processor_can_not_compute(monkeypatch, native):
    monkeypatch.setattr(half, "computes_natively", lambda dtype: native)
    plain, linear = torch.nn.Conv2d(2, 2, 3, padding=1), torch.nn.Linear(2, 2)
    others = [
        torch.nn.Conv2d(2, 2, 3, groups=2),
        torch.nn.Conv2d(2, 2, 3, dilation=2),
        torch.nn.Conv2d(2, 2, 3, padding="same"),
        torch.nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        torch.nn.Conv2d(2, 2, 1, padding=1),
    ]
    speed_up(torch.nn.Sequential(plain, linear, *others), torch.bfloat16, CPU)
    assert (type(plain) is StripConv2d) != native
    assert (type(linear) is StripLinear) != native
    assert all(type(other) is torch.nn.Conv2d for other in others)


def test_float32_and_other_devices_are_left_alone():
    for dtype, device in ((torch.float32, CPU), (torch.bfloat16, torch.device("cuda"))):
        module = torch.nn.Sequential(torch.nn.Conv2d(2, 2, 3), torch.nn.Linear(2, 2))
        speed_up(module, dtype, device)
        assert [type(part) for part in module] == [torch.nn.Conv2d, torch.nn.Linear]
