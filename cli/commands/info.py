"""`descr info`: what is in a feature file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console.tables import print_facts, print_json, print_table
from ..options.common import Json
from ..options.inputs import check_exist

if TYPE_CHECKING:
    from ...descriptors.store import FeatureInfo, LayerInfo


def info(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Feature files (.nc).")],
    as_json: Json = False,
) -> None:
    """Show what is in feature files: the image, the descriptor and the layers."""
    check_exist(files)
    from ...descriptors.store import read_feature_info

    contents = [(path, read_feature_info(path)) for path in files]
    if as_json:
        documents = [_document(*content) for content in contents]
        text = json.dumps(documents, default=lambda number: number.item())
        # A file may hold numbers that JSON has no place for.
        print_json(json.loads(text, parse_constant=lambda name: None))
        return
    for index, content in enumerate(contents):
        if index:
            typer.echo()
        _print(*content)


def _document(path: Path, content: "FeatureInfo") -> dict[str, Any]:
    about = dict(content.attributes)
    names = {
        "file": str(path),
        "bytes": content.size,
        # As other commands name what is told of an image.
        "image": about.pop("image_name"),
        "width": about.pop("image_width"),
        "height": about.pop("image_height"),
    }
    layers = [_layer(content, layer) for layer in content.layers]
    # What a file says of itself comes after, and replaces none of them.
    return {**names, **about, **names, "layers": layers}


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


def _print(path: Path, content: "FeatureInfo") -> None:
    from rich.filesize import decimal

    about, layers = content.attributes, content.layers
    bits = sorted({layer.rounded_bits for layer in layers if layer.rounded_bits is not None})
    kept = f"rounded to {', '.join(map(str, bits))} bits" if bits else "lossless"
    print_facts(
        [
            ("file", f"{path} ({decimal(content.size)}, {kept})"),
            ("image", f"{about['image_name']} ({about['image_width']} x {about['image_height']})"),
            ("sha256", str(about["image_sha256"])),
            ("descriptor", str(about["descriptor"])),
            *(("model", model) for model in dict.fromkeys(map(_model, layers))),
            ("made", f"{about['created']} by descr {about['descr_version']}"),
        ]
    )
    typer.echo()
    titles = ["layer", "channels", "cells", "spacing, px", "components", "weight"]
    print_table(titles, [_row(_layer(content, layer)) for layer in layers], numbers=titles[1:])


def _model(layer: "LayerInfo") -> str:
    about = layer.attributes
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
