from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from descr.descriptors import Basis, FeatureStore, save_features
from descr.descriptors.features.tensors import Features
from descr.descriptors.image.reading import Image
from support.trees import build_tree, layer

CHANNELS, STEP = 16, 8

Cells = np.ndarray
Fill = Callable[[Mapping[str, Cells]], FeatureStore]


def tree_of(cells: Cells, name: str) -> xr.DataTree:
    """The feature tree of an image with these cells (row, column, channel), 8 pixels apart."""
    rows, columns, _ = cells.shape
    y, x = ((np.arange(count) + 0.5) * STEP - 0.5 for count in (rows, columns))
    pixels = np.zeros((rows * STEP, columns * STEP, 3), np.uint8)
    features = cells.transpose(2, 0, 1).astype(np.float32)
    return build_tree(Image(pixels, name), "ByHand()", [layer(features, y=y, x=x)])


def random_cells(rows: int, columns: int, seed: int) -> Cells:
    """Cells (row, column, channel) of unit length."""
    cells = np.random.default_rng(seed).normal(size=(rows, columns, CHANNELS))
    return cells / np.linalg.norm(cells, axis=2, keepdims=True)


def images_with_a_copy(names: str) -> dict[str, Cells]:
    """An image of 10 x 12 cells for each letter; in the second lies a part of the first one."""
    images = {f"{name}.jpg": random_cells(10, 12, seed) for seed, name in enumerate(names, 1)}
    images["b.jpg"][5:9, 2:7] = images["a.jpg"][1:5, 6:11]
    return images


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """What writes cells by key into a store of feature trees."""

    def write(images: Mapping[str, Cells]) -> FeatureStore:
        store = FeatureStore(tmp_path / "features")
        for key, cells in images.items():
            path = store.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_features(tree_of(cells, Path(key).name), path, lossless=True)
        return store

    return write


@pytest.fixture(scope="session")
def basis() -> Basis:
    """The basis of the toy features: every channel as it is."""
    return Basis.fit([Features.from_tree(tree_of(random_cells(4, 4, 0), "a"))])
