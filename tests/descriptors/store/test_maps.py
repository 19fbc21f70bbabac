import json

import netCDF4
import numpy as np
import pytest
from descr.descriptors.errors import FeatureFileError, InvalidFeaturesError
from descr.descriptors.store import MapInfo, load_any, load_map, read_info, read_map_info, save_map
from descr.matchers.testing import render_map

FMAP = render_map(3, 4)
ATTRIBUTES = (
    "basis",
    "descriptor",
    "image_height",
    "image_name",
    "image_sha256",
    "image_width",
)


@pytest.fixture
def path(tmp_path):
    save_map(FMAP, tmp_path / "map.nc", lossless=True)
    return tmp_path / "map.nc"


def altered(path, change):
    """The file as somebody else would have written it."""
    with netCDF4.Dataset(path, "a") as file:
        file.delncattr("descr_seal")
        change(file, file["map/cells"])
    return path


def test_a_map_comes_back_as_it_was(path):
    np.testing.assert_allclose(load_map(path).values, FMAP.values, atol=1e-7)
    assert load_map(path).coords.equals(FMAP.coords)
    assert read_map_info(path).shape == FMAP.shape


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_map_that_lacks_an_attribute_is_neither_written_nor_read(path, tmp_path, name):
    lacking = FMAP.copy()
    del lacking.attrs[name]
    with pytest.raises(InvalidFeaturesError, match=f"no attribute '{name}'"):
        save_map(lacking, tmp_path / "lacking.nc")
    altered(path, lambda root, cells: root.delncattr(name))
    for read in (load_map, read_map_info):
        with pytest.raises(FeatureFileError, match=f"map.nc: .*no attribute '{name}'"):
            read(path)


@pytest.mark.parametrize(
    "name",
    [
        "channels",
        "created",
        "lowest_cosine",
        "descr_map",
        "descr_schema",
        "descr_basis",
        "descr_version",
        "descr_seal",
    ],
)
def test_the_file_s_own_attributes_go_before_those_of_the_map(tmp_path, name):
    save_map(FMAP.assign_attrs({name: 1, "self": "kept"}), tmp_path / "map.nc", lossless=True)
    for loaded in (load_map(tmp_path / "map.nc"), load_any(tmp_path / "map.nc")):
        assert loaded.attrs == {**FMAP.attrs, "self": "kept"}
        assert loaded.coords.equals(FMAP.coords)
    assert isinstance(read_info(tmp_path / "map.nc"), MapInfo)


def flatten_centres(root, cells):
    centres = cells["y"][:].data
    cells.renameVariable("y", "other")
    cells.createDimension("one", 1)
    cells.createVariable("y", "f8", ("y", "one"))[:] = centres[:, None]


def reverse_centres(root, cells):
    cells["y"][:] = cells["y"][::-1]


def label_by_lists(root, cells):
    root.setncattr("channels", json.dumps([[["a", "b"], "c", 6], [["d"], "c", 6]]))


def hold_nan(root, cells):
    cells["features"][0, 0, 0] = np.nan


def state_no_height(root, cells):
    root.setncattr("image_height", np.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (flatten_centres, "y coordinates do not ascend"),
        (reverse_centres, "y coordinates do not ascend"),
        (label_by_lists, "holds no feature map"),
        (hold_nan, "NaN"),
        (state_no_height, "'image_height' is nan, expected int"),
    ],
)
def test_a_stranger_s_map_is_refused_in_one_line(path, change, message):
    with pytest.raises(FeatureFileError, match=message):
        load_map(altered(path, change))
