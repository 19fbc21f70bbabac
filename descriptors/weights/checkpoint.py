"""The weights of one model on this machine: where they lie, and which they are."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .folders import Weights
from .reading import opened, read_file, read_header

BLOCKS = 64
BLOCK = 4096

_HALF = re.compile(r"\.fp16[.-]")
"""What marks the half-precision variant of a file, or of its shards, in the name."""
_PRECISIONS = {"F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds all that one model needs, checked.

    Args:
        folder: A diffusers pipeline folder, a transformers model folder, the folder of a captioner,
            or that of an installed package.
        name: The model's name in the table; "local" for a local folder.
        family: The family of the model; see `Model`.
        revision: Which weights these are: the commit of the repository they came from, with
            "+float32" behind it for full-precision files of a model that is published in half
            precision, too; for a local folder, a captioner and an installed package a fingerprint
            of the configs and weights, "local-" and 32 hexadecimal digits.
        weights: For each part of the model ("unet", "vae", ..., and "" for a model in one part) its
            files of weights, in the order of their names: one, or several where it is in shards.
    """

    folder: Path
    name: str
    family: str
    revision: str
    weights: Mapping[str, tuple[Path, ...]]

    @cached_property
    def precision(self) -> str:
        """The lowest precision of a part: "float16", "bfloat16" or "float32", read in the files."""
        files = [path for part in self.weights.values() for path in part]
        headers = [read_header(path)[1] for path in files if path.suffix == ".safetensors"]
        dtypes = {tensor["dtype"] for header in headers for tensor in header.values()}
        return next((_PRECISIONS[one] for one in _PRECISIONS if one in dtypes), "float32")

    def part_folder(self, part: str) -> Path:
        """The folder of a part, with its weights and its `config.json`.

        A captioner's image encoder may lie elsewhere than the captioner.
        """
        return self.weights[part][0].parent


def is_half(files: tuple[Path, ...]) -> bool:
    """Whether files of a part are the half-precision variant, by their names."""
    return any(_HALF.search(path.name) is not None for path in files)


def fingerprint(folder: Path, configs: tuple[str, ...], weights: Weights) -> str:
    """A text that is the same for the same weights and configs, wherever the folder lies.

    "local-" and 32 hexadecimal digits: the sha256 over the configs, the headers of the safetensors
    files, and 64 blocks of 4 KiB spread evenly over each: milliseconds for gigabytes, and a
    fine-tuned model differs in all of them.
    """
    digest = hashlib.sha256()

    def add(*parts: bytes) -> None:
        # With their lengths, so that no two lists of parts read the same.
        for part in parts:
            digest.update(len(part).to_bytes(8, "little") + part)

    for name in configs:
        part, _, base = name.rpartition("/")
        path = weights[part][0].parent / base if part in weights else folder / name
        if os.path.exists(path):
            add(name.encode(), read_file(path))
    for part, files in sorted(weights.items()):
        for path in files:
            header = read_header(path)[0] if path.suffix == ".safetensors" else b""
            add(part.encode(), header, _sample(path))
    return f"local-{digest.hexdigest()[:32]}"


def _sample(path: Path) -> bytes:
    """Blocks of a file, spread evenly from its beginning to its end; all of a small file."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= BLOCKS * BLOCK:
            return file.read()
        blocks = b""
        for index in range(BLOCKS):
            file.seek(index * (size - BLOCK) // (BLOCKS - 1))
            blocks += file.read(BLOCK)
    return blocks
