"""What a store and an index must be after any fault: valid, and completed by a second run."""

from pathlib import Path

from descr.applications.search import Index
from descr.descriptors import SIFT, Basis, FeatureStore, load_features

STEP = 16


def small_store(folder: Path, step: int = STEP) -> FeatureStore:
    """A store whose images take no time."""
    return FeatureStore(folder, SIFT(size=64, step=step))


def check_store(at: Path, folder: Path) -> None:
    """Each file in `at` is valid, and a second run makes of it what `folder` has."""
    store = small_store(at)
    assert all(error is None for _, error in store.verify())
    there = set(store)
    outcomes = store.extract(sorted((folder / "photos").iterdir()))
    assert {one.key for one in outcomes if one.status == "kept"} == there
    check_same(at, folder)


def check_same(at: Path, folder: Path) -> None:
    """The features of a store are those of an undisturbed run."""
    whole = FeatureStore(folder / "whole")
    assert list(FeatureStore(at)) == list(whole)
    for key in whole:
        first, second = (load_features(one / f"{key}.nc") for one in (at, whole.folder))
        for tree in (first, second):
            # They tell how to get from the file to its photograph.
            tree.attrs.pop("image_path")
            tree.attrs.pop("created", None)
        assert first.identical(second)


def check_index(at: Path, folder: Path, *, engine: str | None = None, verify: bool = False) -> None:
    """A second run makes of an index what an undisturbed one gave."""
    basis = Basis.load(folder / "basis.nc")
    Index.build(at, folder / "whole", basis=basis, engine=engine, verify=verify)
    # What nothing names any more goes with the next run.
    index = Index.build(at, folder / "whole")
    whole = Index(folder / "whole-index")
    assert list(index) == list(whole)
    query = load_features(folder / "whole" / "0.png.nc")
    assert index.search(query, exact=True).identical(whole.search(query, exact=True))
    assert len(list((at / "shards").iterdir())) == index.info.shards
    assert not [error for _, error in index.verify() if error is not None]
    hits, expected = (one.search(query, box=(1, 1, 40, 40)) for one in (index, whole))
    assert hits.attrs["engine"] == (engine or "tiles")
    assert hits.drop_attrs().identical(expected.drop_attrs())
