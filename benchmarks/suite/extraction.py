"""Extraction of photographs of mixed shapes with DINOv2 ViT-B/14 at 518, against the bare network.

The weights are random. The photographs are JPEG files of seven shapes, in an order that mixes them;
the floor is the network of transformers on the very canvases that extraction makes of them, in the
same batches. 64 photographs take minutes on a processor: there are 12 by default (`--set
images=64`).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from descr.descriptors import DINOv2

from .. import full_size
from ..bench import Bench
from ..photographs import photograph
from ..results import Row, to_floor

SHAPES = ((640, 480), (480, 640), (600, 400), (500, 500), (800, 450), (400, 600), (1024, 768))
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def write_photographs(folder: Path, count: int) -> list[Path]:
    """So many JPEG files: crops of photographs, of mixed shapes."""
    generator = np.random.default_rng(0)
    pictures = [PIL.Image.fromarray(photograph(name)) for name in NAMES]
    paths = []
    for place in range(count):
        picture = pictures[place % len(pictures)]
        left, top = generator.integers(0, 60, 2).tolist()
        cut = picture.crop((left, top, picture.width - 60 + left, picture.height - 60 + top))
        paths.append(folder / f"{place:03}.jpg")
        cut.resize(SHAPES[generator.integers(len(SHAPES))]).save(paths[-1], quality=92)
    return paths


def describer(bench: Bench, dtype: str, batch_size: int) -> DINOv2:
    """DINOv2 ViT-B/14 at 518, each canvas of the shape of its image."""
    return DINOv2(
        model=str(full_size.dinov2(bench.folder, "base")),
        size=518,
        fit="aspect",
        device=bench.device,
        dtype=dtype,
        batch_size=batch_size,
    )


def canvases(describe: DINOv2, paths: list[Path]) -> list[torch.Tensor]:
    """The batches that the network gets of these files, on the device."""
    batches: list[torch.Tensor] = []
    hook = describe.network.embeddings.patch_embeddings.projection.register_forward_pre_hook(
        lambda module, arguments: batches.append(arguments[0].clone())
    )
    for _ in describe.features(paths):
        pass
    hook.remove()
    return batches


def run(
    bench: Bench, *, images: int = 12, batch_size: int = 4, dtype: str = "float32", rounds: int = 2
) -> Iterator[Row]:
    """One row."""
    paths = write_photographs(bench.folder, images)
    describe = describer(bench, dtype, batch_size)
    batches = canvases(describe, paths)
    bare = full_size.bare_dinov2(
        full_size.dinov2(bench.folder, "base"),
        dtype=describe.torch_dtype,
        device=bench.device,
    )

    def extraction() -> None:
        for _ in describe.features(paths):
            pass

    def network() -> None:
        for batch in batches:
            bare(batch)

    work = {"value": extraction, "floor": network}
    case = f"{images} photographs, {len(batches)} batches of up to {batch_size}, {dtype}"
    yield to_floor(case, bench.race(work, rounds=rounds, warm=bench.on_gpu), most=1.05)
