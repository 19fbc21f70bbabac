"""A small TSS."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from .scenes import View, views

PAIRS = {"FG3DCar": ("001", "002"), "JODS": ("Bird_01",), "PASCAL": ("bike_01",)}
_SCENES = {"FG3DCar": "motorcycle", "JODS": "chelsea", "PASCAL": "coffee"}


@dataclass(frozen=True)
class SampleTSS:
    """What was written: the two views of each pair ("JODS/Bird_01"), and which are mirrored."""

    root: Path
    views: dict[str, tuple[View, View]]
    mirrored: set[str]


def make_tss(root: Path, *, side: int = 120, line_end: str = "\n") -> SampleTSS:
    """Write a TSS with a pair or two in each subset; the one of PASCAL is mirrored.

    Flows are exact everywhere in the image; the mask is 255 on the object and 128 around it, as
    smoothed masks are, and the flow is unknown where it would leave the other image.
    """
    sample = SampleTSS(root, {}, set())
    for place, (subset, names) in enumerate(PAIRS.items()):
        for number, name in enumerate(names):
            mirror = (1,) if subset == "PASCAL" else ()
            seen = views(_SCENES[subset], 2, seed=10 * place + number, side=side, mirror=mirror)
            sample.views[f"{subset}/{name}"] = (seen[0], seen[1])
            folder = root / subset / name
            for index, (view, other) in enumerate(zip(seen, seen[::-1], strict=True), start=1):
                view.save(folder / f"image{index}.png")
                cv2.writeOpticalFlow(str(folder / f"flow{index}.flo"), true_flow(view, other))
                _mask(view).save(folder / f"mask{index}.png")
            if mirror:
                sample.mirrored.add(f"{subset}/{name}")
            note = f"{int(bool(mirror))}{line_end}"
            (folder / "flip_gt.txt").write_bytes(note.encode())
            (folder / "pair.txt").write_bytes(f"image1.png,image2.png{line_end}".encode())
    return sample


def true_flow(view: View, other: View) -> np.ndarray:
    """From each pixel of the view to the other, 1.7e9 where that lies outside the other."""
    flow = view.flow_to(other)
    rows, columns = np.indices(flow.shape[:2])
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    outside = (x < 0) | (y < 0) | (x > other.width - 1) | (y > other.height - 1)
    flow[outside] = 1.7e9
    return flow


def _mask(view: View) -> PIL.Image.Image:
    inner = view.object.astype(np.uint8)
    wide = cv2.dilate(inner, np.ones((5, 5), np.uint8))
    return PIL.Image.fromarray(np.where(inner > 0, 255, wide * 128).astype(np.uint8))
