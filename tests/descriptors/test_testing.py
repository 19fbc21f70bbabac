"""The checks must fail on a descriptor that breaks its promises."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from descr.descriptors import Backbone, Layer, available
from descr.descriptors.testing import CHECKS, check_descriptor
from support.registered import create_tiny


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_registered_descriptor_keeps_the_promises(name, check):
    check(create_tiny(name))


class Honest(Backbone):
    """Mean colours."""

    layers = (Layer("mean", 16),)

    def __init__(self, *, size: int = 96) -> None:
        super().__init__(size=size, fit="pad")

    def forward(self, pixels):
        return {"mean": F.avg_pool2d(pixels, 16)}


class ReordersTheImages(Honest):
    def extract(self, images):
        return super().extract(images)[::-1]


class LosesAnImage(Honest):
    def extract(self, images):
        return super().extract(images)[:2]


class NormalisesOverTheBatch(Honest):
    def forward(self, pixels):
        return {"mean": F.avg_pool2d(pixels - pixels.mean(), 16)}


class IgnoresTheImage(Honest):
    def forward(self, pixels):
        return {"mean": F.avg_pool2d(pixels * 0 + 1, 16)}


class ForgetsTheHalfPixel(Honest):
    def extract(self, images):
        return [
            tree.map_over_datasets(
                lambda layer: layer.assign_coords(x=layer.x + 40) if "x" in layer.coords else layer
            )
            for tree in super().extract(images)
        ]


class PaintsOnTheInput(Honest):
    def extract(self, images):
        for image in images:
            if isinstance(image, np.ndarray) and image.size:
                image[0, 0] = 0
        return super().extract(images)


class LoadsInInferenceMode(Honest):
    def forward(self, pixels):
        if not hasattr(self, "gain"):
            with torch.inference_mode():
                self.gain = torch.full((3, 1, 1), 2.0)
        return {"mean": F.avg_pool2d(pixels * self.gain, 16)}


class KnowsNoGradients(Honest):
    def forward(self, pixels):
        return {"mean": F.avg_pool2d(torch.from_numpy(pixels.numpy()), 16)}


class KeepsSettingsLoose(Honest):
    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)


@pytest.mark.parametrize("kind", [Honest, KnowsNoGradients])
def test_an_honest_descriptor_passes(kind):
    check_descriptor(kind())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (ReordersTheImages, "became one of"),
        (LosesAnImage, "2 trees for 3 images"),
        (NormalisesOverTheBatch, "depends on"),
        (IgnoresTheImage, "have the same features"),
        (ForgetsTheHalfPixel, "pixels of the image uncovered|do not ascend within"),
        (PaintsOnTheInput, "changed the caller's array"),
        (LoadsInInferenceMode, "forward takes no gradients after extract"),
        (KeepsSettingsLoose, "can be changed after construction"),
    ],
)
def test_a_broken_promise_is_caught(broken, message):
    with pytest.raises(Exception, match=message):
        check_descriptor(broken())
