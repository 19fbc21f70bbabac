"""Photographs seen from several sides: warped by known homographies, so that truth is exact."""

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from skimage import data

SCENES = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle")
"""Photographs that scikit-image ships."""


@cache
def photograph(scene: str, side: int) -> np.ndarray:
    """The scene, uint8 (height, width, 3), the longer side scaled to `side` pixels."""
    full = data.stereo_motorcycle()[0] if scene == "motorcycle" else getattr(data, scene)()
    scale = side / max(full.shape[:2])
    size = (round(full.shape[1] * scale), round(full.shape[0] * scale))
    return cv2.resize(full, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True, eq=False)
class View:
    """One picture of a scene.

    Args:
        scene: One of SCENES.
        matrix: (3, 3), from pixels of the scene to pixels of the view, (0, 0) the centre of the
            top-left pixel in both.
        width, height: Of the view, in pixels.
        side: Longer side of the scene, in pixels.
        grey: Whether the file is a grey image.
    """

    scene: str
    matrix: np.ndarray
    width: int
    height: int
    side: int
    grey: bool = False

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3); grey where the scene doesn't reach."""
        return cv2.warpPerspective(
            photograph(self.scene, self.side),
            self.matrix,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR,
            borderValue=(127, 127, 127),
        )

    @cached_property
    def object(self) -> np.ndarray:
        """bool (height, width): where the middle of the scene is, which stands for the object."""
        height, width = photograph(self.scene, self.side).shape[:2]
        middle = np.zeros((height, width), np.uint8)
        middle[height // 6 : -(height // 6), width // 6 : -(width // 6)] = 1
        size = (self.width, self.height)
        return cv2.warpPerspective(middle, self.matrix, size, flags=cv2.INTER_NEAREST) > 0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """left, top, right, bottom of the object: centres of its outermost pixels."""
        rows, columns = np.nonzero(self.object)
        if not len(rows):
            return (0.0, 0.0, float(self.width - 1), float(self.height - 1))
        return tuple(map(float, (columns.min(), rows.min(), columns.max(), rows.max())))

    def place(self, points: np.ndarray) -> np.ndarray:
        """Where points of the scene are seen, float64 (point, 2); outside the picture too."""
        return apply(self.matrix, points)

    def seen(self, points: np.ndarray) -> np.ndarray:
        """As `place`, with NaN for what lies outside the picture."""
        placed = self.place(points)
        inside = ((placed >= 0) & (placed <= [self.width - 1, self.height - 1])).all(axis=1)
        return np.where(inside[:, None], placed, np.nan)

    def flow_to(self, other: "View") -> np.ndarray:
        """float32 (height, width, 2): from each pixel of this view to its place in the other."""
        grid = np.stack(np.meshgrid(np.arange(self.width), np.arange(self.height)), -1)
        matrix = other.matrix @ np.linalg.inv(self.matrix)
        return (apply(matrix, grid.reshape(-1, 2)).reshape(grid.shape) - grid).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the picture; the suffix chooses the format."""
        path.parent.mkdir(parents=True, exist_ok=True)
        image = PIL.Image.fromarray(self.pixels)
        (image.convert("L") if self.grey else image).save(path, quality=92)

    def save_object(self, path: Path, value: int = 1) -> None:
        """Write the object as a palette image whose index is `value` there and 0 elsewhere."""
        path.parent.mkdir(parents=True, exist_ok=True)
        image = PIL.Image.fromarray(self.object.astype(np.uint8) * value, "P")
        image.putpalette([0, 0, 0] + [200, 30, 30] * 255)
        image.save(path)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (point, 2) through a homography."""
    there = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return there[:, :2] / there[:, 2:]


def grid_points(scene: str, side: int, columns: int = 4, rows: int = 3) -> np.ndarray:
    """float64 (rows * columns, 2): places spread over the middle of the scene."""
    height, width = photograph(scene, side).shape[:2]
    x = np.linspace(width * 0.2, width * 0.8, columns)
    y = np.linspace(height * 0.22, height * 0.78, rows)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def views(
    scene: str, count: int, *, seed: int = 0, side: int = 240, mirror: tuple[int, ...] = ()
) -> list[View]:
    """Pictures of one scene: turned, scaled, tilted, cropped to portrait and landscape.

    The first is upright, every fourth is grey, those whose index is in `mirror` are mirrored.
    """
    random = np.random.default_rng([seed, SCENES.index(scene)])
    height, width = photograph(scene, side).shape[:2]
    sample = []
    for index in range(count):
        to_width = int(side * random.uniform(0.7, 1.1))
        to_height = int(side * random.uniform(0.7, 1.1))
        angle = 0.0 if index == 0 else random.uniform(-0.35, 0.35)
        scale = random.uniform(0.75, 1.1) * min(to_width / width, to_height / height)
        tilt = np.eye(3)
        tilt[2, :2] = random.uniform(-4e-4, 4e-4, 2) if index else 0
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
        centre = _shift(-(width - 1) / 2, -(height - 1) / 2)
        drift = random.uniform(-0.08, 0.08, 2) * [to_width, to_height]
        back = _shift((to_width - 1) / 2 + drift[0], (to_height - 1) / 2 + drift[1])
        matrix = back @ tilt @ turn @ centre
        if index in mirror:
            matrix = mirrored(to_width) @ matrix
        sample.append(View(scene, matrix, to_width, to_height, side, grey=index % 4 == 3))
    return sample


def corner_view(scene: str, corner: int, *, side: int = 240) -> View:
    """A picture of one corner of the scene, upright: 0 top left, 1 bottom right."""
    height, width = photograph(scene, side).shape[:2]
    matrix = np.eye(3) if corner == 0 else _shift(-(width // 2), -(height // 2))
    return View(scene, matrix, width // 2, height // 2, side)


def mirrored(width: int) -> np.ndarray:
    """(3, 3): left and right of an image of this width changed."""
    return np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])
