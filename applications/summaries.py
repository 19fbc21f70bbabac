"""Feature trees, feature maps and matches in a few words, with a thumbnail where HTML is shown."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import xarray as xr

from ..descriptors.errors import InvalidFeaturesError
from ..descriptors.features.maps import check_attributes
from ..descriptors.features.schema import ROOT_ATTRIBUTES, check_attribute_types
from ..descriptors.features.tree import tree_layers
from ..matchers import to_matches
from .exchange.matches import COLUMNS, match_rows
from .pictures import joint_pca, layer_pca, paint_cells
from .pictures.files import encode
from .pictures.palette import plane_colors
from .pictures.scenes import label_cells
from .text import printable

_SIDE = 160  # the longer side of a thumbnail, in pixels
_BEST = 5  # matches that are listed
_LETTERS = 16  # of the identity of a basis

Grids = Sequence[xr.DataArray]


@dataclass(frozen=True)
class Summary:
    """A title, facts by name, and rows of a table; `draw` gives the colours of thumbnails, if any.

    Where there are as many as rows, each stands in its row.
    """

    title: str
    facts: Mapping[str, str]
    rows: Sequence[Sequence[object]] = ()
    draw: Callable[[], Grids] = tuple

    def text(self) -> str:
        """Lines of plain text."""
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        rows = ["  ".join(str(one) for one in row) for row in self.rows]
        return "\n".join([printable(self.title), *(f"  {printable(one)}" for one in facts + rows)])

    def html(self) -> str:
        """A block with a picture of each grid of colours, in which nothing of a file is markup."""
        facts = [[name, value] for name, value in self.facts.items()]
        grids = self.draw()
        rows = [list(map(_escaped, row)) for row in self.rows]
        images = [f'<img alt="" src="{_data(one)}">' for one in grids]
        if len(images) == len(rows):
            rows = [[image, *row] for image, row in zip(images, rows, strict=True)]
            images = []
        tables = [_table([list(map(_escaped, row)) for row in facts]), _table(rows)]
        return (
            f'<div class="descr"><p><b>{_escaped(self.title)}</b></p>'
            f'<div style="display: flex; flex-wrap: wrap; gap: 1em; align-items: start">'
            f"{''.join([*images, *tables])}</div></div>"
        )


def map_summary(fmap: xr.DataArray) -> Summary:
    """That of a feature map; `InvalidFeaturesError` for what is none by its labels."""
    check_attributes(fmap.attrs, "the array")
    if fmap.dims != ("channel", "y", "x"):
        raise InvalidFeaturesError(f"the array has the dimensions {fmap.dims}, not those of a map")
    channels, rows, columns = fmap.shape
    facts = {"cells": f"{rows} x {columns}", "channels": str(channels), **_about(fmap.attrs)}
    if {"source", "layer"} <= set(fmap.coords):
        labels = zip(fmap["source"].values.tolist(), fmap["layer"].values.tolist(), strict=True)
        runs = [("/".join(label), len(list(run))) for label, run in groupby(labels)]
        facts["channels"] = ", ".join(f"{count} of {one}" for one, count in runs)
    facts["basis"] = str(fmap.attrs["basis"])[:_LETTERS]
    title = f"feature map of {_image(fmap.attrs)}"
    if fmap.chunks is not None:
        return Summary(title, {**facts, "values": "not read"})
    return Summary(title, facts, draw=lambda: joint_pca([fmap]))


def tree_summary(tree: xr.DataTree) -> Summary:
    """That of a feature tree; `InvalidFeaturesError` for what is none by its labels."""
    check_attribute_types(tree.attrs, ROOT_ATTRIBUTES, "the tree")
    facts, layers = _about(tree.attrs), tree_layers(tree)
    rows: list[list[str]] = []
    for path, layer in layers.items():
        if "features" not in layer:
            raise InvalidFeaturesError(f"layer {path} of the tree has no variable 'features'")
        channels, *cells = layer["features"].shape
        rows.append([path, " x ".join(map(str, cells)) + " cells", f"{channels} channels"])
    title = f"feature tree of {_image(tree.attrs)}"
    if any(layer.chunks for layer in layers.values()):
        return Summary(title, {**facts, "values": "not read"}, rows)
    return Summary(title, facts, rows, lambda: [grid for (grid,) in layer_pca([tree]).values()])


def matches_summary(correspondences: xr.Dataset) -> Summary:
    """That of correspondences, or of a list of matches; `OptionError` for what is neither."""
    is_list = "match" in correspondences.dims and set(COLUMNS) <= set(correspondences.variables)
    matches = correspondences if is_list else to_matches(correspondences)
    about, count = correspondences.attrs, matches.sizes["match"]
    places = "" if is_list else f" of {correspondences['matched'].size:,} places"
    facts = {"matches": f"{count:,}{places}"}
    if "matcher" in about:
        facts["matcher"] = str(about["matcher"])
    best = match_rows(matches.isel(match=slice(_BEST)))
    rows: list[list[Any]] = [list(best[0]), *(list(one.values()) for one in best)] if best else []
    title = f"matches of {about.get('source_name', '?')} in {about.get('target_name', '?')}"
    if "y" not in correspondences.dims or "target_height" not in about:
        return Summary(title, facts, rows)

    def draw() -> Grids:
        matched = correspondences["matched"].values
        across = correspondences["target_x"].values[matched] / about["target_width"]
        down = correspondences["target_y"].values[matched] / about["target_height"]
        colors = np.full((*matched.shape, 3), np.nan, np.float32)
        colors[matched] = plane_colors(across, down) / np.float32(255)
        image = {f"image_{one}": about[f"source_{one}"] for one in ("name", "height", "width")}
        return [label_cells(correspondences["score"].assign_attrs(image), colors, "colors")]

    return Summary(title, facts, rows, draw)


def _image(attributes: Mapping[Any, Any]) -> str:
    size = f"{attributes['image_width']} x {attributes['image_height']} pixels"
    return f"{attributes['image_name']}, {size}"


def _about(attributes: Mapping[Any, Any]) -> dict[str, str]:
    return {name: str(attributes[name]) for name in ("descriptor", "created") if name in attributes}


def _escaped(value: object) -> str:
    return escape(printable(str(value)))


def _table(rows: Sequence[Sequence[str]]) -> str:
    cells = ("".join(f"<td>{one}</td>" for one in row) for row in rows)
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f'<table style="text-align: left">{lines}</table>' if rows else ""


def _data(colors: xr.DataArray) -> str:
    """A thumbnail as the address of an image."""
    height, width = (colors.attrs[f"image_{side}"] for side in ("height", "width"))
    scale = _SIDE / max(height, width)
    sides = (max(1, round(side * scale)) for side in (height, width))
    picture = paint_cells(colors, **dict(zip(("height", "width"), sides, strict=True)))
    return f"data:image/png;base64,{b64encode(encode(picture, '.png')).decode()}"
