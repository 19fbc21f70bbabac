"""A folder of photographs of the same few things, cropped, scaled, turned and relit.

    python -m benchmarks.corpus FOLDER [COUNT]

Each file is named by its photograph; `truth.json` tells by which affine map, pixels of the
photograph to pixels of the file, it was made.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from skimage import data

PHOTOGRAPHS = [
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "logo",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
]
_LONGEST = 640  # pixels of the longer side of a photograph
_SIDE = 320, 480  # pixels of the longer side of a file, from and to
_BLACK = 0.1  # share of a file that may lie outside the photograph


def photographs() -> dict[str, PIL.Image.Image]:
    """The photographs of scikit-image, and those of a stereo pair, in RGB."""
    images = {name: getattr(data, name)() for name in PHOTOGRAPHS}
    images["motorcycle_left"], images["motorcycle_right"], _ = data.stereo_motorcycle()
    pictures = {name: PIL.Image.fromarray(image).convert("RGB") for name, image in images.items()}
    for picture in pictures.values():
        picture.thumbnail((_LONGEST, _LONGEST))
    return pictures


def write_corpus(folder: Path, count: int = 2000, seed: int = 0) -> None:
    """Write so many files, the photographs in turn, and where each is from."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    pictures, truth = list(photographs().items()), {}
    for number in range(count):
        name, picture = pictures[number % len(pictures)]
        image, affine = variant(np.asarray(picture), generator)
        file = f"{name}-{number // len(pictures):04d}.jpg"
        PIL.Image.fromarray(image).save(folder / file, quality=90)
        truth[file] = {"photograph": name, "affine": affine.round(6).tolist()}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1))


def variant(picture: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A crop, scaled by 0.6 to 1.6, turned by up to 30 degrees and relit; and its affine map."""
    height, width = picture.shape[:2]
    while True:
        side = generator.integers(*_SIDE)
        shape = np.array([side, int(side * generator.uniform(0.6, 1))])
        shape = shape if generator.random() < 0.5 else shape[::-1]
        scale = float(np.exp(generator.uniform(np.log(0.6), np.log(1.6))))
        centre = generator.uniform(0.25, 0.75, 2) * (width, height)
        turn = cv2.getRotationMatrix2D(tuple(centre), generator.uniform(-30, 30), scale)
        turn[:, 2] += shape / 2 - 0.5 - centre
        inside = cv2.warpAffine(np.ones((height, width), np.uint8), turn, tuple(map(int, shape)))
        if inside.mean() >= 1 - _BLACK:
            break
    image = cv2.warpAffine(
        picture, turn, tuple(map(int, shape)), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    light = (image / 255.0) ** generator.uniform(0.6, 1.6) * generator.uniform(0.7, 1.1, 3)
    return (light.clip(0, 1) * 255).astype(np.uint8), turn


if __name__ == "__main__":
    write_corpus(Path(sys.argv[1]), *map(int, sys.argv[2:]))
