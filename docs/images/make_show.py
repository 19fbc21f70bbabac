"""Write the pictures of features, `show-*.jpg`, beside this file.

They are what `descr show` draws of the sample photographs: with SIFT, with `Surroundings` below,
and with both fused. Neither needs weights, so that the pictures can be made anywhere.

Run `python docs/images/make_show.py` with the `test` extra installed.
"""

from pathlib import Path

import numpy as np
import PIL.Image
import torch
from descr.applications import (
    draw_clusters,
    draw_comparison,
    draw_correspondence_map,
    draw_layers,
    draw_pca,
    draw_similarity,
    split_sources,
)
from descr.descriptors import SIFT, Backbone, Fused, Layer, read_image
from descr.matchers import MutualNearestNeighbor
from torch.nn import functional

FOLDER = Path(__file__).parent
WIDTH = 1100
QUALITY = 84


class Surroundings(Backbone):
    """Colour and contrast in a wide, a middle and a narrow window around each cell."""

    layers = (Layer("wide", stride=32), Layer("middle", stride=16), Layer("narrow", stride=8))

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The layers of a batch of canvases."""
        spread, middle = torch.std_mean(pixels, dim=(2, 3), keepdim=True)
        pixels = (pixels - middle) / spread  # whatever the light
        found = {}
        for layer, window in zip(self.layers, (65, 33, 17), strict=True):
            mean = smooth(pixels, window)
            contrast = (smooth(pixels**2, window) - mean**2).clamp(min=0).sqrt()
            found[layer.name] = functional.avg_pool2d(
                torch.cat([mean, contrast - 0.5], dim=1), layer.stride
            )
        return found


def smooth(pixels: torch.Tensor, window: int) -> torch.Tensor:
    """The mean of the window around each pixel, of its part inside the picture."""
    for shape in ((window, 1), (1, window)):  # that of the whole window at once takes minutes
        padding = shape[0] // 2, shape[1] // 2
        pixels = functional.avg_pool2d(
            pixels, shape, stride=1, padding=padding, count_include_pad=False
        )
    return pixels


def write(name: str, picture: np.ndarray) -> None:
    """Write one picture."""
    path = FOLDER / f"show-{name}.jpg"
    PIL.Image.fromarray(picture).save(path, quality=QUALITY, optimize=True)
    print(f"{path.name}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size:,} bytes")


def main() -> None:
    """Write all of them."""
    cats = [read_image(FOLDER / name) for name in ("cat.jpg", "cat-closer.jpg")]
    surroundings = Surroundings(size=640)
    write("pca", draw_pca(cats, surroundings, width=WIDTH))
    both = Fused(SIFT(), surroundings)
    write("clusters", draw_clusters(cats, both, width=WIDTH))
    matcher = MutualNearestNeighbor(tolerance=1)
    write("map", draw_correspondence_map(*cats, SIFT(), matcher=matcher, width=WIDTH, titles=True))
    write("layers", draw_layers(cats, Fused(surroundings, SIFT()), width=WIDTH))
    points = [(172, 108), (258, 228)]
    write("similarity", draw_similarity(cats, points, surroundings, width=WIDTH, titles=True))
    maps = split_sources(both.extract(cats))
    write("compare", draw_comparison(maps, cats, width=1500))


if __name__ == "__main__":
    main()
