"""`descr info`: what is in a feature file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from ..console.tables import print_json

    read = [(path, read_feature_info(path)) for path in files]
    if as_json:
        text = json.dumps([_document(path, found) for path, found in read])
        # A file may hold numbers that JSON has no place for.
        print_json(json.loads(text, parse_constant=lambda name: None))
        return
    for index, (path, found) in enumerate(read):
        if index:
            typer.echo()
        _print(path, found)


def _document(path: Path, found: "FeatureInfo") -> dict[str, Any]:
    about = {key: _plain(value) for key, value in found.attributes.items()}
    named = {
        "file": str(path),
        "bytes": found.size,
        # As other commands name what is told of an image.
        "image": about.pop("image_name"),
        "width": about.pop("image_width"),
        "height": about.pop("image_height"),
    }
    # What a file says of itself comes after, and replaces none of them.
    return {**named, **about, **named, "layers": [_layer(found, layer) for layer in found.layers]}


def _layer(found: "FeatureInfo", layer: "LayerInfo") -> dict[str, Any]:
    channels, rows, columns = layer.shape
    spacing_y, spacing_x = _spacing(found, layer)
    attributes = {key: _plain(value) for key, value in layer.attributes.items()}
    attributes["settings"] = json.loads(str(attributes.get("settings", "{}")))
    return {
        **attributes,
        "layer": layer.path,
        "channels": channels,
        "grid": [rows, columns],
        "spacing_y": round(spacing_y, 3),
        "spacing_x": round(spacing_x, 3),
        "rounded_bits": layer.rounded_bits,
    }


def _spacing(found: "FeatureInfo", layer: "LayerInfo") -> tuple[float, float]:
    """Distance between neighbouring cells, in pixels of the image."""
    _, rows, columns = layer.shape
    return found.attributes["image_height"] / rows, found.attributes["image_width"] / columns


def _print(path: Path, found: "FeatureInfo") -> None:
    from rich.filesize import decimal

    from ..console.tables import print_facts, print_table

    about = found.attributes
    bits = sorted({layer.rounded_bits for layer in found.layers if layer.rounded_bits is not None})
    kept = f"rounded to {', '.join(map(str, bits))} bits" if bits else "lossless"
    models = dict.fromkeys(_model(layer) for layer in found.layers)
    print_facts(
        [
            ("file", f"{path} ({decimal(found.size)}, {kept})"),
            ("image", f"{about['image_name']} ({about['image_width']} x {about['image_height']})"),
            ("sha256", str(about["image_sha256"])),
            ("descriptor", str(about["descriptor"])),
            *(("model", model) for model in models),
            ("made", f"{about['created']} by descr {about['descr_version']}"),
        ]
    )
    typer.echo()
    print_table(
        ["layer", "channels", "cells", "spacing, px", "components", "weight"],
        [_cells(found, layer) for layer in found.layers],
        numbers=["channels", "cells", "spacing, px", "components", "weight"],
    )


def _model(layer: "LayerInfo") -> str:
    about = layer.attributes
    revision = f", revision {about['revision']}" if about["revision"] else ""
    precision = f", in {about['precision']}" if "precision" in about else ""
    variant = f", {about['weights_variant']} weights" if "weights_variant" in about else ""
    return f"{about['source']}: {about['model']}{revision}{precision}{variant}"


def _cells(found: "FeatureInfo", layer: "LayerInfo") -> Sequence[str]:
    """One line of the table: rows x columns, and so the spacing, in pixels of the image."""
    channels, rows, columns = layer.shape
    spacing_y, spacing_x = _spacing(found, layer)
    return (
        layer.path,
        str(channels),
        f"{rows} x {columns}",
        f"{spacing_y:.1f} x {spacing_x:.1f}",
        str(layer.attributes.get("components", "all")),
        f"{layer.attributes['weight']:g}",
    )


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, which JSON can hold."""
    return value.item() if hasattr(value, "item") else value
