"""The answer of `descr flow`: written, drawn, and in numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console.errors import say
from ..console.pictures import write_picture
from ..options.outputs import Writer
from .pairs import Fact, PairRequest, PairResult, median


@dataclass(frozen=True, kw_only=True)
class FlowRequest(PairRequest):
    """The options of a flow; those of the library by its names."""

    options: dict[str, Any]
    draw: Path | None
    warp: Path | None

    @property
    def written(self) -> list[Path]:
        """All files, in the order in which they are told of."""
        return [*self.outputs, *(path for path in (self.draw, self.warp) if path is not None)]


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowResult(PairResult):
    """The flow that was found."""

    request: FlowRequest

    def writers(self) -> dict[Path, Writer]:
        """What writes each of the files."""
        from ...applications import draw_flow
        from ...applications.flow import write_flo

        forms: dict[str, Writer] = {
            ".flo": lambda target: write_flo(self.found, target),
            ".png": self._write_kitti,
            ".nc": lambda target: self.found.to_netcdf(target, engine="netcdf4"),
        }
        writers = {path: forms[path.suffix.lower()] for path in self.request.outputs}
        if self.request.draw is not None:
            writers[self.request.draw] = lambda target: write_picture(draw_flow(self.found), target)
        if self.request.warp is not None:
            writers[self.request.warp] = self._write_warped
        return writers

    def _write_kitti(self, target: Path) -> None:
        from ...applications.flow import write_kitti

        if longer := write_kitti(self.found, target):
            say(f"{longer:,} pixels move further than the 512 of a KITTI file: not valid in it")

    def _write_warped(self, target: Path) -> None:
        """The second image in the frame of the first, transparent where there is no flow."""
        from ...applications import warp

        write_picture(warp(self.inputs[1].image, self.found, fill=(0, 0, 0, 0)), target)

    def numbers(self) -> dict[str, Any]:
        """What the flow is like: grids as rows and columns, lengths in pixels."""
        import numpy as np

        flow = self.found
        lengths = np.hypot(flow["flow_x"].values, flow["flow_y"].values)
        return {
            "feature_grid": [int(count) for count in flow.attrs["cells"].split(" x ")],
            "grid": [flow.sizes["y"], flow.sizes["x"]],
            "valid": int(flow["valid"].sum()),
            "share": round(float(flow["valid"].mean()), 4),
            "median_displacement": median(lengths, 3),
            "median_consistency": median(flow["consistency"].values, 3),
            "smoothing": int(flow.attrs["smoothing"]),
        }

    def facts(self) -> list[Fact]:
        """The same to be read."""
        numbers = self.numbers()
        return [
            ("cells", "{} x {}".format(*numbers["feature_grid"])),
            ("grid", "{} x {}".format(*numbers["grid"])),
            ("valid", f"{numbers['valid']:,} ({numbers['share']:.1%})"),
            ("displacement", _pixels(numbers["median_displacement"])),
            ("consistency", _pixels(numbers["median_consistency"])),
        ]


def _pixels(length: float | None) -> str:
    return "-" if length is None else f"{length:.2f} pixels (median)"
