"""What lower precision does to the features: cosines with those of float32, on full-size models.

    python benchmarks/precision.py [--sd-size 512] [--dinov2-size 518]

The models have the sizes of Stable Diffusion 1.5 and of DINOv2 ViT-S, ViT-B and ViT-L, with random
weights from files in float32. The cosine is that of a cell's features in lower precision with the
same cell's in float32, over all cells of a rendered picture; for Stable Diffusion after removing
the mean over the cells, as the PCA does that follows. Runs on the CPU, in what it has
instructions for, or on `--device cuda`.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import full_size
import numpy as np
import numpy.typing as npt
import torch
from descr.descriptors.backbone import Backbone
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.models.diffusion.stable_diffusion import StableDiffusion
from descr.descriptors.models.vit.dinov2 import DINOv2
from descr.descriptors.runtime.precision import computes_natively
from descr.descriptors.testing import render_picture
from rich.console import Console
from rich.table import Table

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


def models(folder: Path, options: argparse.Namespace) -> dict[str, Make]:
    """How to make each descriptor in a precision, by the title of its rows."""
    device = options.device
    sd = str(full_size.stable_diffusion(folder, torch.float32))
    found: dict[str, Make] = {
        "Stable Diffusion 1.5": lambda dtype: StableDiffusion(
            model=sd, size=options.sd_size, layers=LAYERS, device=device, dtype=dtype
        )
    }
    for size, title in (("small", "ViT-S"), ("base", "ViT-B"), ("large", "ViT-L")):
        model = str(full_size.dinov2(folder, size))
        found[f"DINOv2 {title}/14"] = lambda dtype, model=model: DINOv2(
            model=model, size=options.dinov2_size, device=device, dtype=dtype
        )
    return found


def main() -> int:
    """Print one row per layer and precision."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sd-size", type=int, default=512, help="canvas of Stable Diffusion")
    parser.add_argument("--dinov2-size", type=int, default=518, help="canvas of DINOv2")
    parser.add_argument("--device", default="cpu", help="where the networks run")
    parser.add_argument("--folder", type=Path, help="where the models are kept, to use them again")
    options = parser.parse_args()
    picture = render_picture(480, 640)
    table = Table("model", "layer", "precision", "mean cosine", "1 % of cells below", "lowest")
    with tempfile.TemporaryDirectory() as temporary:
        for title, make in models(options.folder or Path(temporary), options).items():
            full = tree_layers(make("float32").extract([picture])[0])
            table.add_section()
            for dtype in ("float16", "bfloat16"):
                if options.device == "cpu" and not computes_natively(getattr(torch, dtype)):
                    continue
                low = tree_layers(make(dtype).extract([picture])[0])
                for path, layer in full.items():
                    found = cosines(
                        low[path]["features"].values,
                        layer["features"].values,
                        centred=path.startswith("stable_diffusion"),
                    )
                    numbers = (found.mean(), np.quantile(found, 0.01), found.min())
                    table.add_row(
                        title, layer.attrs["layer"], dtype, *(f"{value:.5f}" for value in numbers)
                    )
    Console(width=110).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
