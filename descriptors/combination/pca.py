"""Principal components of the cells of several images together."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional

from ..features.grids import double
from .recipe import digest_of


@dataclass(frozen=True, eq=False)
class Projection:
    """An affine map to principal components: `mean` (channel,), `axes` (channel, component)."""

    mean: torch.Tensor
    axes: torch.Tensor

    @cached_property
    def sha256(self) -> str:
        """The identity of the projection: a hex digest of mean and axes."""
        return digest_of(self.mean.cpu().numpy(), self.axes.cpu().numpy())

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """The components (component, rows, columns) of features (channel, rows, columns)."""
        channels, rows, columns = features.shape
        mean, axes = self.mean.to(features.device), self.axes.to(features.device)
        centred = features.reshape(channels, -1) - mean[:, None]
        return (axes.T @ centred).reshape(-1, rows, columns)


class Moments:
    """Mean and scatter of cells in float64, added grid by grid: what principal components need.

    The scatter is the sum of the outer products of the distances to the mean. Those of two sets
    are joined by the formula of Chan, Golub and LeVeque ("Updating formulae and a pairwise
    algorithm for computing sample variances", 1979), in which nothing cancels. As long as there
    are fewer cells than channels, the cells themselves are kept: they are smaller.
    """

    def __init__(self) -> None:
        self._count = 0
        self._few: list[torch.Tensor] = []
        self._mean, self._scatter = torch.empty(0), torch.empty(0)

    def add(self, grid: torch.Tensor) -> None:
        """Take in the cells of a grid (channel, rows, columns)."""
        cells = double(grid.reshape(grid.shape[0], -1))
        if self._count >= len(cells):
            self._join(cells.shape[1], *_moments(cells))
            return
        self._count += cells.shape[1]
        self._few.append(cells)
        if self._count >= len(cells):
            self._mean, self._scatter = _moments(torch.cat(self._few, dim=1))
            self._few.clear()

    def merge(self, later: "Moments") -> None:
        """Take in the cells of other moments, which are not to be used after."""
        if later._few:
            for cells in later._few:
                self.add(cells[:, None])
        elif self._count and not self._few:
            self._join(later._count, later._mean, later._scatter)
        elif later._count:
            few = self._few
            self._count, self._few = later._count, []
            self._mean, self._scatter = later._mean, later._scatter
            for cells in few:
                self.add(cells[:, None])

    def _join(self, count: int, mean: torch.Tensor, scatter: torch.Tensor) -> None:
        """Take in so many cells of this mean and this scatter, which is written over."""
        before = self._count
        self._count += count
        apart = mean - self._mean
        self._mean += apart * (count / self._count)
        self._scatter += scatter.addr_(apart, apart, alpha=before * count / self._count)

    @property
    def total(self) -> float:
        """The sum of the squared distances of all cells to their mean."""
        if not self._few:
            return float(self._scatter.trace())
        cells = torch.cat(self._few, dim=1)
        return float((cells - cells.mean(dim=1, keepdim=True)).square_().sum())

    def projection(self, components: int) -> Projection:
        """The projection to the first principal components of all cells.

        Exact and deterministic: the eigenvectors, in float64, of the smaller of the covariance
        (channel, channel) and the Gram matrix (cell, cell), each signed so that its largest entry
        is positive: the limit of the randomised PCA of "A Tale of Two Features" (section 3.3).
        There are at most as many as channels; those in which the cells do not vary are 0.
        """
        if self._few:
            cells = torch.cat(self._few, dim=1)
            mean, channels = cells.mean(dim=1), len(cells)
            centred = cells - mean[:, None]
            values, vectors = torch.linalg.eigh(centred.T @ centred)
        else:
            mean, channels = self._mean, len(self._mean)
            values, vectors = torch.linalg.eigh(self._scatter)
        count, size = min(components, channels), max(channels, self._count)
        values, axes = values.flip(0)[:count], vectors.flip(1)[:, :count]
        # Eigenvalues that are more than rounding.
        significant = values > values[0].clamp(min=0) * size * torch.finfo(values.dtype).eps
        if self._few:
            lengths = torch.where(significant, values, torch.ones_like(values)).sqrt()
            axes = functional.pad((centred @ axes) / lengths, (0, count - axes.shape[1]))
            significant = functional.pad(significant, (0, count - len(significant)))
        axes = axes * significant
        largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
        axes = torch.where(largest < 0, -axes, axes)
        return Projection(mean.float(), axes.float())


def _moments(cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean (channel,) and the scatter (channel, channel) of cells (channel, cell)."""
    mean = cells.mean(dim=1)
    centred = cells - mean[:, None]
    return mean, centred @ centred.T
