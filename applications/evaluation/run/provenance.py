"""What a run depends on, and what is written down of it: data set, features, settings, versions."""

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ....descriptors import Basis
from ....descriptors.runtime.code import code_digest
from ....descriptors.store import LayerInfo
from ....matchers import Matcher
from ..datasets import Dataset
from .features import Folders
from .listing import Listing
from .settings import Settings

_LIBRARIES = (
    *("descr-sdk", "torch", "diffusers", "transformers", "numpy", "scipy", "xarray", "netcdf4"),
    *("opencv-python-headless", "pillow"),
)


@dataclass(frozen=True, eq=False)
class Provenance:
    """What the answers of a run come from."""

    dataset: Dataset
    matcher: Matcher
    settings: Settings
    basis: Basis | None
    listing: Listing
    folders: Folders

    def identity(self) -> dict[str, Any]:
        """What the answers depend on: runs that share it share their answers."""
        labels = {name: folder.label for name, folder in sorted(self.folders.upright.items())}
        return {
            "journal": 2,
            "version": version("descr-sdk"),
            "code": code_digest(self.matcher),
            "options": {
                "dataset": [self.dataset.name, self._of_dataset()],
                "matcher": repr(self.matcher),
                **asdict(self.settings),
                **self._of_basis(),
            },
            "features": labels,
            "pairs": self.listing.digest,
            "images": self.folders.digest,
        }

    def file_stem(self) -> str:
        """The stem of the run's files: of runs with other options and features, another one."""
        run = self.identity()
        text = json.dumps([run["options"], run["features"]], sort_keys=True)
        return f"{self.dataset.name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def describe(self) -> dict[str, Any]:
        """All that is needed to repeat the run, in values that JSON holds."""
        first = self.listing.pairs[0]
        features = self.folders.upright[first.category].info(first.source.key)
        facts = ("name", "title", "citation", "truth", "published_pairs")
        return {
            "dataset": {
                **{name: getattr(self.dataset, name) for name in facts},
                "settings": self._of_dataset(),
                "pairs": len(self.dataset),
                "categories": list(self.dataset.categories),
            },
            "settings": asdict(self.settings),
            **self._of_basis(),
            "descriptor": str(features.attributes["descriptor"]),
            "layers": list(map(_of_layer, features.layers)),
            "counts": {
                "pairs": len(self.listing.pairs),
                "images": len(self.folders.sizes),
                **{what: self.folders.count(what) for what in ("extracted", "redone", "kept")},
            },
            "versions": _versions(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _of_dataset(self) -> dict[str, Any]:
        """Its settings as JSON gives them back, without the folder, which decides nothing."""
        settings = {name: one for name, one in self.dataset.settings.items() if name != "root"}
        plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
        return plain

    def _of_basis(self) -> Mapping[str, str]:
        return {} if self.basis is None else {"basis": self.basis.identity}


def _of_layer(layer: LayerInfo) -> dict[str, Any]:
    """What a feature file says of the weights of a layer; None for what it doesn't say."""
    components = layer.attributes.get("components")
    return {
        "layer": layer.path,
        "model": str(layer.attributes["model"]),
        "revision": str(layer.attributes["revision"]),
        "settings": json.loads(layer.attributes["settings"]),
        "components": None if components is None else int(components),
        "resampling": layer.attributes.get("resampling", "cascade"),
        "precision": layer.attributes.get("precision"),
        "weights_variant": layer.attributes.get("weights_variant"),
        "weight": float(layer.attributes["weight"]),
        "rounded_bits": layer.rounded_bits,
    }


def _versions() -> dict[str, str]:
    """The versions of Python and of the libraries that features and answers depend on."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        # Another distribution may bring the same module, as those of OpenCV do.
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions
