"""`descr info`: what is in a feature file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console.tables import Fact, degrees, facts_of, print_facts, print_json, print_table
from ..options.common import Json
from ..options.inputs import check_exist

if TYPE_CHECKING:
    from ...descriptors.store import BasisInfo, FeatureInfo, LayerInfo, MapInfo

Document = dict[str, Any]
Content = tuple[Document, list[Fact], list[Document]]
"""What a file says of itself: as JSON holds it, as facts, and of each layer."""


def info(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files of features, of maps or of bases (.nc)."),
    ],
    as_json: Json = False,
) -> None:
    """Show what is in the files that descr writes: features, maps of a basis, and bases."""
    check_exist(files)
    contents = [_read(path) for path in files]
    if as_json:
        text = json.dumps([one for one, *_ in contents], default=lambda number: number.item())
        # A file may hold numbers that JSON has no place for.
        print_json(json.loads(text, parse_constant=lambda name: None))
        return
    for index, (_, facts, layers) in enumerate(contents):
        if index:
            typer.echo()
        print_facts(facts)
        if layers:
            typer.echo()
            titles = ["layer", "channels", "cells", "spacing, px", "components", "weight"]
            print_table(titles, list(map(_row, layers)), numbers=titles[1:])


def _read(path: Path) -> Content:
    from ...descriptors.store import BasisInfo, MapInfo, read_info

    content = read_info(path)
    if isinstance(content, BasisInfo):
        return _basis(path, content)
    if isinstance(content, MapInfo):
        return _map(path, content)
    return _features(path, content)


def _features(path: Path, content: "FeatureInfo") -> Content:
    about, layers = content.attributes, [_layer(content, one) for one in content.layers]
    bits = sorted({one["rounded_bits"] for one in layers if one["rounded_bits"] is not None})
    kept = f"rounded to {', '.join(map(str, bits))} bits" if bits else "lossless"
    facts = [
        *_facts(path, content, kept),
        *(("model", model) for model in dict.fromkeys(map(_model, layers))),
        ("made", f"{about['created']} by descr {about['descr_version']}"),
    ]
    return _document(path, content) | {"layers": layers}, facts, layers


def _map(path: Path, content: "MapInfo") -> Content:
    channels, *grid = content.shape
    lowest = content.lowest_cosine
    kept = f"packed to 8 bits, by which no cell turns by more than {degrees(lowest)}"
    facts = [
        *_facts(path, content, kept if lowest < 1 else "lossless"),
        ("basis", content.attributes["basis"]),
        ("channels", str(channels)),
        ("cells", "{} x {}".format(*grid)),
    ]
    own = {"channels": channels, "grid": grid, "lowest_cosine": lowest}
    return _document(path, content) | own, facts, []


def _basis(path: Path, content: "BasisInfo") -> Content:
    document = {
        "file": str(path),
        "basis": content.identity,
        "channels": content.channels,
        "layers": dict(content.layers),
    }
    return document, facts_of(document), []


def _document(path: Path, content: "FeatureInfo | MapInfo") -> Document:
    about = dict(content.attributes)
    names = {
        "file": str(path),
        "bytes": content.size,
        # As other commands name what is told of an image.
        "image": about.pop("image_name"),
        "width": about.pop("image_width"),
        "height": about.pop("image_height"),
    }
    # What a file says of itself comes after, and replaces none of them.
    return {**names, **about, **names}


def _facts(path: Path, content: "FeatureInfo | MapInfo", kept: str) -> list[Fact]:
    from rich.filesize import decimal

    about = content.attributes
    return [
        ("file", f"{path} ({decimal(content.size)}, {kept})"),
        ("image", f"{about['image_name']} ({about['image_width']} x {about['image_height']})"),
        ("sha256", str(about["image_sha256"])),
        ("descriptor", str(about["descriptor"])),
    ]


def _layer(content: "FeatureInfo", layer: "LayerInfo") -> dict[str, Any]:
    channels, rows, columns = layer.shape
    return {
        **layer.attributes,
        "settings": json.loads(str(layer.attributes.get("settings", "{}"))),
        "layer": layer.path,
        "channels": channels,
        "grid": [rows, columns],
        # Distance between neighbouring cells, in pixels of the image.
        "spacing_y": round(float(content.attributes["image_height"]) / rows, 3),
        "spacing_x": round(float(content.attributes["image_width"]) / columns, 3),
        "rounded_bits": layer.rounded_bits,
    }


def _model(about: Mapping[str, Any]) -> str:
    revision = f", revision {about['revision']}" if about["revision"] else ""
    precision = f", in {about['precision']}" if "precision" in about else ""
    variant = f", {about['weights_variant']} weights" if "weights_variant" in about else ""
    return f"{about['source']}: {about['model']}{revision}{precision}{variant}"


def _row(layer: Mapping[str, Any]) -> Sequence[str]:
    """One line of the table: rows x columns, and so the spacing."""
    return (
        layer["layer"],
        str(layer["channels"]),
        "{} x {}".format(*layer["grid"]),
        f"{layer['spacing_y']:.1f} x {layer['spacing_x']:.1f}",
        str(layer.get("components", "all")),
        f"{layer['weight']:g}",
    )
