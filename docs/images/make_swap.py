"""Write `swap.jpg` and `swap.gif`, the pictures of the page on swapping, beside this file.

The photograph is scikit-image's `coffee`. The second view is rendered from it: the cup with another
glaze, turned and tilted, on other ground. The masks are drawn by hand.

Run `python docs/images/make_swap.py` with the `test` extra installed.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
from descr.applications import save_gif, swap_frames, swap_instances
from descr.applications.pictures import View, draw_sheet
from descr.descriptors import SIFT
from skimage import data

# Points on the rim of the saucer, as (x, y) in pixels of the photograph.
SAUCER = (
    *((77, 215), (85, 250), (110, 300), (150, 340), (200, 372), (240, 384), (290, 386)),
    *((350, 378), (400, 357), (440, 325), (470, 277), (479, 225), (475, 195), (452, 145)),
    *((420, 107), (172, 75), (125, 107), (95, 145)),
)
CUP = ((290.5, 113.0), (119.0, 95.0), 4.0)  # centre, half axes, degrees
SPOON = ((392, 80), (400, 69), (413, 66), (424, 73), (421, 90), (408, 140), (396, 140))
# Where the corners of the photograph go: top left, top right, bottom right, bottom left.
SEEN = ((40.0, 66.0), (500.0, 4.0), (566.0, 322.0), (78.0, 392.0))
SIZE = (600, 400)  # width, height
DISC = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def object_mask(shape: tuple[int, ...]) -> Mask:
    """Where cup, saucer and spoon are in the photograph."""
    mask = np.zeros(shape[:2], dtype=np.uint8)
    rim = cv2.fitEllipse(np.array(SAUCER, dtype=np.float32))
    cv2.ellipse(mask, rim, 1, -1)
    centre, axes, angle = CUP
    fixed = [[round(16 * value) for value in pair] for pair in (centre, axes)]
    cv2.ellipse(mask, fixed[0], fixed[1], angle, 0, 360, 1, -1, cv2.LINE_8, 4)
    cv2.fillPoly(mask, [np.array(SPOON, dtype=np.int32)], 1)
    return mask > 0


def glazed(photograph: Picture) -> Picture:
    """The photograph with the red of the glaze turned to a blue green."""
    hue, saturation, value = cv2.split(cv2.cvtColor(photograph, cv2.COLOR_RGB2HSV).astype(float))
    red = np.clip((12 - np.minimum(hue, 180 - hue)) / 3, 0, 1)
    inner = np.zeros(hue.shape, dtype=np.uint8)
    cv2.ellipse(inner, (290, 113), (112, 88), CUP[2], 0, 360, 1, -1)
    red[inner > 0] = 0  # the coffee is dark red where it is in the shade
    red = cv2.GaussianBlur(red * np.clip(saturation / 80 - 1, 0, 1), (0, 0), 0.7)
    turned = cv2.cvtColor(
        cv2.merge([np.full_like(hue, 96), saturation * 0.85, value]).astype(np.uint8),
        cv2.COLOR_HSV2RGB,
    )
    mixed = photograph + red[:, :, None] * (turned.astype(float) - photograph)
    return np.asarray(mixed.round().clip(0, 255), dtype=np.uint8)


def other_view(photograph: Picture, mask: Mask) -> tuple[Picture, Mask]:
    """The cup on other ground, and where it is there."""
    height, width = mask.shape
    corners = [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)]
    matrix = cv2.getPerspectiveTransform(
        np.array(corners, dtype=np.float32), np.array(SEEN, dtype=np.float32)
    )
    cup = cv2.warpPerspective(glazed(photograph), matrix, SIZE, flags=cv2.INTER_CUBIC)
    inside = cv2.warpPerspective(mask.astype(np.float32), matrix, SIZE, flags=cv2.INTER_LINEAR)
    ground = cv2.resize(data.gravel(), SIZE, interpolation=cv2.INTER_AREA).astype(float)
    sand = 70 + 0.45 * ground[:, :, None] * np.array([1.12, 1.0, 0.84])
    moved = np.array([[1, 0, 7.0], [0, 1, 12.0]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(inside, moved, SIZE), (0, 0), 9)[:, :, None]
    weight = cv2.GaussianBlur(inside, (0, 0), 0.8)[:, :, None]
    mixed = weight * cup + (1 - weight) * sand * (1 - 0.6 * shadow)
    return np.asarray(mixed.round().clip(0, 255), dtype=np.uint8), inside > 0.5


def view(picture: Picture) -> View:
    """What draws the picture in the size that it is asked for."""

    def draw(height: int, width: int) -> Picture:
        resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(resized, dtype=np.uint8)

    return draw


def main() -> None:
    """Write both files."""
    folder = Path(__file__).parent
    a = data.coffee()
    of_a = object_mask(a.shape)
    b, of_b = other_view(a, of_a)
    # The one that keeps its shape a little wider, so that nothing of its glaze is left at the rim;
    # the one that gives its looks a little narrower, so that nothing of its ground comes along.
    wide_a, wide_b = (cv2.dilate(mask.astype(np.uint8), DISC) > 0 for mask in (of_a, of_b))
    slim_a, slim_b = (cv2.erode(mask.astype(np.uint8), DISC) > 0 for mask in (of_a, of_b))
    maps = SIFT()(a, b)
    there = swap_instances(a, b, maps=maps, source_mask=wide_a, target_mask=slim_b)
    back = swap_instances(b, a, maps=maps[::-1], source_mask=wide_b, target_mask=slim_a)
    sheet = draw_sheet(
        [[view(a), view(b)], [view(there["image"].values), view(back["image"].values)]],
        [a.shape[1] / a.shape[0], b.shape[1] / b.shape[0]],
        width=1280,
        row_labels=[["given"], ["swapped"]],
        column_labels=["A", "B"],
    )
    PIL.Image.fromarray(sheet).save(folder / "swap.jpg", quality=90)
    save_gif(swap_frames(a, b, there, target_mask=of_b, frames=20, width=320), folder / "swap.gif")


if __name__ == "__main__":
    main()
