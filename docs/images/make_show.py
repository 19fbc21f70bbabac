"""Write the pictures of features, `show-*.jpg`, beside this file.

They are what `descr show` draws of the sample photographs: with SIFT, with `Surroundings` below,
and with both fused. Neither needs weights, so that the pictures can be made anywhere.

Run `python docs/images/make_show.py [NAME ...]` with the `test` extra installed.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

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
from descr.applications.pictures import Drawing
from descr.descriptors import SIFT, Backbone, Fused, Layer, read_image
from descr.matchers import MutualNearestNeighbor
from torch.nn import functional

FOLDER = Path(__file__).parent
WIDTH = 1100
QUALITY = 84
NAMES = "pca", "clusters", "map", "layers", "similarity", "compare"


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


def draw(name: str) -> Drawing:
    """The picture of this name."""
    cats = [read_image(FOLDER / file) for file in ("cat.jpg", "cat-closer.jpg")]
    surroundings = Surroundings(size=640)
    both = Fused(SIFT(), surroundings)
    options: dict[str, Any] = {"width": WIDTH, "titles": True}
    match name:
        case "pca":
            return draw_pca(cats, surroundings, **options)
        case "clusters":
            return draw_clusters(cats, both, **options)
        case "map":
            matcher = MutualNearestNeighbor(tolerance=1)
            return draw_correspondence_map(*cats, SIFT(), matcher=matcher, **options)
        case "layers":
            return draw_layers(cats, Fused(surroundings, SIFT()), **options)
        case "similarity":
            return draw_similarity(cats, [(172, 108), (258, 228)], surroundings, **options)
        case _:
            options["width"] = 1500
            return draw_comparison(split_sources(both.extract(cats)), cats, **options)


def main() -> None:
    """Write those that are named, or all of them."""
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("name", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"of {NAMES}")
    for name in parser.parse_args().name or NAMES:
        picture, path = draw(name), FOLDER / f"show-{name}.jpg"
        PIL.Image.fromarray(picture).save(path, quality=QUALITY, optimize=True)
        height, width = picture.shape[:2]
        print(f"{path.name}: {width} x {height}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
