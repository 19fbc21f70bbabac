"""What lower precision does to the features: cosines with those of float32, on full-size models.

The models have the sizes of Stable Diffusion 1.5 and of DINOv2 ViT-S, ViT-B and ViT-L, with random
weights from files in float32. The cosine is that of a cell's features in lower precision with the
same cell's in float32, over all cells of a rendered picture; for Stable Diffusion after removing
the mean over the cells, as the PCA does that follows. Runs on the CPU, in what it has
instructions for, or on a GPU.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from descr.descriptors import DINOv2, StableDiffusion
from descr.descriptors.backbone import Backbone
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.runtime.devices import computes_natively
from descr.descriptors.testing import render_picture

from .. import full_size
from ..bench import Bench
from ..results import Row

LAYERS = ("decoder_2", "decoder_5", "decoder_8", "up_1", "up_3")
Make = Callable[[str], Backbone]


def cosines(
    low: npt.NDArray[np.float32], full: npt.NDArray[np.float32], *, centred: bool
) -> npt.NDArray[np.float32]:
    """Cosines (cell,) of two grids (channel, rows, columns), less the mean of the full one."""
    a, b = (grid.reshape(len(grid), -1).astype(np.float64) for grid in (low, full))
    if centred:
        mean = b.mean(axis=1, keepdims=True)
        a, b = a - mean, b - mean
    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return np.asarray((a * b).sum(axis=0) / lengths, dtype=np.float32)


def models(bench: Bench, sd_size: int, dinov2_size: int) -> dict[str, Make]:
    """How to make each descriptor in a precision, by the title of its rows."""
    sd = str(full_size.stable_diffusion(bench.folder, torch.float32))
    makers: dict[str, Make] = {
        "Stable Diffusion 1.5": lambda dtype: StableDiffusion(
            model=sd, size=sd_size, layers=LAYERS, device=bench.device, dtype=dtype
        )
    }
    for size, title in (("small", "ViT-S"), ("base", "ViT-B"), ("large", "ViT-L")):
        model = str(full_size.dinov2(bench.folder, size))
        makers[f"DINOv2 {title}/14"] = lambda dtype, model=model: DINOv2(
            model=model, size=dinov2_size, device=bench.device, dtype=dtype
        )
    return makers


def run(bench: Bench, *, sd_size: int = 512, dinov2_size: int = 518) -> Iterator[Row]:
    """A row for each layer and precision."""
    picture = render_picture(480, 640)
    for title, make in models(bench, sd_size, dinov2_size).items():
        full = tree_layers(make("float32").extract([picture])[0])
        for dtype in ("float16", "bfloat16"):
            if not bench.on_gpu and not computes_natively(getattr(torch, dtype)):
                bench.skip(dtype, "this processor has no instructions for it")
                continue
            low = tree_layers(make(dtype).extract([picture])[0])
            for path, layer in full.items():
                alike = cosines(
                    low[path]["features"].values,
                    layer["features"].values,
                    centred=path.startswith("stable_diffusion"),
                )
                numbers = {
                    "mean cosine": alike.mean(),
                    "1 % of cells below": np.quantile(alike, 0.01),
                    "lowest": alike.min(),
                }
                yield Row(
                    f"{title}, {layer.attrs['layer']}, {dtype}",
                    {name: f"{value:.5f}" for name, value in numbers.items()},
                )
