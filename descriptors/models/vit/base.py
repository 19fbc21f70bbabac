"""What the vision transformers among the descriptors have in common."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal, get_args

import torch

from ...errors import OptionError
from ...layer import Layer
from ...runtime.loading import Renames, empty_module, load_weights
from ...runtime.memory import fitting, in_batches
from ...settings import check_choice, check_int
from ..network import Network
from .debiasing import positional_directions, project_out

Facet = Literal["token", "key", "query", "value"]

_PROJECTIONS: Mapping[str, str] = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_COPIES = 16
"""Arrays as large as a block's tokens that are alive at once, those of its MLP counted as 4."""
_SHAPES = 16  # of how many shapes of canvas the positional directions are kept


class ViT(Network):
    """One facet of one block of a vision transformer of transformers; patches only.

    A subclass states its family and where its module has blocks and final norm, and writes
    `read_config`, `load_network` and `embed`. Settings are those of `DINOv2`.

    Attributes:
        family: Which weights it takes, as in `find_weights`.
        blocks_name, norm_name: The names of the list of blocks and of the final layer norm within
            the module.
    """

    family: ClassVar[str]
    blocks_name: ClassVar[str]
    norm_name: ClassVar[str]

    def __init__(
        self,
        *,
        model: str,
        layer: int | None,
        facet: Facet,
        norm: bool,
        debias: int,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.take_weights(model, self.family)
        self.config = self.read_config()
        last = self.config["num_hidden_layers"] - 1
        self.layer = last if layer is None else check_int("layer", layer, minimum=0, maximum=last)
        self.facet: Facet = check_choice("facet", facet, get_args(Facet))
        self.norm = check_choice("norm", norm, (False, True))
        if self.norm and self.facet != "token":
            raise OptionError(f"norm applies to the token, not to the {self.facet}")
        channels = int(self.config["hidden_size"])
        self.debias = check_int("debias", debias, minimum=0, maximum=channels - 1)
        self.patch = int(self.config["patch_size"])
        self.layers = [Layer(self.facet, self.patch)]
        self.check_size()

    @abstractmethod
    def read_config(self) -> dict[str, Any]:
        """The config of the weights, checked, by the names of transformers."""

    @abstractmethod
    def load_network(self) -> Any:
        """The module of transformers up to the block; see `load_module`."""

    @abstractmethod
    def embed(self, pictures: torch.Tensor) -> tuple[torch.Tensor, Mapping[str, Any]]:
        """The tokens (batch, token, channel) that enter the first block, those of patches last.

        Besides, what every block takes by name. `pictures` are (batch, 3, height, width), less
        ImageNet's mean and divided by its standard deviation.
        """

    @property
    def multiple(self) -> int:
        """The patch's side, in pixels: whatever the stride, the canvas is the same."""
        return self.patch

    @cached_property
    @torch.inference_mode(False)
    def network(self) -> Any:
        """The module of transformers up to the block; loaded when it is first needed."""
        return self.load_network()

    def load_module(self, kind: str, renames: Renames) -> Any:
        """The module of this class of transformers up to the block, by these `renames`."""
        config = {**self.config, "num_hidden_layers": self.layer + 1}
        module = empty_module(kind, config, self.checkpoint.folder)
        module.embeddings.mask_token = None
        if not self.norm:
            setattr(module, self.norm_name, None)
        dtype, device = self.torch_dtype, self.torch_device
        files = self.checkpoint.weights[""]
        load_weights(module, files, dtype=dtype, device=device, renames=renames)
        return module

    def forward(self, pixels: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """The facet: (batch, channel, rows, columns) under its name; see `Backbone.forward`."""
        item = self._activations(*pixels.shape[2:])
        at_once = fitting(item, self.torch_device)
        batches = in_batches(lambda part: self._read_facet(pixels[part]), len(pixels), at_once)
        features = torch.cat([part for _, part in batches])
        if self.debias:
            features = project_out(features, self._directions(*pixels.shape[2:]))
        return {self.facet: features}

    def working_memory(self, height: int, width: int) -> int:
        """See `Backbone.working_memory`: the activations of one block; weights do not count."""
        return super().working_memory(height, width) + self._activations(height, width)

    def _read_facet(self, pixels: torch.Tensor) -> torch.Tensor:
        mean, deviation = pixels.new_tensor((_MEAN, _DEVIATION))[..., None, None]
        rows, columns = (self.layers[0].count(side) for side in pixels.shape[2:])
        pictures = ((pixels - mean) / deviation).to(self.torch_dtype)
        tokens, context = self.embed(pictures)
        *blocks, last = self.network.get_submodule(self.blocks_name)
        for block in blocks:
            tokens = block(tokens, **context)
        if self.facet == "token":
            tokens = last(tokens, **context)
            if self.norm:
                tokens = getattr(self.network, self.norm_name)(tokens)
        else:
            tokens = getattr(last.attention, _PROJECTIONS[self.facet])(last.norm1(tokens))
        channels: torch.Tensor = tokens[:, -rows * columns :].transpose(1, 2)
        return channels.reshape(*channels.shape[:2], rows, columns)

    @cached_property
    def _directions(self) -> Callable[[int, int], torch.Tensor]:
        """The positional directions of a canvas by its height and width, kept for some shapes."""
        return lru_cache(maxsize=_SHAPES)(self._find_directions)

    @torch.inference_mode(False)
    @torch.no_grad()
    def _find_directions(self, height: int, width: int) -> torch.Tensor:
        cells = self.layers[0].count(height) * self.layers[0].count(width)
        if self.debias >= cells:
            raise OptionError(
                f"debias must be below the {cells} cells of a canvas of {width} x {height} "
                f"pixels, not {self.debias}"
            )
        # A pass of its own: features must not depend on what else is in the batch.
        black = torch.zeros(1, 3, height, width, device=self.torch_device)
        return positional_directions(self._read_facet(black)[0], self.debias)

    def _activations(self, height: int, width: int) -> int:
        """About how many bytes of activations one canvas takes in the network."""
        cells = self.layers[0].count(height) * self.layers[0].count(width)
        return cells * int(self.config["hidden_size"]) * _COPIES * self.torch_dtype.itemsize
