"""How results are drawn: the options that the commands with drawings share."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ..console.errors import UserError
from .groups import Panel

_WIDTHS = 64, 20_000

drawing_field = Panel("The drawing")


Layout = StrEnum("Layout", "AUTO BESIDE STACKED")
"""How two photographs lie."""
Color = StrEnum("Color", "POSITION SCORE VERIFIED")
"""What the colours of lines say."""


@dataclass(frozen=True, kw_only=True)
class DrawingOptions:
    """Those of any drawing; raises `UserError` for a value out of range."""

    width: int = drawing_field(
        "PIXELS",
        "Width of the drawing; it comes out narrower where it would be too tall.",
        default=1600,
    )
    no_titles: bool = drawing_field.flag("Leave out the names of the images.")

    def __post_init__(self) -> None:
        low, high = _WIDTHS
        if not low <= self.width <= high:
            raise UserError(f"--width must be from {low} to {high} pixels, not {self.width}")

    def of_library(self) -> dict[str, Any]:
        """The options by their names in the library."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        titles = not values.pop("no_titles")
        plain = {
            name: str(one) if isinstance(one, StrEnum) else one for name, one in values.items()
        }
        return {**plain, "titles": titles}


@dataclass(frozen=True, kw_only=True)
class PairDrawingOptions(DrawingOptions):
    """Those of a drawing over two photographs."""

    layout: Layout = drawing_field(
        None,
        "How the photographs lie: beside each other, stacked, or auto, which stacks wide ones.",
        default=Layout.AUTO,
    )


@dataclass(frozen=True, kw_only=True)
class PointDrawingOptions(PairDrawingOptions):
    """Those of a drawing of points."""

    max_round_trip: float | None = drawing_field(
        "PIXELS",
        "Points whose way there and back misses by more are hollow; by default 3 % of the "
        "diagonal.",
        min=0,
    )


@dataclass(frozen=True, kw_only=True)
class FlowDrawingOptions(DrawingOptions):
    """Those of a drawing of a flow."""

    maximum: float | None = drawing_field(
        "PIXELS",
        "The displacement at the rim of the wheel of colours; longer ones are darker. By default "
        "95 of 100 are shorter.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.maximum is not None and not 0 < self.maximum < float("inf"):
            raise UserError(f"--maximum must be a number above 0, not {self.maximum:g}")


@dataclass(frozen=True, kw_only=True)
class HeatDrawingOptions(DrawingOptions):
    """Those of a drawing of colours over photographs."""

    opacity: float | None = drawing_field(
        "SHARE",
        "Opacity of the colours of clusters, map and similarity, from 0 to 1; 0.7 by default.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_opacity(self.opacity)


@dataclass(frozen=True, kw_only=True)
class LineDrawingOptions(PairDrawingOptions):
    """Those of a drawing with lines."""

    color: Color = drawing_field(
        None,
        "What the colour of a line says: position, where it begins; score, how high it is, with "
        "a bar beneath; verified, whether --verify agrees.",
        default=Color.POSITION,
    )
    opacity: float = drawing_field("SHARE", "Opacity of the lines, from 0 to 1.", default=0.65)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_opacity(self.opacity)


def _check_opacity(opacity: float | None) -> None:
    if opacity is not None and not 0 <= opacity <= 1:
        raise UserError(f"--opacity must be from 0 to 1, not {opacity:g}")
