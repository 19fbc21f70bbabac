"""The weights of one model on this machine: where they lie, and which they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .header import read_header

_HALF = re.compile(r"\.fp16[.-]")
"""What marks the half-precision variant of a file, or of its shards, in the name."""

_PRECISIONS = {"F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds all that one model needs, checked.

    Parameters
    ----------
    folder:
        A diffusers pipeline folder, a transformers model folder, or the folder of a captioner.
    name:
        The model's name in the table; "local" for a local folder.
    family:
        "stable_diffusion", "dinov2", "dinov3", "clipseg", "clip" or "captioner".
    revision:
        Which weights these are: the commit of the repository they came from, with "+float32"
        behind it for full-precision files of a model that is published in half precision, too;
        for a local folder and a captioner a fingerprint of the configs and weights, "local-" and
        32 hexadecimal digits.
    weights:
        For each part of the model ("unet", "vae", ..., and "" for a model in one part) its
        safetensors files, in the order of their names: one, or several where it is in shards.
    """

    folder: Path
    name: str
    family: str
    revision: str
    weights: Mapping[str, tuple[Path, ...]]

    @cached_property
    def precision(self) -> str:
        """The lowest precision of a part: "float16", "bfloat16" or "float32", read in the files."""
        files = (path for part in self.weights.values() for path in part)
        dtypes = {tensor["dtype"] for path in files for tensor in read_header(path)[1].values()}
        return next((_PRECISIONS[one] for one in _PRECISIONS if one in dtypes), "float32")

    def part_folder(self, part: str) -> Path:
        """The folder of a part, with its weights and its `config.json`.

        A captioner's image encoder may lie elsewhere than the captioner.
        """
        return self.weights[part][0].parent


def is_half(files: tuple[Path, ...]) -> bool:
    """Whether files of a part are the half-precision variant, by their names."""
    return any(_HALF.search(path.name) is not None for path in files)
