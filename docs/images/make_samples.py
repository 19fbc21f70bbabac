"""Write the two sample photographs, `cat.jpg` and `cat-closer.jpg`, beside this file.

The first is scikit-image's `chelsea` as it is. The second is a view rendered from it: closer,
turned and tilted a little, in a darker and warmer light. How it was rendered is known exactly, so
matches can be held against the truth: `to_closer` gives it.

Run `python docs/images/make_samples.py` with the `test` extra installed.
"""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from skimage import data

# The corners, as (x, y) in pixels of cat.jpg, of what cat-closer.jpg shows: top left, top right,
# bottom right, bottom left.
SHOWN = ((38.0, 22.0), (424.0, 6.0), (438.0, 286.0), (26.0, 270.0))
CLOSER_SIZE = (460, 320)  # width, height
GAIN = np.array([0.92, 0.85, 0.76])  # red, green, blue
LIFT = 6.0
QUALITY = 95


def homography() -> npt.NDArray[np.float64]:
    """The (3, 3) matrix from pixels of cat.jpg to pixels of cat-closer.jpg."""
    width, height = CLOSER_SIZE
    corners = [
        (-0.5, -0.5),
        (width - 0.5, -0.5),
        (width - 0.5, height - 0.5),
        (-0.5, height - 0.5),
    ]
    return cv2.getPerspectiveTransform(
        np.array(SHOWN, dtype=np.float32), np.array(corners, dtype=np.float32)
    )


def to_closer(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Where points of cat.jpg, (n, 2) as (x, y) in pixels, are in cat-closer.jpg."""
    known = np.asarray(points, dtype=np.float64)[None]
    return cv2.perspectiveTransform(known, homography())[0]


def main() -> None:
    """Write both files."""
    folder = Path(__file__).parent
    cat = data.chelsea()
    closer = cv2.warpPerspective(cat, homography(), CLOSER_SIZE, flags=cv2.INTER_CUBIC)
    closer = np.clip(closer * GAIN + LIFT, 0, 255).round().astype(np.uint8)
    for name, picture in (("cat.jpg", cat), ("cat-closer.jpg", closer)):
        # OpenCV writes blue first.
        written = cv2.imwrite(
            str(folder / name), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        if not written:
            raise OSError(f"could not write {folder / name}")


if __name__ == "__main__":
    main()
