"""FreeU: the decoder's own states louder, the low frequencies of its skip connections softer.

Si et al., "FreeU: Free Lunch in Diffusion U-Net", CVPR 2024, section 3.2, in its first form: the
factors don't depend on the image. They go by how many channels a state has, as in the authors'
code, which GeoAware-SC runs: the widest level of the U-Net is the first stage, the next the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...errors import OptionError
from ...settings import check_float

Stages = Mapping[int, tuple[float, float]]
"""By the channels of a state: the factor of half of them, and that of the skip's frequencies."""


def check_free_u(factors: Any) -> tuple[float, float, float, float] | None:
    """The four factors as floats, or None."""
    if factors is None:
        return None
    if isinstance(factors, str) or not hasattr(factors, "__len__") or len(factors) != 4:
        raise OptionError(
            f"free_u must be the four numbers b1, b2, s1, s2, not {factors!r}",
            hint="GeoAware-SC takes 1.2,1.4,0.9,0.2",
        )
    b1, b2, s1, s2 = (check_float("free_u", factor, minimum=0) for factor in factors)
    return b1, b2, s1, s2


def find_stages(factors: Sequence[float] | None, config: Mapping[str, Any]) -> Stages:
    """The factors by channels, for a U-Net of this config; none without factors."""
    if factors is None:
        return {}
    b1, b2, s1, s2 = factors
    widths = sorted(set(config["block_out_channels"]), reverse=True)
    return dict(zip(widths, ((b1, s1), (b2, s2)), strict=False))


def amplify(state: torch.Tensor, stages: Stages) -> torch.Tensor:
    """The state (batch, channel, rows, columns) with the first half of its channels scaled."""
    channels = state.shape[1]
    if channels not in stages:
        return state
    half, rest = state[:, : channels // 2], state[:, channels // 2 :]
    return torch.cat([half * stages[channels][0], rest], dim=1)


def soften(skip: torch.Tensor, channels: int, stages: Stages) -> torch.Tensor:
    """The skip connection that is joined to a state of so many channels, its lows scaled."""
    if channels not in stages:
        return skip
    from diffusers.utils.torch_utils import fourier_filter

    filtered: torch.Tensor = fourier_filter(skip, threshold=1, scale=stages[channels][1])
    return filtered
