"""DINOv2's transformer up to one block, and what can be read off there."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

from ...runtime.loading import empty_module, load_weights
from ...weights import Checkpoint
from .positions import resize_positions

Facet = Literal["token", "key", "query", "value"]

# The names in published files, and those that the modules have since transformers 5.
_RENAMES: Mapping[str, tuple[str, ...]] = {
    "attention.attention.query": ("attention.q_proj",),
    "attention.attention.key": ("attention.k_proj",),
    "attention.attention.value": ("attention.v_proj",),
    "attention.output.dense": ("attention.o_proj",),
    "mlp.weights_in": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.weights_out": ("mlp.down_proj",),
}
_PROJECTIONS: Mapping[str, str] = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}


def load_network(
    checkpoint: Checkpoint,
    config: Mapping[str, Any],
    *,
    blocks: int,
    norm: bool,
    stride: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Any:
    """The model of transformers with its first blocks alone, in this precision on this device.

    Without `norm` it has no final layer norm. `stride` is the distance between neighbouring patches
    in pixels, and may be less than their side. Raises `WeightsNotFoundError` for damaged weights.
    """
    registers = "num_register_tokens" in config or "registers" in config.get("model_type", "")
    model = empty_module(
        "Dinov2WithRegistersModel" if registers else "Dinov2Model",
        {**config, "num_hidden_layers": blocks},
        checkpoint.folder,
    )
    model.embeddings.mask_token = None
    if not norm:
        model.layernorm = None
    model.embeddings.patch_embeddings.projection.stride = (stride, stride)
    load_weights(model, checkpoint.weights[""], dtype=dtype, device=device, renames=_RENAMES)
    return model


def read_facet(model: Any, pictures: torch.Tensor, facet: Facet) -> torch.Tensor:
    """One facet of the last block of `load_network`'s model: (batch, channel, rows, columns).

    `token` is the residual stream after the block, after the final layer norm if the model has it;
    the others are the projections in its attention, heads joined. Patches only. `pictures` are
    (batch, 3, height, width), less ImageNet's mean and divided by its standard deviation.
    """
    cells = model.embeddings.patch_embeddings.projection(pictures)
    rows, columns = cells.shape[2:]
    tokens, extra = _embed(model.embeddings, cells)
    *blocks, last = model.encoder.layer
    for block in blocks:
        tokens = block(tokens)
    if facet == "token":
        tokens = last(tokens)
        if model.layernorm is not None:
            tokens = model.layernorm(tokens)
    else:
        tokens = getattr(last.attention, _PROJECTIONS[facet])(last.norm1(tokens))
    channels: torch.Tensor = tokens[:, extra:].transpose(1, 2)
    return channels.reshape(*channels.shape[:2], rows, columns)


def _embed(embeddings: Any, cells: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The tokens (batch, token, channel) that enter the first block, and how many come first.

    These are the class token and, after it and without a position, the registers.
    """
    batch, _, rows, columns = cells.shape
    registers = getattr(embeddings, "register_tokens", None)
    positions = embeddings.position_embeddings
    at_patches = resize_positions(positions[:, 1:], rows, columns, registers=registers is not None)
    first = [embeddings.cls_token + positions[:, :1]]
    if registers is not None:
        first.append(registers)
    start = torch.cat(first, dim=1)
    tokens = torch.cat(
        (start.expand(batch, -1, -1), cells.flatten(2).transpose(1, 2) + at_patches), dim=1
    )
    return tokens, start.shape[1]
