"""Feature maps and trees of random numbers, of the sizes that networks give."""

import numpy as np
import torch
from descr.descriptors import FeatureMap, Features
from descr.descriptors.features.grids import Grid
from descr.descriptors.features.tensors import LayerFeatures
from descr.descriptors.features.tree import Provenance
from descr.descriptors.image.reading import Image
from torch.nn.functional import normalize

SIDE = 960
FUSED = (
    ("stable_diffusion", "decoder_2", 1280, 15, 256),
    ("stable_diffusion", "decoder_5", 1280, 30, 256),
    ("stable_diffusion", "decoder_8", 640, 60, 256),
    ("dinov2", "token", 768, 60, None),
)
"""Source, layer, channels, cells along a side and components: the layers of the recipe `fused`."""


def centres(cells: int) -> np.ndarray:
    """Where so many cells along a side of the image lie."""
    return (np.arange(cells) + 0.5) * SIDE / cells - 0.5


def random_map(
    rows: int, columns: int, channels: int, seed: int, *, kind: str = "alike", device: str = "cpu"
) -> FeatureMap:
    """A map whose cells resemble those of another seed as those of two photographs do.

    Or one whose cells are all equal: `flat`, up to 1e-6 `almost flat`, the upper half `half flat`.
    """
    shape = channels, rows * columns
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    if kind == "flat":
        values[:] = 1.0
    elif kind == "almost flat":
        values = 1 + 1e-6 * normalize(values, dim=0)
    else:
        generator = torch.Generator().manual_seed(0)
        mixing = torch.randn(channels, 24, generator=generator)
        values = 3 * values + mixing @ torch.randn(24, shape[1], generator=generator)
        if kind == "half flat":
            values[:, : shape[1] // 2] = 1.0
    grid = Grid(centres(rows), centres(columns))
    about = {"image_name": f"{seed}.png", "image_height": SIDE, "image_width": SIDE}
    attrs = {**about, "image_sha256": f"{seed}", "descriptor": "random", "basis": "random"}
    features = normalize(values, dim=0).view(channels, rows, columns).to(device)
    return FeatureMap(features, grid, attrs, ["random"] * channels, ["cells"] * channels)


def random_features(seed: int, layers: tuple[tuple, ...] = FUSED, device: str = "cpu") -> Features:
    """The features of one square image, by default of the sizes of the recipe `fused`."""
    generator = torch.Generator().manual_seed(seed)
    output = []
    for source, layer, channels, cells, components in layers:
        about = Provenance(
            source=source,
            layer=layer,
            model="random",
            revision="1",
            settings={},
            components=components,
        )
        values = torch.randn(channels, cells, cells, generator=generator).to(device)
        grid = Grid(centres(cells), centres(cells))
        output.append(LayerFeatures(values, grid, about.attributes))
    image = Image(np.full((SIDE, SIDE, 3), seed, np.uint8), f"{seed}.png")
    return Features.of(image, "random", output)
