"""What is read at a point of an image, and where a cell answers: by half pixels, or as in papers.

Elsewhere in descr (0, 0) is the centre of the top-left pixel, and a cell answers with its centre.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError
from ....descriptors.features.grids import Grid

Convention: TypeAlias = Literal["half-pixel", "original", "geoaware", "dift"]

CONVENTIONS: Mapping[Convention, str] = MappingProxyType(
    {
        "half-pixel": "the cell that holds the point, or between cells; answers at centres",
        "original": "cell int(p / 14) of the padded canvas, p = x * scale + offset; "
        "answers at p = 14 k + 6.5 (A Tale of Two Features)",
        "geoaware": "cell int(p / 14) of the padded canvas, p = x * scale + offset; "
        "answers at p = 14 k + 7 (Telling Left from Right)",
        "dift": "whole pixels of features resized to the image; answers the best pixel (DIFT)",
    }
)
"""What each convention reads at a point, and where it answers."""

ANSWERS: Mapping[Convention, float] = MappingProxyType({"original": 6.5, "geoaware": 7.0})
"""Where in a cell the conventions of the padded canvas answer, in its pixels."""

_PATCH = 14
_TOLERANCE = 0.25
"""How far from its place on the canvas a cell may lie, in cells: what rounding to pixels moves."""


@dataclass(frozen=True, eq=False)
class PaddedCanvas:
    """The canvas of DINOv2 as the code of "A Tale of Two Features" has it, whatever the network's.

    Of a map with n cells along the longer side it is a square of size = 14 n pixels, 840 for 60.
    The place (x, y) of the image is (x, y) * scale + offset there, without half pixels, with
    scale = size / longer and offset = int((size - around(size * shorter / longer)) / 2) along the
    shorter side. That code keeps cells on padding, which maps leave out: the nearest cell of the
    map stands for them. `first` is the first cell of the map along x and y, `count` how many there
    are.
    """

    size: int
    scale: float
    offset: npt.NDArray[np.float32]
    first: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid, height: int, width: int) -> Self:
        """The canvas of a map with this grid; `OptionError` for one of no padded square."""
        sides = np.array([width, height])
        longer = int(sides.max())
        across = len(grid.x) if width >= height else len(grid.y)
        size = _PATCH * across
        content = np.around(size * sides / longer)
        first = []
        for centres, side in ((grid.x, width), (grid.y, height)):
            cells = (centres + 0.5) * across / longer + (1 - side / longer) * across / 2 - 0.5
            first.append(round(float(cells[0])))
            if np.abs(cells - first[-1] - np.arange(len(cells))).max() > _TOLERANCE:
                raise OptionError(
                    "points as in these papers need features on a padded square, not those of an "
                    f"image of {width} x {height} pixels on {len(grid.y)} x {len(grid.x)} cells",
                    hint="take a descriptor with fit=pad, or points=half-pixel",
                )
        return cls(
            size,
            size / longer,
            ((size - content) / 2).astype(np.int64).astype(np.float32),
            np.array(first),
            np.array([len(grid.x), len(grid.y)]),
        )

    def cells(
        self, points: npt.NDArray[np.float64], *, mirrored: bool = False
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Rows and columns of the map that are read at points (point, 2) of the image.

        With `mirrored` the map is that of its mirror image, where x is size - x on the canvas.
        """
        # In float32 as there: at the edge of a cell, as every 25th pixel of 500, rounding decides.
        place = points.astype(np.float32) * np.float32(self.scale) + self.offset
        if mirrored:
            place[:, 0] = self.size - place[:, 0]
        cell = (np.float32(1 / _PATCH) * place).astype(np.intp) - self.first
        column, row = np.clip(cell, 0, self.count - 1).T
        return row, column

    def answers(self, within: float) -> Grid:
        """Where cells answer, in pixels of the image: `within` canvas pixels from their edges."""
        x, y = (
            (_PATCH * (first + np.arange(count)) + within - float(offset)) / self.scale
            for first, count, offset in zip(self.first, self.count, self.offset, strict=True)
        )
        return Grid(y, x)
