"""What made the answers: the features, as their files say, and the versions of the libraries."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ....descriptors.store import FeatureInfo

_LIBRARIES = (
    "descr-sdk",
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "scipy",
    "xarray",
    "netcdf4",
    "opencv-python-headless",
    "pillow",
)


def describe_features(info: FeatureInfo) -> dict[str, Any]:
    """What a feature file says of the descriptor: its `repr`, and of each layer its weights.

    Values that JSON holds; None for what the file doesn't say.
    """
    return {
        "descriptor": str(info.attributes["descriptor"]),
        "layers": [
            {
                "layer": layer.path,
                "model": str(layer.attributes["model"]),
                "revision": str(layer.attributes["revision"]),
                "settings": json.loads(layer.attributes["settings"]),
                "components": _whole(layer.attributes.get("components")),
                "resampling": layer.attributes.get("resampling", "cascade"),
                "precision": layer.attributes.get("precision"),
                "weights_variant": layer.attributes.get("weights_variant"),
                "weight": float(layer.attributes["weight"]),
                "rounded_bits": layer.rounded_bits,
            }
            for layer in info.layers
        ],
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that features and answers depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # Another distribution may bring the same module, as those of OpenCV do.
            continue
    return found


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
