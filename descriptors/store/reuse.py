"""Whether a file can stand for a new extraction."""

import os
from collections.abc import Callable
from typing import TypeVar

from ..base import Descriptor
from ..combination.basis import Basis
from ..combination.recipe import computations, difference
from ..errors import FeatureFileError, ForeignFileError
from ..image.reading import Image
from .info import FeatureInfo, MapInfo, read_feature_info, read_map_info

Info = TypeVar("Info", FeatureInfo, MapInfo)


def why_extract(
    path: str | os.PathLike[str], image: Image, describe: Descriptor, *, lossless: bool = False
) -> str | None:
    """Why the file has to be made, in a few words; None if it can be kept, "" if there is none.

    It can be kept if it is whole, of this image's pixels, and says of every layer what the
    descriptor would say: model, state of the weights, settings, and, where the file knows them,
    precision and variant of the weights. For a descriptor that can't tell without extracting (its
    `recipe` is None) its `repr` decides. `lossless` refuses rounded features.

    Raises `ForeignFileError` if what lies there is no feature file, and somebody may want it.
    """
    info = _read(read_feature_info, path, image)
    if isinstance(info, str):
        return info
    layers = {layer.path: layer.attributes for layer in info.layers}
    recipe = describe.recipe
    if recipe is None:
        if info.attributes["descriptor"] != repr(describe):
            return f"made with {info.attributes['descriptor']}"
    elif unlike := difference(layers, recipe):
        return f"made otherwise ({unlike})"
    elif ways := computations(layers, recipe):
        return f"computed {ways[0]}, not {ways[1]}"
    if lossless and any(layer.rounded_bits is not None for layer in info.layers):
        return "rounded"
    return None


def why_transform(
    path: str | os.PathLike[str], image: Image, basis: Basis, recipe: str, *, lossless: bool = False
) -> tuple[str | None, float]:
    """As `why_extract`, for a file of a feature map through a basis; with its lowest cosine.

    `recipe` is the digest of what made the features, which the file keeps as an attribute.
    """
    info = _read(read_map_info, path, image)
    if isinstance(info, str):
        return info, 1.0
    why = None
    if info.attributes.get("basis") != basis.identity:
        why = "of another basis"
    elif info.attributes.get("recipe") != recipe:
        why = "made otherwise"
    elif lossless and info.lowest_cosine < 1:
        why = "rounded"
    return why, 1.0 if why else info.lowest_cosine


def _read(
    read: Callable[[str | os.PathLike[str]], Info], path: str | os.PathLike[str], image: Image
) -> Info | str:
    """What the file of an image says of itself; or why it has to be made."""
    if not os.path.exists(path):
        return ""
    try:
        info = read(path)
    except ForeignFileError:
        raise
    except FeatureFileError:
        return "damaged, or of another schema"
    return info if info.attributes.get("image_sha256") == image.sha256 else "of another image"
