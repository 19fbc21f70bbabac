"""Principal components of the cells of several images together."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch


@dataclass(frozen=True, eq=False)
class Projection:
    """An affine map to principal components: `mean` (channel,), `axes` (channel, component)."""

    mean: torch.Tensor
    axes: torch.Tensor

    @cached_property
    def sha256(self) -> str:
        """The identity of the projection: a hex digest of mean and axes."""
        digest = hashlib.sha256(self.mean.numpy().tobytes())
        digest.update(self.axes.numpy().tobytes())
        return digest.hexdigest()

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """The components (component, rows, columns) of features (channel, rows, columns)."""
        channels, rows, columns = features.shape
        centred = features.reshape(channels, -1) - self.mean[:, None]
        return (self.axes.T @ centred).reshape(-1, rows, columns)


def fit_projection(features: Sequence[torch.Tensor], components: int) -> Projection:
    """The projection to the first principal components of all cells of all the grids.

    Exact and deterministic: the eigenvectors, in float64, of the smaller of the covariance
    (channel, channel) and the Gram matrix (cell, cell); each axis is signed so that its largest
    entry is positive. "A Tale of Two Features" (section 3.3) fits a randomised PCA jointly on the
    two images of a pair; this is its limit.

    The grids are (channel, rows, columns), float32, one per image. At most as many components are
    made as there are channels; those in which the cells do not vary are 0.
    """
    cells = torch.cat([grid.reshape(grid.shape[0], -1) for grid in features], dim=1).double()
    channels, count = cells.shape
    mean = cells.mean(dim=1)
    centred = cells - mean[:, None]
    wanted = min(components, channels)
    if channels <= count:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        values, axes = values.flip(0)[:wanted], vectors.flip(1)[:, :wanted]
        kept = _significant(values, max(channels, count))
        axes = axes * kept
    else:
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        values, vectors = values.flip(0)[:wanted], vectors.flip(1)[:, :wanted]
        kept = _significant(values, max(channels, count))
        scale = torch.where(kept, values, torch.ones_like(values)).sqrt()
        axes = (centred @ vectors) / scale * kept
        missing = wanted - axes.shape[1]
        axes = torch.cat([axes, axes.new_zeros(channels, missing)], dim=1)
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    axes = torch.where(largest < 0, -axes, axes)
    return Projection(mean.float(), axes.float())


def _significant(values: torch.Tensor, size: int) -> torch.Tensor:
    """Which eigenvalues are more than rounding."""
    return values > values[0].clamp(min=0) * size * torch.finfo(values.dtype).eps
