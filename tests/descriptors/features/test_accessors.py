import subprocess
import sys

import pytest
import xarray as xr
from descr.applications.accessors import MapAccessor, MatchesAccessor, TreeAccessor
from descr.descriptors.features import accessors

CODE = """
import sys, numpy as np
from descr.descriptors import create

describe = create("sift", size=64)
a, b = describe.extract([np.zeros((64, 64, 3), np.uint8), np.ones((64, 64, 3), np.uint8)])
print("descr.applications" in sys.modules)
fmap, _ = a.descr.combine_with(b)
print(*fmap.descr.similarity((3.0, 4.0)).dims)
"""


def test_who_has_a_map_or_a_tree_has_the_accessor_without_an_import() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "False\ny x\n"


def test_each_kind_has_its_own() -> None:
    assert isinstance(xr.DataArray().descr, MapAccessor)
    assert isinstance(xr.DataTree().descr, TreeAccessor)
    dataset = xr.Dataset()
    assert isinstance(dataset.descr, MatchesAccessor)
    assert dataset.descr is dataset.descr


def test_an_installation_without_the_entry_points_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accessors, "plugins", lambda group: [])
    with pytest.raises(RuntimeError, match="error initializing 'descr'") as caught:
        _ = xr.DataArray().descr
    assert "no" in str(caught.value.__cause__)
    assert "DataArray of descr.accessors" in str(caught.value.__cause__)
