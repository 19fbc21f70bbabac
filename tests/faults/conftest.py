from pathlib import Path

import PIL.Image
import pytest
from descr.applications.search import Index
from descr.descriptors import SIFT, Basis, FeatureStore
from descr.descriptors.testing import render_picture


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", type=int, default=3, help="at how many moments runs are disturbed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--faults", 3)))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photographs, and what undisturbed runs make of them."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "photos").mkdir()
    for number in range(5):
        path = folder / "photos" / f"{number}.png"
        PIL.Image.fromarray(render_picture(64, 64, seed=number)).save(path)
    whole = FeatureStore(folder / "whole", SIFT(size=64, step=16))
    whole.extract(sorted((folder / "photos").iterdir()))
    basis = Basis.fit(whole, components=8)
    basis.save(folder / "basis.nc")
    Index.build(folder / "whole-index", whole, basis=basis)
    return folder


@pytest.fixture
def work(folder: Path, tmp_path: Path) -> Path:
    """A folder in which the photographs, their features and their basis are at hand."""
    work = tmp_path / "work"
    work.mkdir()
    for name in ("photos", "whole", "basis.nc"):
        (work / name).symlink_to(folder / name)
    return work
