"""Which weights a local folder holds, said by a short text that is quick to compute."""

import hashlib
import os
from pathlib import Path

from .folders import CAPTIONER, CLIP, CLIPSEG, DINOV2, DINOV3, STABLE_DIFFUSION, VOCABULARY, Weights
from .header import read_header
from .reading import opened, read_file

BLOCKS = 64
BLOCK = 4096

_CONFIGS = {
    STABLE_DIFFUSION: (
        *("unet/config.json", "vae/config.json", "scheduler/scheduler_config.json"),
        *("text_encoder/config.json", *(f"tokenizer/{name}" for name in VOCABULARY)),
        *("text_encoder_2/config.json", *(f"tokenizer_2/{name}" for name in VOCABULARY)),
    ),
    DINOV2: ("config.json",),
    DINOV3: ("config.json",),
    CLIPSEG: ("config.json", *VOCABULARY),
    CLIP: ("config.json",),
    CAPTIONER: ("image_encoder/config.json",),
}


def fingerprint(folder: Path, family: str, weights: Weights) -> str:
    """A text that is the same for the same weights and configs, wherever the folder lies.

    "local-" and 32 hexadecimal digits: the sha256 over the configs, the headers of the safetensors
    files, and 64 blocks of 4 KiB spread evenly over the data of each. A fine-tuned model differs in
    all of them, and a model of gigabytes is told apart in milliseconds. `weights` are as
    `read_folder` gives them.
    """
    digest = hashlib.sha256()
    for name in _CONFIGS[family]:
        part, _, base = name.rpartition("/")
        path = weights[part][0].parent / base if part in weights else folder / name
        if os.path.exists(path):
            _add(digest, name.encode(), read_file(path))
    for part, files in sorted(weights.items()):
        for path in files:
            _add(digest, part.encode(), read_header(path)[0], _sample(path))
    return f"local-{digest.hexdigest()[:32]}"


def _sample(path: Path) -> bytes:
    """Blocks of a file, spread evenly from its beginning to its end; all of a small file."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= BLOCKS * BLOCK:
            return file.read()
        blocks = []
        for index in range(BLOCKS):
            file.seek(index * (size - BLOCK) // (BLOCKS - 1))
            blocks.append(file.read(BLOCK))
    return b"".join(blocks)


def _add(digest: "hashlib._Hash", *parts: bytes) -> None:
    """Add parts with their lengths, so that no two lists of parts read the same."""
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
