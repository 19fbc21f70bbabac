"""Files that change under a run, and clocks that lie about them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageFile
import pytest
from descr.applications.search import Index
from descr.descriptors import Basis, load_features
from descr.descriptors.image.reading import read_image
from descr.descriptors.store import store as module
from descr.descriptors.testing import render_picture
from support.faults import small_store

YEAR = 365 * 24 * 3600 * 10**9


def draw(path: Path, seed: int) -> None:
    """An image, in a file whose size does not depend on what is drawn."""
    PIL.Image.fromarray(render_picture(64, 64, seed=seed)).save(path, format="bmp")


def sha256(path: Path) -> str:
    return str(load_features(path).attrs["image_sha256"])


@pytest.mark.parametrize("years", [-1, 0, 1])
def test_a_changed_image_is_seen_whatever_the_clock_says(tmp_path: Path, years: int) -> None:
    image, store = tmp_path / "a.bmp", small_store(tmp_path / "features")
    draw(image, 0)
    # In the future, as files are seen after a clock was set back.
    now = image.stat().st_mtime_ns + YEAR
    os.utime(image, ns=(now, now))
    store.extract([image])
    draw(image, 1)
    os.utime(image, ns=(now + years * YEAR,) * 2)
    statuses = [store.extract([image], verify=verify)[0].status for verify in (False, True)]
    # Of the same size and the same time it is seen by reading it alone.
    assert statuses == (["redone", "kept"] if years else ["kept", "redone"])
    assert sha256(store.path("a.bmp")) == read_image(image).sha256


@pytest.mark.parametrize("years", [-1, 1])
def test_an_index_takes_what_changed_whatever_the_clock_says(
    folder: Path, tmp_path: Path, years: int
) -> None:
    image, store = tmp_path / "a.bmp", small_store(tmp_path / "features")
    basis = Basis.load(folder / "basis.nc")
    draw(image, 0)
    store.extract([image])
    Index.build(tmp_path / "index", store, basis=basis)
    draw(image, 1)
    store.extract([image], verify=True)
    file = store.path("a.bmp")
    time = file.stat().st_mtime_ns + years * YEAR
    os.utime(file, ns=(time, time))
    index = Index.build(tmp_path / "index", store)
    assert index.map("a.bmp").attrs["image_sha256"] == read_image(image).sha256


def test_half_written_files_of_the_future_count_for_nothing(folder: Path, tmp_path: Path) -> None:
    store = small_store(tmp_path / "features")
    images = sorted((folder / "photos").iterdir())
    store.extract(images)
    left = store.folder / ".descr-0123456789abcdef.nc"
    left.write_bytes(b"half")
    os.utime(left, (4e9, 4e9))
    assert {one.status for one in store.extract(images, force=True)} == {"redone"}
    assert list(store) == [image.name for image in images]
    assert [error for _, error in store.verify()] == [None] * 5


@pytest.mark.parametrize("moment", ["before it is read", "after it was read"])
def test_of_an_image_that_changes_what_was_read_is_kept_and_the_next_run_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    image, store = tmp_path / "a.bmp", small_store(tmp_path / "features")
    draw(image, 0)
    before = read_image(image).sha256

    def read(source: Any) -> Any:
        if moment == "before it is read":
            draw(image, 1)
            return read_image(source)
        pixels = read_image(source)
        draw(image, 1)
        return pixels

    monkeypatch.setattr(module, "read_image", read)
    assert store.extract([image])[0].status == "extracted"
    monkeypatch.undo()
    after = read_image(image).sha256

    is_old = moment == "after it was read"
    assert sha256(store.path("a.bmp")) == (before if is_old else after)
    assert store.extract([image])[0].status == ("redone" if is_old else "kept")
    assert sha256(store.path("a.bmp")) == after


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:999]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
    ids=["cut off", "empty", "gone"],
)
@pytest.mark.parametrize("moment", ["opened", "decoded"])
def test_an_image_that_goes_while_it_is_read_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], moment: str
) -> None:
    store, images = small_store(tmp_path / "features"), [tmp_path / f"{at}.bmp" for at in range(3)]
    for seed, image in enumerate(images):
        draw(image, seed)
    # Grey and whole, it could be mapped into memory; and it is told by its size.
    picture = PIL.Image.fromarray(render_picture(64, 64, seed=5)).convert("L")
    picture.crop((0, 0, 32, 64)).save(images[1])
    load, crop = PIL.ImageFile.ImageFile.load, PIL.Image.Image.crop
    whole = images[1].read_bytes()

    def act(picture: PIL.Image.Image) -> None:
        if picture.size == (32, 64) and images[1].exists():
            spoil(images[1])

    def spoil_and_load(picture: Any) -> Any:
        act(picture)
        return load(picture)

    def spoil_and_crop(picture: PIL.Image.Image, *arguments: Any) -> Any:
        act(picture)
        return crop(picture, *arguments)

    if moment == "opened":
        monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", spoil_and_load)
    else:
        monkeypatch.setattr(PIL.Image.Image, "crop", spoil_and_crop)
    outcomes = store.extract(images)
    monkeypatch.undo()

    assert [one.error is None for one in (outcomes[0], outcomes[2])] == [True, True]
    assert {one.key for one in outcomes if one.error is None} == set(store)
    images[1].write_bytes(whole)
    assert store.extract(images)[1].error is None
    for image in images:
        assert sha256(store.path(image.name)) == read_image(image).sha256
