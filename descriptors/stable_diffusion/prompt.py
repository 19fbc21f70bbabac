"""The prompt as the denoiser reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from ..errors import OptionError, WeightsNotFoundError
from ..runtime.loading import first_line, load_transformer
from ..runtime.quiet import quiet
from ..weights import Checkpoint


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the denoiser is conditioned on: by the text encoders, or by the captioner as well.

    `states` is (1, token, channel), or (batch, token, channel) where each image has its own;
    `pooled` is (1, channel) for models that take it, else None; `time_shift` is what the
    timestep's embedding gets, (batch, channel), None for nothing.
    """

    states: torch.Tensor
    pooled: torch.Tensor | None
    time_shift: torch.Tensor | None = None

    def to(self, device: torch.device, dtype: torch.dtype) -> "Conditioning":
        """The same on another device, in another precision."""
        return self._each(lambda part: part.to(device, dtype))

    def of(self, images: torch.Tensor) -> "Conditioning":
        """The conditioning of these images of the batch, by their places (image,)."""
        return self._each(lambda part: part if len(part) == 1 else part[images])

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Conditioning":
        parts = (self.states, self.pooled, self.time_shift)
        states, *rest = (None if part is None else change(part) for part in parts)
        return Conditioning(cast(torch.Tensor, states), *rest)


def encode_prompt(checkpoint: Checkpoint, prompt: str) -> Conditioning:
    """The conditioning of a prompt, computed on the CPU in float32 whatever the U-Net runs in.

    With one text encoder, its last hidden state after the final norm. With two, as in SDXL, the
    last but one of both, joined, and the pooled embedding of the second. Each encoder is loaded
    for this and let go before the next.

    Raises
    ------
    OptionError
        The prompt is longer than the encoders take.
    WeightsNotFoundError
        An encoder is damaged; names its folder.
    """
    parts = sorted(part for part in checkpoint.weights if part.startswith("text_encoder"))
    if len(parts) == 1:
        return Conditioning(_encode(checkpoint, parts[0], prompt).last_hidden_state, None)
    outputs = [_encode(checkpoint, part, prompt) for part in parts]
    states = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
    return Conditioning(states, outputs[-1].text_embeds)


def _encode(checkpoint: Checkpoint, part: str, prompt: str) -> Any:
    folder = checkpoint.folder / part.replace("text_encoder", "tokenizer")
    tokens = read_tokens(folder, prompt, "prompt", padding="max_length")
    encoder = load_transformer(
        "CLIPTextModelWithProjection" if part.endswith("_2") else "CLIPTextModel",
        checkpoint.part_folder(part) / "config.json",
        checkpoint.weights[part],
        device=torch.device("cpu"),
    )
    with torch.no_grad():
        return encoder(tokens, output_hidden_states=True)


def read_tokens(folder: Path, text: str, label: str, *, padding: str | bool) -> torch.Tensor:
    """The tokens of a text, int64 (1, token), by CLIP's vocabulary in this folder.

    `padding` is that of transformers, to what the model takes with "max_length". Raises
    `OptionError`, which calls the text by the label, where it is longer than that, and
    `WeightsNotFoundError` for a vocabulary that can't be read.
    """
    with quiet():
        from transformers import CLIPTokenizer

        try:
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise WeightsNotFoundError(
                f"{folder}: holds no vocabulary that can be read: {first_line(error)}"
            ) from error
        longest = tokenizer.model_max_length
        tokens: list[int] = tokenizer(text, padding=padding).input_ids
    if len(tokens) > longest:
        raise OptionError(
            f"{label} has {len(tokens)} tokens, of which the model takes {longest}",
            hint="shorten it",
        )
    return torch.tensor([tokens])
