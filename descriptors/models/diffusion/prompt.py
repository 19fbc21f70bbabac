"""The prompt as the denoiser reads it."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import torch

from ...errors import OptionError, WeightsNotFoundError
from ...runtime.loading import load_transformer
from ...runtime.quiet import quiet
from ...weights import Checkpoint
from ...weights.configs import read_config
from ...weights.folders import VOCABULARY
from ...weights.reading import read_file, read_json, shorten

_KEPT = (
    *("bos_token", "eos_token", "unk_token", "pad_token", "added_tokens_decoder"),
    *("padding_side", "version", "model", "added_tokens"),
)
"""What of a tokenizer's settings, and of its `tokenizer.json`, makes tokens of a text."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the denoiser is conditioned on: by the text encoders, or by the captioner as well.

    `states` is (1 or batch, token, channel); `pooled` is (1, channel) for models that take it;
    `time_shift` is what the timestep's embedding gets, (batch, channel).
    """

    states: torch.Tensor
    pooled: torch.Tensor | None
    time_shift: torch.Tensor | None = None

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """The same on another device, in another precision."""
        return self._each(lambda part: part.to(device, dtype))

    def of(self, images: torch.Tensor) -> Self:
        """The conditioning of these images of the batch, by their places (image,)."""
        return self._each(lambda part: part if len(part) == 1 else part[images])

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        parts = {name: part for name, part in vars(self).items() if part is not None}
        return replace(self, **{name: change(part) for name, part in parts.items()})


def encode_prompt(checkpoint: Checkpoint, prompt: str) -> Conditioning:
    """The conditioning of a prompt, computed on the CPU in float32 whatever the U-Net runs in.

    With one text encoder, its last hidden state after the final norm. With two, as in SDXL, the
    last but one of both, joined, and the pooled embedding of the second. Each encoder is loaded
    for this and let go before the next.
    """
    parts = sorted(part for part in checkpoint.weights if part.startswith("text_encoder"))
    outputs = [_encode(checkpoint, part, prompt) for part in parts]
    unet = read_config(checkpoint.part_folder("unet") / "config.json", "UNet2DConditionModel")
    states, pooled, fit = [outputs[0].last_hidden_state], None, True
    if len(parts) > 1:
        states, pooled = [output.hidden_states[-2] for output in outputs], outputs[-1].text_embeds
        width = pooled.shape[1] + 6 * (unet.get("addition_time_embed_dim") or 0)
        fit = width == unet.get("projection_class_embeddings_input_dim")
        fit = fit and states[0].shape[1] == states[1].shape[1]
    if not fit or sum(one.shape[-1] for one in states) != unet["cross_attention_dim"]:
        fault = f"{checkpoint.folder}: its text encoders are not those of its U-Net"
        hint = "the parts are of different models: get the folder again"
        raise WeightsNotFoundError(fault, hint=hint)
    return Conditioning(torch.cat(states, dim=-1), pooled)


def _encode(checkpoint: Checkpoint, part: str, prompt: str) -> Any:
    kind = "CLIPTextModelWithProjection" if part.endswith("_2") else "CLIPTextModel"
    path = checkpoint.part_folder(part) / "config.json"
    folder = checkpoint.folder / part.replace("text_encoder", "tokenizer")
    tokens = read_tokens(folder, prompt, "prompt", read_config(path, kind), padding="max_length")
    encoder = load_transformer(kind, path, checkpoint.weights[part], device=torch.device("cpu"))
    with torch.no_grad():
        return encoder(tokens, output_hidden_states=True)


def read_tokens(
    folder: Path, text: str, label: str, encoder: Mapping[str, Any], *, padding: str | bool
) -> torch.Tensor:
    """The tokens of a text, int64 (1, token), by CLIP's vocabulary in this folder.

    `encoder` is the config of the text encoder, which says how many tokens it takes; `padding` is
    that of transformers. Raises `OptionError`, which calls the text by the label, where it is too
    long, and `WeightsNotFoundError` for a vocabulary that can't be read or is another encoder's.
    """
    longest = encoder.get("max_position_embeddings", 77)
    with quiet():
        try:
            tokens: list[int] = _read_tokenizer(folder, longest)(text, padding=padding).input_ids
        except WeightsNotFoundError:
            raise
        except Exception as error:  # its libraries raise all kinds
            raise WeightsNotFoundError(
                f"{folder}: holds no vocabulary that can be read: {shorten(error)}"
            ) from error
    if len(tokens) > longest:
        raise OptionError(
            f"{label} has {len(tokens)} tokens, of which the model takes {longest}",
            hint="shorten it",
        )
    if max(tokens) >= encoder.get("vocab_size", 49408):
        raise WeightsNotFoundError(f"{folder}: its vocabulary is not that of its text encoder")
    return torch.tensor([tokens])


def _read_tokenizer(folder: Path, longest: int) -> Any:
    """CLIP's tokenizer of a copy of what makes one: other settings can name any file."""
    from transformers import CLIPTokenizer

    with TemporaryDirectory() as copy:
        for name in filter(lambda name: os.path.exists(folder / name), VOCABULARY):
            content = read_file(folder / name)
            if "tokenize" in name or "special" in name:
                values = read_json(folder / name)
                settings = {key: values[key] for key in _KEPT if key in values}
                content = json.dumps(settings).encode()
            Path(copy, name).write_bytes(content)
        return CLIPTokenizer.from_pretrained(copy, local_files_only=True, model_max_length=longest)
