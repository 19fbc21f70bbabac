from pathlib import Path

import pytest
from descr.applications import write_samples
from descr.descriptors.errors import OutputError

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def test_the_samples_are_the_photographs_of_the_documentation(tmp_path: Path) -> None:
    paths = write_samples(tmp_path)
    assert [path.name for path in paths] == ["cat.jpg", "cat-closer.jpg"]
    for path in paths:
        assert path.read_bytes() == (IMAGES / path.name).read_bytes()


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    before = [path.stat().st_mtime_ns for path in write_samples(tmp_path)]
    assert [path.stat().st_mtime_ns for path in write_samples(tmp_path)] == before
    (tmp_path / "cat.jpg").unlink()
    (tmp_path / "cat-closer.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"cat-closer\.jpg: something else of this name"):
        write_samples(tmp_path)
    assert not (tmp_path / "cat.jpg").exists()
    assert (tmp_path / "cat-closer.jpg").read_bytes() == b"mine"
