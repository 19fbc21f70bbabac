"""Checkpoints like the one that the captioner of ODISE is published in."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

FOLDER = Path(__file__).parents[1] / "data" / "tiny-captioner"
PREFIX = "backbone.feature_extractor."


def tensors() -> dict[str, torch.Tensor]:
    """The tensors of the small captioner."""
    return load_file(FOLDER / "captioner.safetensors")


def write_checkpoint(
    path: Path, changes: dict[str, Any] | None = None, *, key: str | None = "model", **save: Any
) -> Path:
    """A checkpoint with the small captioner in it, among much else.

    `changes` replaces tensors by name, or leaves them out for None; `key` holds them all.
    """
    held = {**tensors(), **(changes or {})}
    state: dict[str, Any] = {
        PREFIX + name: value for name, value in held.items() if value is not None
    }
    state |= {PREFIX + "ldm_extractor.weight": torch.zeros(7), "sem_seg_head.bias": torch.ones(3)}
    torch.save({key: state, "__author__": "a", "iteration": 9} if key else state, path, **save)
    return path
