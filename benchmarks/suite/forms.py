"""Megabytes that an image takes, by the form in which its features are kept.

Those of SIFT and XFeat are means of photographs of mixed shapes at the default size, those of
networks of trees of random numbers in the sizes that they give for a square image. Maps and index
are of a basis of 64 components a layer, fitted to the same images.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from descr.applications.search import Index
from descr.descriptors import SIFT, Basis, XFeat, save_features
from descr.descriptors.features.tensors import Features
from descr.descriptors.store.maps import save_map

from ..bench import Bench
from ..maps import FUSED, random_features
from ..results import Row
from .extraction import write_photographs


def run(bench: Bench, *, photographs: int = 16, random: int = 2) -> Iterator[Row]:
    """A row for each kind of features."""
    paths = write_photographs(bench.folder, photographs)
    features: dict[str, Iterable[Features]] = {
        "fused at 960": (random_features(seed) for seed in range(random)),
        "DINOv2 at 840": (random_features(seed, FUSED[-1:]) for seed in range(random)),
        "SIFT": SIFT().features(paths),
        "XFeat": XFeat().features(paths),
    }
    for name, some in features.items():
        yield Row(name, sizes_by_form(bench.folder / name, list(some)))


def sizes_by_form(folder: Path, features: list[Features]) -> dict[str, float]:
    """What the images take in each form, each on average, written into the folder."""
    basis = Basis.fit(features, components=64)
    forms: dict[str, Callable[[Features, Path], object]] = {
        "lossless": lambda one, path: save_features(one.to_tree(), path, lossless=True),
        "rounded": lambda one, path: save_features(one.to_tree(), path),
        "map": lambda one, path: save_map(basis.transform(one).to_xarray(), path),
    }
    for form, save in forms.items():
        (folder / form).mkdir(parents=True)
        for place, one in enumerate(features):
            save(one, folder / form / f"{place}.nc")
    Index.build(folder / "index", folder / "map", basis=basis)
    files = {form: f"{form}/*.nc" for form in forms}
    files |= {"index": "index/shards/*/*", "of it tiles": "index/shards/*/tiles*"}
    return {
        f"{form}, MB": sum(one.stat().st_size for one in folder.glob(pattern)) / len(features) / 1e6
        for form, pattern in files.items()
    }
