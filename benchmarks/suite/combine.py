"""Combining two trees of Stable Diffusion and DINOv2, against the bare linear algebra.

Of a joint PCA the floor is, for each of its three layers, one product for the smaller of
covariance and Gram matrix and its eigenvectors, both in float64. With a basis it is the product of
each layer with its axes.
"""

from collections.abc import Iterator

import torch
from descr.descriptors import Basis, combine

from ..bench import Bench
from ..maps import FUSED, random_features
from ..results import Row, to_floor


def run(bench: Bench, *, rounds: int = 5) -> Iterator[Row]:
    """A row for a joint PCA, and one for a basis."""
    trees = [random_features(seed, device=bench.device) for seed in (0, 1)]
    basis = Basis.fit(trees)
    paths = [f"{source}/{layer}" for source, layer, *_, components in FUSED if components]
    layers = [[tree.layers[path].features.flatten(1) for tree in trees] for path in paths]
    joined = [torch.cat(parts, dim=1).double() for parts in layers]
    axes = [basis.projections[path].axes for path in paths]

    def algebra() -> None:
        for cells in joined:
            wide = cells.shape[1] >= cells.shape[0]
            torch.linalg.eigh(cells @ cells.T if wide else cells.T @ cells)

    def projection() -> None:
        for of_layer, parts in zip(axes, layers, strict=True):
            for cells in parts:
                torch.mm(of_layer.T, cells)

    joint = {"value": lambda: combine(trees), "floor": algebra}
    yield to_floor("joint PCA", bench.race(joint, rounds=rounds), most=2)
    kept = {"value": lambda: combine(trees, basis=basis), "floor": projection}
    yield to_floor("with a basis", bench.race(kept, rounds=rounds), most=1.5)
