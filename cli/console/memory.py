"""What memory work takes, said before it begins."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import say

if TYPE_CHECKING:
    from ...descriptors import Descriptor
    from ..options.inputs import Input


def say_memory(
    what: str,
    size: int,
    inputs: "Sequence[Input]",
    descriptor: "Descriptor | None",
    *others: "Descriptor",
) -> None:
    """Say on standard error what memory work takes beside what is held already.

    `size` are its bytes once features are there; the networks of `others` are loaded for it, too.
    """
    from rich.filesize import decimal

    for part in _backbones(descriptor):
        if part.torch_device.type == "cpu":
            for one in inputs:
                canvas = None if one.has_features else part.canvas(one.height, one.width)
                if canvas is not None:
                    size = max(size, part.working_memory(canvas.y.length, canvas.x.length))
    weights = weights_bytes(descriptor, *others)
    besides = f", and {decimal(weights)} for weights" if weights else ""
    say(f"memory: about {decimal(size)} for {what}{besides}")


def weights_bytes(*descriptors: "Descriptor | None") -> int:
    """How many bytes the weights of these descriptors take at most, in their precision."""
    files: dict[Path, float] = {}
    for part in (part for one in descriptors for part in _backbones(one)):
        for one in (part, getattr(part, "image_captioner", None)):
            if (checkpoint := getattr(one, "checkpoint", None)) is None:
                continue
            itemsize = getattr(getattr(one, "torch_dtype", None), "itemsize", 4)
            share = itemsize / (4 if checkpoint.precision == "float32" else 2)
            files |= {path: share for paths in checkpoint.weights.values() for path in paths}
    return round(sum(share * path.stat().st_size for path, share in files.items()))


def _backbones(descriptor: "Descriptor | None") -> Iterator[Any]:
    """The networks that a descriptor consists of, if there is one."""
    from ...descriptors import Backbone

    if isinstance(descriptor, Backbone):
        yield descriptor
    for part in getattr(descriptor, "parts", ()):
        yield from _backbones(part)
