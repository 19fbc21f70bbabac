"""`descr flow`: for every pixel of one image, where it is in the other."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..console.errors import UserError, say
from ..console.memory import say_memory
from ..options import common as options
from ..options.comparison import Comparison
from ..options.drawings import FlowDrawingOptions
from ..options.groups import Panel
from ..options.images import Answer, PairCommand, format_number, median
from ..options.inputs import check_photographs
from ..options.masks import PairMasks
from ..options.method import FlowMethod
from ..options.outputs import PICTURES, TRANSPARENT, Writer, write_picture

if TYPE_CHECKING:
    import xarray as xr

_FORMS = {".flo": "Middlebury", ".png": "KITTI, 16 bits", ".nc": "Dataset"}
_PER_WARPED = 20
"""Bytes that a pixel of the image takes that is warped: three channels of coefficients, and one in
the making."""
_MOST_CELLS = 20_000
"""Along a side; what is more is a slip, and would ask for more memory than there is."""

_flow_field = Panel("Which flow")


@dataclass(frozen=True, kw_only=True)
class Flow(PairCommand):
    """Find where every pixel of image A is in image B.

    What lies at x,y in A lies at x + flow_x, y + flow_y in B, in pixels. The matcher soft-argmax
    takes window=1 here unless --matcher-set says otherwise.
    """

    EXAMPLES: ClassVar[str] = """\
descr flow a.jpg b.jpg -o flow.flo --draw flow.png
descr flow a.jpg b.jpg --smooth 4 --warp b-in-a.png --set step=4
descr flow a.jpg b.jpg --cells 128 --max-consistency 20 -o flow.nc
descr flow a.jpg.nc b.jpg.nc --auto-mask -o flow.nc --json"""

    cells: str | None = _flow_field(
        "N|ROWSxCOLUMNS",
        "Bring the features to so many cells along the longer side before matching; by "
        "default as many as the descriptor gives.",
    )
    grid: str = _flow_field(
        "GRID",
        "Where the flow is given: image (every pixel), cells (those that were matched), "
        "N cells along the longer side, or ROWSxCOLUMNS.",
        default="image",
    )
    smooth: int = _flow_field(
        "RADIUS",
        "Radius in cells of the weighted median that smooths and fills; 0 for none.",
        default=2,
    )
    max_consistency: float | None = _flow_field(
        "PIXELS", "Drop flow whose forward-backward error is larger."
    )
    masks: PairMasks
    method: Annotated[FlowMethod, {"matcher": "soft-argmax"}]
    drawing: FlowDrawingOptions
    output: list[Path] | None = options.output_field(
        "Write the flow as .flo (Middlebury), .png (KITTI, 16 bits) or .nc."
    )
    draw: Path | None = options.result_field(
        "FILE",
        "Draw the flow in the colours of a wheel, which is shown beside it: .png, .jpg, "
        ".webp, .svg or .pdf.",
    )
    warp: Path | None = options.result_field(
        "FILE",
        "Write B as seen in the frame of A, transparent where there is no flow: .png or .webp.",
    )
    SUFFIXES: ClassVar = {"output": _FORMS, "draw": PICTURES, "warp": TRANSPARENT}

    def resolutions(self) -> dict[str, Any]:
        """The resolutions of features and flow, by their names in the library."""
        is_named = self.grid in ("image", "cells")
        return {
            "cells": None if self.cells is None else _resolution("--cells", self.cells),
            "grid": self.grid if is_named else _resolution("--grid", self.grid),
        }

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        self.resolutions()
        if not 0 <= self.smooth <= 50:
            raise UserError(f"--smooth must be a radius from 0 to 50 cells, not {self.smooth}")
        limit = self.max_consistency
        if limit is not None and not 0 <= limit < float("inf"):
            raise UserError(
                f"--max-consistency must be a number of pixels of at least 0, not {limit:g}"
            )
        for path in self.output or ():
            if self.grid != "image" and path.suffix.lower() in (".flo", ".png"):
                raise UserError(
                    f"-o {path} holds a vector for each pixel, and --grid asks for others",
                    hint="leave --grid out, or write .nc, which keeps coordinates",
                )

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse to warp a feature file alone, and say what memory the flow takes."""
        from ...applications.flow import flow_memory

        source, target = comparison.inputs
        size = flow_memory(source.height, source.width, **self.resolutions())
        if self.warp is not None:
            check_photographs([target], "--warp", self.written())
            size += _PER_WARPED * target.height * target.width
        what = f"the flow from {source.title}"
        say_memory(what, size, comparison.inputs, comparison.descriptor)

    def match(
        self, comparison: Comparison, source: Any, target: Any, matcher: Any, **masks: Any
    ) -> Answer:
        """The flow, and what it is like: grids as rows and columns, lengths in pixels."""
        import numpy as np

        from ...applications import dense_flow

        flow = dense_flow(
            source,
            target,
            matcher=matcher,
            smoothing=self.smooth,
            max_consistency=self.max_consistency,
            **self.resolutions(),
            **masks,
        )
        lengths = np.hypot(flow["flow_x"].values, flow["flow_y"].values)
        numbers: dict[str, Any] = {
            "feature_grid": [int(count) for count in flow.attrs["cells"].split(" x ")],
            "grid": [flow.sizes["y"], flow.sizes["x"]],
            "valid": int(flow["valid"].sum()),
            "share": round(float(flow["valid"].mean()), 4),
            "median_displacement": median(lengths, 3),
            "median_consistency": median(flow["consistency"].values, 3),
            "smoothing": int(flow.attrs["smoothing"]),
        }
        length = "{:.2f} pixels (median)"
        facts = [
            ("cells", "{} x {}".format(*numbers["feature_grid"])),
            ("grid", "{} x {}".format(*numbers["grid"])),
            ("valid", f"{numbers['valid']:,} ({numbers['share']:.1%})"),
            ("displacement", format_number(numbers["median_displacement"], length)),
            ("consistency", format_number(numbers["median_consistency"], length)),
        ]
        return Answer(numbers=numbers, facts=facts, writers=self._writers(comparison, flow))

    def _writers(self, comparison: Comparison, flow: "xr.Dataset") -> dict[Path, Writer]:
        from ...applications import draw_flow, warp, write_flo

        forms: dict[str, Writer] = {
            ".flo": lambda target: write_flo(flow, target),
            ".png": lambda target: _write_kitti(flow, target),
            ".nc": lambda target: flow.to_netcdf(target, engine="netcdf4"),
        }
        writers = {path: forms[path.suffix.lower()] for path in self.output or ()}
        if self.draw is not None:
            writers[self.draw] = lambda target: write_picture(
                draw_flow(flow, **self.drawing.of_library()), target
            )
        if self.warp is not None:
            # Transparent where there is no flow.
            writers[self.warp] = lambda target: write_picture(
                warp(comparison.inputs[1].image, flow, fill=(0, 0, 0, 0)), target
            )
        return writers


def _write_kitti(flow: "xr.Dataset", target: Path) -> None:
    from ...applications import write_kitti

    if longer := write_kitti(flow, target):
        say(f"{longer:,} pixels move further than the 512 of a KITTI file: not valid in it")


def _resolution(option: str, text: str) -> int | tuple[int, int]:
    """A number of cells, or rows and columns as in 96x128."""
    try:
        counts = [int(part) for part in text.lower().split("x")]
    except ValueError:
        counts = []
    if not 1 <= len(counts) <= 2 or not all(1 <= count <= _MOST_CELLS for count in counts):
        names = "image, cells, " if option == "--grid" else ""
        raise UserError(
            f"{option} must be {names}a number of cells or ROWSxCOLUMNS, each at most "
            f"{_MOST_CELLS}, not {text!r}",
            hint=f"as in {option} 128 or {option} 96x128",
        )
    return counts[0] if len(counts) == 1 else (counts[0], counts[1])
