"""Images per second of extraction on a GPU: by batch, memory format and compilation.

DINOv2 ViT-B/14 at 518 with random weights, photographs of one shape, decoded from JPEG files. The
GPU waits while none of its kernels runs, from the first to the last. With `channels_last` the
weights are in that order of memory; `compiled` compiles each block by the defaults of
`torch.compile`, and its first run is not counted. Without a GPU it is skipped.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch

from ..bench import Bench, UnavailableError
from ..results import Row
from .extraction import describer, write_photographs

BATCHES = (1, 2, 4, 8, 16, 32, 64)


def run(
    bench: Bench, *, images: int = 256, dtype: str = "float16", rounds: int = 3, largest: int = 64
) -> Iterator[Row]:
    """A row for each batch size, and for each way to run the network at the largest that fits."""
    if not bench.on_gpu:
        raise UnavailableError("needs --device cuda")
    # One file many times: batches are then always full.
    paths = write_photographs(bench.folder, 1) * images
    fits = 1
    for size in (size for size in BATCHES if size <= largest):
        row = None
        with suppress(torch.OutOfMemoryError):
            row = measure(bench, paths, dtype, size, rounds)
        if row is None:
            bench.skip(f"batches of {size}", "more than the memory of this GPU")
            break
        fits = size
        yield row
    for layout in (False, True):
        for compiled in (False, True):
            if layout or compiled:
                yield measure(bench, paths, dtype, fits, rounds, layout, compiled)


def measure(
    bench: Bench,
    paths: list[Any],
    dtype: str,
    size: int,
    rounds: int,
    channels_last: bool = False,
    compiled: bool = False,
) -> Row:
    """Extraction in batches of one size, beside the network on pixels that are there."""
    describe = describer(bench, dtype, size)
    network: Any = describe.network
    if channels_last:
        network.to(memory_format=torch.channels_last)
    if compiled:
        for block in network.get_submodule(describe.blocks_name):
            block.compile()
    image = next(describe.features(paths[:1])).image
    canvas = describe.canvas(image["image_height"], image["image_width"])
    shape = size, 3, canvas.y.length, canvas.x.length
    pixels = torch.rand(shape, device=bench.device, dtype=describe.pixel_dtype)

    def extraction() -> None:
        for _ in describe.features(paths):
            pass

    def bare() -> None:
        with torch.no_grad():
            for _ in range(len(paths) // size):
                describe.forward(pixels)

    torch.cuda.reset_peak_memory_stats()
    taken = bench.race({"value": extraction, "floor": bare}, rounds=rounds)
    peak = torch.cuda.max_memory_allocated()
    ways = [name for name, on in (("channels last", channels_last), ("compiled", compiled)) if on]
    return Row(
        ", ".join([f"batches of {size}", dtype, *ways]),
        {
            "images / s": len(paths) / taken["value"],
            "network, images / s": len(paths) // size * size / taken["floor"],
            "x floor": taken["value"] / taken["floor"],
            "GPU waits": f"{waiting(extraction):.0%}",
            "peak memory, MB": peak / 1e6,
        },
    )


def waiting(work: Any) -> float:
    """The share of the time from the first kernel to the last in which none runs."""
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        work()
        torch.cuda.synchronize()
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in profile.events()
        if event.device_type == torch.autograd.DeviceType.CUDA
    )
    busy, reached = 0.0, spans[0][0]
    for start, end in spans:
        busy += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return 1 - busy / (reached - spans[0][0])
