"""The answer of `descr flow`: written, drawn, and in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import Input
from .outputs import Writer, write_all
from .tables import print_facts, print_json

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class FlowResult:
    """The flow that was found.

    Parameters
    ----------
    inputs:
        Source and target.
    flow:
        The Dataset of `dense_flow`.
    descriptor:
        The `repr` of the descriptor that made the features.
    seconds:
        How long the reading, extracting and matching took.
    """

    inputs: Sequence[Input]
    flow: "xr.Dataset"
    descriptor: str
    seconds: float

    def write(self, outputs: Sequence[Path], *, draw: Path | None, warp: Path | None) -> int:
        """Write all files, each whole; how many pixels a KITTI file couldn't hold."""
        from ..applications.flow import write_flo, write_kitti

        longer = 0

        def kitti(target: Path) -> None:
            nonlocal longer
            longer = write_kitti(self.flow, target)

        forms: dict[str, Writer] = {
            ".flo": lambda target: write_flo(self.flow, target),
            ".png": kitti,
            ".nc": lambda target: self.flow.to_netcdf(target, engine="netcdf4"),
        }
        writers = {path: forms[path.suffix.lower()] for path in outputs}
        if draw is not None:
            writers[draw] = self._write_drawing
        if warp is not None:
            writers[warp] = self._write_warped
        write_all(writers)
        return longer

    def _write_drawing(self, target: Path) -> None:
        """The flow beside the wheel of its colours."""
        import PIL.Image

        from ..applications import draw_flow

        PIL.Image.fromarray(draw_flow(self.flow)).save(target, format="PNG")

    def _write_warped(self, target: Path) -> None:
        """The second image in the frame of the first, transparent where there is no flow."""
        import PIL.Image

        from ..applications import warp

        image = self.inputs[1].image
        assert image is not None
        picture = warp(image, self.flow, fill=(0, 0, 0, 0))
        PIL.Image.fromarray(picture).save(target, format="PNG")

    def document(self, written: Sequence[Path]) -> dict[str, Any]:
        """The JSON document: lengths in pixels, None for the median of nothing."""
        flow = self.flow
        source, target = (one.document() for one in self.inputs)
        return {
            "source": source,
            "target": target,
            "cells": flow.attrs["cells"],
            "grid": f"{flow.sizes['y']} x {flow.sizes['x']}",
            "valid": int(flow["valid"].sum()),
            "share": round(float(flow["valid"].mean()), 4),
            "median_displacement": _median(np.hypot(flow["flow_x"].values, flow["flow_y"].values)),
            "median_consistency": _median(flow["consistency"].values),
            "smoothing": int(flow.attrs["smoothing"]),
            "seconds": round(self.seconds, 3),
            "descriptor": self.descriptor,
            "matcher": str(flow.attrs["matcher"]),
            "written": [str(path) for path in written],
        }

    def show(self, as_json: bool, written: Sequence[Path]) -> None:
        """Print the document, or a summary, to standard output."""
        document = self.document(written)
        if as_json:
            print_json(document)
            return
        print_facts(
            [
                ("images", " to ".join(one.title for one in self.inputs)),
                ("cells", document["cells"]),
                ("grid", document["grid"]),
                ("valid", f"{document['valid']:,} ({document['share']:.1%})"),
                ("displacement", _pixels(document["median_displacement"])),
                ("consistency", _pixels(document["median_consistency"])),
                ("descriptor", self.descriptor),
                ("matcher", document["matcher"]),
                ("seconds", f"{self.seconds:.2f}"),
                *(("written", str(path)) for path in written),
            ]
        )


def _pixels(median: float | None) -> str:
    return "-" if median is None else f"{median:.2f} pixels (median)"


def _median(values: Any) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 3) if known.size else None
