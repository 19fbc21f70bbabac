"""The weights of one model on this machine: where they lie, and which they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HALF = ".fp16."
"""What marks the half-precision variant of a file in its name."""


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds all that one model needs, checked.

    Parameters
    ----------
    folder:
        A diffusers pipeline folder, or a transformers model folder.
    name:
        The model's name in the table; for a local folder, the folder's base name.
    family:
        "stable_diffusion", "dinov2" or "clipseg".
    revision:
        Which weights these are: the commit of the repository they came from; for a local folder
        a fingerprint of its configs and weights, "local-" and 32 hexadecimal digits.
    weights:
        For each part of the model ("unet", "vae", ..., and "" for a model in one part) its
        safetensors files, in the order of their names: one, or several where it is in shards.
    """

    folder: Path
    name: str
    family: str
    revision: str
    weights: Mapping[str, tuple[Path, ...]]

    @property
    def half(self) -> bool:
        """Whether any of the parts is the half-precision variant, named `*.fp16.safetensors`."""
        return any(self.variant(part) is not None for part in self.weights)

    def variant(self, part: str) -> str | None:
        """What diffusers and transformers take as `variant` to load these files of one part."""
        return "fp16" if any(HALF in path.name for path in self.weights[part]) else None
