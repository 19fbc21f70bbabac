"""`forward` is an ordinary differentiable call, before `extract` and after it."""

import pytest
import torch
from support.models import IMAGES
from support.reference import reference
from support.registered import create_tiny


# With an inference mode of the user's around it, too: his later training is no part of it.
@pytest.mark.parametrize("before", ["nothing", "extract", "extract in inference mode", "forward"])
@pytest.mark.parametrize(("name", "key"), [("dinov2", "dino_pixels"), ("sd", "pixels")])
def test_forward_knows_its_gradients_whatever_came_before(name, key, before):
    def gradient(describe):
        pixels = torch.from_numpy(reference(key)).requires_grad_()
        sum(layer.square().mean() for layer in describe.forward(pixels).values()).backward()
        return pixels.grad

    describe = create_tiny(name)
    with torch.inference_mode("mode" in before or before == "forward"):
        if before.startswith("extract"):
            describe.extract(IMAGES)
        elif before == "forward":
            describe.forward(torch.rand(1, *reference(key).shape[1:]))
    expected = gradient(create_tiny(name))
    assert expected.abs().max() > 0
    assert torch.allclose(gradient(describe), expected, rtol=1e-4, atol=expected.abs().max() * 1e-4)
