"""The U-Net up to the last state that is wanted."""

from collections.abc import Mapping
from typing import Any

import torch

from ...runtime.loading import empty_module, load_weights
from ...weights import Checkpoint
from .free_u import Stages, amplify, soften
from .places import Place
from .prompt import Conditioning

_COPIES = 24
"""Arrays as large as the first level's features that are alive at once: the skip connections,
and the gated feed-forward layer of an attention block, 8 wide before its gate."""


def load_unet(
    checkpoint: Checkpoint,
    config: Mapping[str, Any],
    *,
    last: Place,
    dtype: torch.dtype,
    device: torch.device,
) -> Any:
    """The `UNet2DConditionModel` of diffusers up to a place of its decoder; no more is read."""
    unet = empty_module("UNet2DConditionModel", config, checkpoint.part_folder("unet"))
    unet.conv_norm_out = unet.conv_act = unet.conv_out = None
    unet.up_blocks = unet.up_blocks[: last.block + 1]
    block = unet.up_blocks[last.block]
    block.resnets = block.resnets[: last.step + 1]
    if hasattr(block, "attentions"):
        block.attentions = block.attentions[: last.step + 1]
    if not last.upsampled:
        block.upsamplers = None
    load_weights(unet, checkpoint.weights["unet"], dtype=dtype, device=device)
    return unet


def decoder_states(
    unet: Any,
    latents: torch.Tensor,
    timestep: int,
    conditioning: Conditioning,
    places: Mapping[str, Place],
    canvas: tuple[int, int],
    stages: Stages | None = None,
) -> dict[str, torch.Tensor]:
    """The decoder's states at these places, by name: (batch, channel, rows, columns).

    The forward of diffusers' `UNet2DConditionModel`, as `load_unet` gives it, opened between the
    residual blocks of its decoder: states there have no name in the library.

    `latents` are (batch, channel, rows, columns), with the noise of the timestep, on the device of
    the U-Net and in its precision. `conditioning` is for all of the batch or for each of it. SDXL
    is told `canvas`, height and width in pixels, as the size of its image. `stages` are FreeU's
    factors; those of the states are part of the states given, as in GeoAware-SC.
    """
    stages = stages or {}
    batch = latents.shape[0]
    text = conditioning.states.expand(batch, -1, -1)
    embedding = unet.time_embedding(unet.get_time_embed(sample=latents, timestep=timestep))
    sizes = size_conditioning(conditioning, batch, canvas)
    added = unet.get_aug_embed(embedding, text, added_cond_kwargs=sizes)
    for shift in (added, conditioning.time_shift):
        if shift is not None:
            embedding = embedding + shift
    hidden = unet.conv_in(latents)
    skips = [hidden]
    for block in unet.down_blocks:
        hidden, states = block(hidden, embedding, **_attending(block, text))
        skips += states
    if unet.mid_block is not None:
        hidden = unet.mid_block(hidden, embedding, **_attending(unet.mid_block, text))
    hidden = amplify(hidden, stages)
    outputs: dict[str, torch.Tensor] = {}
    for index, block in enumerate(unet.up_blocks):
        for step, resnet in enumerate(block.resnets):
            skip = soften(skips.pop(), hidden.shape[1], stages)
            hidden = resnet(torch.cat([hidden, skip], dim=1), embedding)
            if getattr(block, "has_cross_attention", False):
                attention = block.attentions[step]
                hidden = attention(hidden, encoder_hidden_states=text, return_dict=False)[0]
            if step == len(block.resnets) - 1 and block.upsamplers is not None:
                # By size: a level with an odd side was halved up.
                hidden = block.upsamplers[0](hidden, skips[-1].shape[2:])
            hidden = amplify(hidden, stages)
            for name, place in places.items():
                if (place.block, place.step) == (index, step):
                    outputs[name] = hidden
    return outputs


def unet_activations(config: Mapping[str, Any], cells: int, dtype: torch.dtype) -> int:
    """About how many bytes of activations a latent of so many cells takes in the U-Net."""
    return cells * int(config["block_out_channels"][0]) * _COPIES * dtype.itemsize


def _attending(block: Any, text: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}


def size_conditioning(
    conditioning: Conditioning, batch: int, canvas: tuple[int, int]
) -> dict[str, torch.Tensor]:
    """SDXL's size conditioning (Podell et al. 2023, section 2.2): the image fills its canvas."""
    if conditioning.pooled is None:
        return {}
    # Original size, corner of the crop, target size.
    sizes = torch.tensor([[*canvas, 0, 0, *canvas]], device=conditioning.pooled.device)
    pooled = conditioning.pooled.expand(batch, -1)
    return {"text_embeds": pooled, "time_ids": sizes.expand(batch, -1)}
