"""What the networks with published weights have in common."""

import os

import torch

from ..backbone import Backbone
from ..runtime.devices import network_dtype
from ..weights import Checkpoint, find_weights


class Network(Backbone):
    """A backbone in half precision where its device is fast in it."""

    checkpoint: Checkpoint

    def take_weights(self, model: str, family: str, precision: str | None = None) -> None:
        """Set `checkpoint`, as `find_weights` gives it, and what features say of it."""
        self.checkpoint = find_weights(model, family, precision=precision)
        self.model, self.revision = os.fspath(model), self.checkpoint.revision
        self.weights_variant = self.checkpoint.precision

    @property
    def weights_name(self) -> str:
        """The name of the weights, wherever their folder lies."""
        return self.checkpoint.name

    @property
    def preferred_dtype(self) -> torch.dtype:
        """The precision that `auto` stands for, by the device."""
        return network_dtype(self.torch_device)

    @property
    def pixel_dtype(self) -> torch.dtype:
        """float32: pixels are rounded once, after what is done with them first."""
        return torch.float32
