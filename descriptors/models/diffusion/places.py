"""The states of the denoiser's decoder that have a name, read off the configs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import OptionError
from ...settings import unknown


@dataclass(frozen=True, order=True)
class Place:
    """The state after one residual block of the decoder, with its attention.

    Args:
        block, step: The up block, and the residual block in it, both counted from 0.
        upsampled: Whether the up block's upsampler has run.
        stride: Canvas pixels per cell.
    """

    block: int
    step: int
    upsampled: bool
    stride: int


def find_places(unet: Mapping[str, Any], factor: int) -> dict[str, Place]:
    """Every named state of the decoder of a U-Net of this config: `decoder_1`, ..., `up_0`, ...

    `decoder_k` is the state that enters output block k of the latent-diffusion decoder, before the
    skip connection is joined to it: the output of block k - 1, with the upsampler where that is the
    last of its level. `up_i` is the output of up block i, as in DIFT. `factor` is canvas pixels per
    cell of the latent.
    """
    levels = len(unet["up_block_types"])
    depths = unet["layers_per_block"]
    depths = [depths] * levels if isinstance(depths, int) else list(reversed(depths))
    outputs: list[Place] = []
    ups: dict[str, Place] = {}
    for block, depth in enumerate(depths):
        stride = factor * 2 ** (levels - 1 - block)
        for step in range(depth + 1):
            upsampled = step == depth and block < levels - 1
            outputs.append(Place(block, step, upsampled, stride // 2 if upsampled else stride))
        ups[f"up_{block}"] = outputs[-1]
    # The state that the last output block gives enters no other.
    return {f"decoder_{k}": place for k, place in enumerate(outputs[:-1], start=1)} | ups


def choose_places(layers: Any, places: Mapping[str, Place]) -> dict[str, Place]:
    """The places of these layers, a name or a sequence of names, in their order."""
    names = [layers] if isinstance(layers, str) else layers
    if not isinstance(names, Sequence) or not names:
        raise OptionError(f"layers must be one or more of {', '.join(places)}, not {layers!r}")
    choice: dict[str, Place] = {}
    for name in names:
        if name not in places:
            raise unknown("layer of the model", str(name), places)
        if name in choice:
            raise OptionError(f"layers holds {name!r} twice")
        choice[name] = places[name]
    return choice
