"""Small data sets in their original layouts, written once, and a descriptor fast on them."""

from pathlib import Path

import pytest
from descr.applications.evaluation import Dataset, open_dataset
from descr.descriptors import SIFT
from support.datasets.ap10k import make_ap10k
from support.datasets.davis import make_davis
from support.datasets.proposal_flow import make_pf_pascal, make_pf_willow
from support.datasets.spair import make_spair
from support.datasets.tss import make_tss

MAKERS = {
    "spair-71k": lambda root: make_spair(root, images=4, side=96, line_end="\r\n"),
    "pf-pascal": lambda root: make_pf_pascal(root, line_end="\r\n"),
    "pf-willow": make_pf_willow,
    "ap-10k": make_ap10k,
    "tss": lambda root: make_tss(root, side=96),
    "davis-2017": make_davis,
}


class Written:
    """Opens a data set of this name, which is written when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, **options: object) -> Dataset:
        root = self.folder / name
        if not root.exists():
            MAKERS[name](root)
        return open_dataset(name, root, **options)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("datasets"))


@pytest.fixture
def describe() -> SIFT:
    return SIFT(size=96, step=4)
