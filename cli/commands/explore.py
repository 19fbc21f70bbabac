"""`descr explore`: a page for a browser that shows where places of an image are in others."""

import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..console.errors import UserError, say
from ..console.memory import say_memory
from ..console.tables import Table
from ..options import common as options
from ..options.comparison import Comparison
from ..options.groups import argument
from ..options.images import Answer, ImageCommand
from ..options.inputs import check_photographs
from ..options.masks import ImageMasks
from ..options.method import ImageMethod

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..options.masks import FindMasks

_MOST = 12  # images that a page shows: the library says the same, once it is loaded


@dataclass(frozen=True, kw_only=True)
class ExploreMethod(ImageMethod):
    """The options under "How"."""

    matcher: str | None = options.matcher_field(
        "What the page begins with: nearest, mutual or soft-argmax; nearest by default."
    )


@dataclass(frozen=True, kw_only=True)
class Explore(ImageCommand):
    """Make a page that shows where any place is in other images.

    The page is one HTML file that opens in any browser, from the disk, without a network.
    """

    EXAMPLES: ClassVar[str] = """\
descr explore a.jpg b.jpg -o pair.html --open
descr explore a.jpg b.jpg c.jpg --descriptor fused --device cuda -o cats.html
descr explore a.jpg.nc b.jpg.nc --matcher mutual --auto-mask -o pair.html"""
    doing: ClassVar[str] = "exploring {}"
    between: ClassVar[str] = ", "

    images: list[Path] = argument("A B [C ...]", "Images or feature files, 2 to 12.")
    masks: ImageMasks
    method: ExploreMethod
    components: int | None = options.result_field(
        "N", "Components of each source, 256 at most by default: fewer make a smaller file.", min=1
    )
    output: list[Path] | None = options.output_field("The page: .html.")
    open: bool = options.result_field.flag("Open the page in the browser.")
    SUFFIXES: ClassVar = {"output": dict.fromkeys((".html", ".htm"), "page")}

    @property
    def sources(self) -> "Sequence[Path]":
        """The images."""
        return self.images

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        count = len(self.images)
        if not 2 <= count <= _MOST:
            raise UserError(
                f"a page shows 2 to {_MOST} images, not {count}",
                hint="give an image and those to compare it with",
            )
        self.masks.check_count(count)
        if self.method.matcher_settings and self.method.matcher is None:
            raise UserError("--matcher-set needs --matcher", hint="as in --matcher mutual")
        if not self.written():
            raise UserError("no file for the page", hint="say where it goes: -o FILE.html")

    def check_inputs(self, comparison: Comparison) -> None:
        """Refuse a matcher that a page can't compute, and features without their photographs."""
        from ...applications.explorer import check_matcher

        if comparison.matcher is not None:
            check_matcher(comparison.matcher.item)
        check_photographs(comparison.inputs, "a page", self.written())

    def compare(self, comparison: Comparison, find_masks: "FindMasks") -> Answer:
        """Make the page."""
        from rich.filesize import decimal

        from ...applications.explorer import (
            COMPONENTS,
            explore,
            loss_rows,
            page_memory,
            page_size,
        )

        maps = comparison.maps()
        components = COMPONENTS if self.components is None else self.components
        name = f"a page of {len(maps)} images"
        say_memory(name, page_memory(maps), comparison.inputs, comparison.descriptor)
        say(f"file: at most {decimal(page_size(maps, components))}")
        page = explore(
            maps,
            images=[one.image for one in comparison.inputs],
            masks=find_masks(maps),
            components=components,
            matcher=None if comparison.matcher is None else comparison.matcher.item,
        )
        size, loss = len(page.html.encode()), loss_rows(page.loss)
        descriptor = str(maps[0].attrs["descriptor"])
        grids = ", ".join(f"{one.sizes['y']} x {one.sizes['x']}" for one in maps)
        return Answer(
            numbers={
                "images": [one.document() for one in comparison.inputs],
                "descriptor": descriptor,
                "cells": [[one.sizes["y"], one.sizes["x"]] for one in maps],
                "loss": loss,
                "bytes": size,
            },
            facts=[
                ("images", ", ".join(one.title for one in comparison.inputs)),
                ("cells", grids),
                ("descriptor", descriptor),
                ("file", decimal(size)),
            ],
            writers=dict.fromkeys(self.written(), page.save),
            tables=[_table(loss)],
        )

    def work(self) -> None:
        """Write the page, and open it where that is asked for."""
        super().work()
        if self.open and not webbrowser.open(self.written()[0].resolve().as_uri()):
            say(f"no browser to open {self.written()[0]} in")


def _table(loss: "Sequence[Mapping[str, Any]]") -> Table:
    """The loss of each source, and of all, as it is printed."""
    titles = ["components", "same best cell", "within one cell", "cosine, rms", "largest"]
    rows = [
        [
            str(row["descriptor"]),
            f"{row['components']} of {row['channels']}",
            f"{row['same_cell']:.1%}",
            f"{row['within_one_cell']:.1%}",
            f"{row['rms']:.4f}",
            f"{row['largest']:.3f}",
        ]
        for row in loss
    ]
    return Table(["features", *titles], rows, titles, "What the page holds, beside full features")
