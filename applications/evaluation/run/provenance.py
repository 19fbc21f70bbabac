"""What a run depends on, and what is written down of it: data set, features, settings, versions."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ....descriptors import Basis
from ....descriptors.runtime.code import code_digest
from ....descriptors.store import FeatureInfo
from ....matchers import Matcher
from ..datasets import Dataset
from .features import Folders
from .listing import Listing
from .settings import Settings

_LIBRARIES = (
    *("descr-sdk", "torch", "diffusers", "transformers", "numpy", "scipy", "xarray", "netcdf4"),
    *("opencv-python-headless", "pillow"),
)


def identity(
    dataset: Dataset,
    matcher: Matcher,
    settings: Settings,
    listing: Listing,
    folders: Folders,
    basis: Basis | None,
) -> dict[str, Any]:
    """What the answers depend on: runs that share it share their answers."""
    return {
        "journal": 2,
        "version": version("descr-sdk"),
        "code": code_digest(matcher),
        "options": {
            "dataset": [dataset.name, _plain(dataset.settings)],
            "matcher": repr(matcher),
            **asdict(settings),
            **_identity_of(basis),
        },
        "features": {category: own.label for category, own in sorted(folders.upright.items())},
        "pairs": listing.digest,
        "images": folders.digest,
    }


def file_stem(dataset: Dataset, run: Mapping[str, Any]) -> str:
    """The stem of the run's files: of runs with other options and features, another one."""
    text = json.dumps([run["options"], run["features"]], sort_keys=True)
    return f"{dataset.name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def describe_run(
    dataset: Dataset, settings: Settings, listing: Listing, folders: Folders, basis: Basis | None
) -> dict[str, Any]:
    """All that is needed to repeat the run, in values that JSON holds."""
    first = listing.pairs[0]
    return {
        "dataset": {
            "name": dataset.name,
            "title": dataset.title,
            "citation": dataset.citation,
            "truth": dataset.truth,
            "settings": _plain(dataset.settings),
            "pairs": len(dataset),
            "published_pairs": dataset.published_pairs,
            "categories": list(dataset.categories),
        },
        "settings": asdict(settings),
        **_identity_of(basis),
        **_describe_features(folders.upright[first.category].info(first.source)),
        "counts": {
            "pairs": len(listing.pairs),
            "images": len(folders.sizes),
            **{what: folders.count(what) for what in ("extracted", "redone", "kept")},
        },
        "versions": _versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _identity_of(basis: Basis | None) -> dict[str, str]:
    return {} if basis is None else {"basis": basis.identity}


def _describe_features(info: FeatureInfo) -> dict[str, Any]:
    """The `repr` of the descriptor and the weights of each layer; None for what is not stated."""
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


def _versions() -> dict[str, str]:
    """The versions of Python and of the libraries that features and answers depend on."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            # Another distribution may bring the same module, as those of OpenCV do.
            continue
    return versions


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a data set as JSON gives them back, without the folder, which decides nothing."""
    others = {name: value for name, value in settings.items() if name != "root"}
    plain: dict[str, Any] = json.loads(json.dumps(others, default=str))
    return plain
