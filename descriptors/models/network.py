"""What the networks with published weights have in common."""

import torch

from ..backbone import Backbone
from ..runtime.precision import network_dtype


class Network(Backbone):
    """A backbone in half precision where its device is fast in it."""

    @property
    def preferred_dtype(self) -> torch.dtype:
        """The precision that `auto` stands for, by the device."""
        return network_dtype(self.torch_device)

    @property
    def pixel_dtype(self) -> torch.dtype:
        """float32: pixels are rounded once, after what is done with them first."""
        return torch.float32
