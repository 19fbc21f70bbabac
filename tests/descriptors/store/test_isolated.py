import os
import subprocess
import sys
from dataclasses import replace

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import FeatureFileError
from descr.descriptors.store import isolated, load_features, read_feature_info, save_features
from descr.descriptors.store.forms import FEATURES
from descr.descriptors.store.isolated import IsolatedReadError, read_isolated
from descr.descriptors.store.layout import tree_to_groups
from descr.descriptors.store.netcdf import write_groups
from support import hostile
from support.trees import network_tree


@pytest.fixture(scope="module")
def tree():
    return network_tree("żółw.jpg", settings={"prompt": "🐱"}, coarse=8)


@pytest.fixture
def path(tree, tmp_path):
    """A file of the schema that descr did not write, with compressed and checked features."""
    path = tmp_path / "foreign.nc"
    encoding = {"features": {"compression": "zstd", "complevel": 1, "fletcher32": True}}
    tree.to_netcdf(
        path, encoding={f"/network/{name}": encoding for name in tree["network"].children}
    )
    return path


def run_instead(monkeypatch, code):
    """Put another program in the place of the reader."""
    monkeypatch.setattr(isolated, "PROGRAM", code)


def test_a_file_of_another_program_is_read(tree, path):
    loaded = load_features(path)
    assert loaded.identical(tree)
    assert isinstance(loaded.attrs["descr_schema"], int)
    assert isinstance(loaded["network/coarse"].attrs["components"], int)
    loaded["network/fine/features"].values[:] += 1


def test_info_of_a_file_of_another_program(tree, path):
    info = read_feature_info(path)
    assert info.attributes == tree.attrs
    assert [layer.shape for layer in info.layers] == [(24, 8, 8)] * 2
    assert [layer.rounded_bits for layer in info.layers] == [None, None]


def test_neither_the_folder_nor_its_modules_matter(tree, path, tmp_path, monkeypatch):
    for module in ("json", "numpy", "h5py", "zlib"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert load_features("foreign.nc").identical(tree)


@pytest.mark.parametrize("place", [0.4, 0.6, 0.8])
def test_damaged_chunks_are_found(tree, tmp_path, place):
    path = tmp_path / "foreign.nc"
    root, source, layer, _ = tree_to_groups(tree)
    root = replace(root, attributes=tree.attrs)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2000, 8, 8)).astype(np.float32)
    layer.arrays["features"] = replace(layer.arrays["features"], values=features)
    write_groups(str(path), [root, source, layer], lossless=False)
    assert load_features(path)["network/coarse/features"].shape == (2000, 8, 8)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(FeatureFileError, match=r"foreign\.nc: is damaged"):
        load_features(path)


def reading(path, read=load_features):
    """What reading the file gives: a tree, or an error of one line that names the file."""
    result, error = None, None
    try:
        result = read(path)
    except FeatureFileError as caught:
        error = caught
    assert error is None or (str(path) in error.message and "\n" not in str(error))
    return result if error is None else error


@pytest.mark.parametrize("place", [0, 1, 8, 9, 16])
def test_metadata_that_brings_hdf5_down(path, place):
    # In the global heap, which holds text that is not ASCII, a flipped byte has been seen to give
    # a segmentation fault or a double free.
    data = bytearray(path.read_bytes())
    data[data.index(b"GCOL") + place] ^= 0xA5
    path.write_bytes(data)
    with pytest.raises(FeatureFileError, match=r"foreign\.nc: is damaged"):
        load_features(path)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_crash_is_a_damaged_file(path, tmp_path, monkeypatch, name):
    run_instead(monkeypatch, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    with pytest.raises(FeatureFileError, match=r"foreign\.nc: is damaged.*crashed"):
        load_features(path)


def test_a_reader_that_hangs_is_stopped(path, tmp_path, monkeypatch):
    monkeypatch.setattr(isolated, "START_SECONDS", 0.2)
    run_instead(monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(IsolatedReadError, match="takes too long"), path.open("rb") as file:
        read_isolated(file, schemas=[FEATURES.schema], values=True, free=1 << 30)


def test_a_reader_that_goes_round_in_circles_is_stopped(path, tmp_path, monkeypatch):
    code = """
from descr.descriptors.store import isolated
isolated._limit("CPU", 1)
while True: pass
"""
    run_instead(monkeypatch, code)
    with pytest.raises(IsolatedReadError, match="takes too long"), path.open("rb") as file:
        read_isolated(file, schemas=[FEATURES.schema], values=True, free=1 << 30)


ANSWER = """
import json, sys
about = {"dimensions": ["a"], "attributes": {}, "rounded_bits": None}
array = about | {"storage": %s}
group = {"path": "/", "attributes": {}, "arrays": {"features": array}}
text = json.dumps([group]).encode()
sys.stdout.buffer.write(bytes(32) + text + len(text).to_bytes(8, "little"))
"""
OBJECTS = ANSWER % '["|O", [4], 0]'
CHUNKS = ANSWER % '["<f4", [1000000000000], None, [4], [], []]'
LARGER = ANSWER % '["<f4", [1000000000000], 0]'


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "can't be read: ModuleNotFoundError"),
        ("print('hello there')", "nonsense"),
        ("", "nonsense"),
        (OBJECTS, "nonsense"),
        (CHUNKS, "nonsense"),
        (LARGER, "nonsense"),
    ],
)
def test_an_answer_that_makes_no_sense(path, tmp_path, monkeypatch, code, reason):
    run_instead(monkeypatch, code)
    with pytest.raises(IsolatedReadError, match=reason), path.open("rb") as file:
        read_isolated(file, schemas=[FEATURES.schema], values=True, free=1 << 30)


def test_features_larger_than_what_the_reader_may_take_for_itself(path):
    shape = (1_100_000, 8, 8)
    with h5py.File(path, "r+") as file:
        options = {"chunks": (1 << 17, 8, 8), "compression": "gzip", "compression_opts": 1}
        new = hostile.replaced(file, "features", shape, **options)
        new[...] = np.ones(shape, np.float32)
    assert path.stat().st_size < 1 << 22
    assert np.prod(shape) * 4 > isolated.HEADROOM
    assert load_features(path)["network/fine/features"].shape == shape


def test_a_file_that_claims_to_be_huge_is_not_read(path):
    with netCDF4.Dataset(path, "a") as file:
        layer = file.createGroup("network/huge")
        for dimension in ("channel", "y", "x"):
            layer.createDimension(dimension, 20_000)
        layer.createVariable("features", "f4", ("channel", "y", "x"), zlib=True)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(FeatureFileError, match="claims to hold features of"):
        load_features(path)
    with pytest.raises(FeatureFileError, match="claims to hold features of"):
        read_feature_info(path)


def test_the_reader_limits_its_memory_and_its_files(tmp_path):
    code = (
        "import sys; import numpy as np; from descr.descriptors.store import isolated\n"
        "limit_memory = isolated._memory_limiter()\n"
        "isolated._limit('NOFILE', 0)\n"
        "limit_memory(1 << 30)\n"
        "np.ones(1 << 29, np.uint8)\n"
        "for act in (lambda: np.ones(3 << 29, np.uint8), lambda: open(sys.argv[1])):\n"
        "    try: act()\n"
        "    except (MemoryError, OSError) as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, __file__],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["MemoryError", "OSError"]


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A file that no feature file may bring in, as numbers and as HDF5, and a pipe beside it."""
    path = tmp_path_factory.mktemp("secret") / "numbers"
    path.write_bytes(hostile.SECRET.tobytes())
    with h5py.File(path.with_suffix(".nc"), "w") as file:
        file["data"] = hostile.SECRET[: 24 * 8 * 8].reshape(24, 8, 8)
    os.mkfifo(path.with_name("pipe"))
    return path


@pytest.mark.parametrize("name", hostile.CRAFTS)
def test_files_made_to_do_harm(tree, tmp_path, secret, name):
    path = tmp_path / "crafted.nc"
    save_features(tree, path)
    good = load_features(path)
    hostile.craft_file(path, name, secret)
    reading(path, read_feature_info)
    loaded = reading(path)
    if not isinstance(loaded, FeatureFileError):
        for layer in ("coarse", "fine"):
            xr.testing.assert_equal(loaded[f"network/{layer}"], good[f"network/{layer}"])
    assert isinstance(loaded, FeatureFileError) == (name not in HARMLESS)


# What makes other readers stumble, and what is not ours to judge.
HARMLESS = {
    "coordinates_of_many_numbers",
    "dimension_of_many_numbers",
    "huge_image",
    "many_components",
    "quantized_to_many_bits",
    "quantized_to_text",
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: file.delncattr("image_name"), "no attribute 'image_name'"),
        (lambda file: file["network/fine"].delncattr("weight"), "layer network/fine.*weight"),
        (lambda file: file["network/fine"].renameVariable("features", "f"), "no variable"),
        (lambda file: file["network/fine"].renameVariable("y", "z"), "network/fine.*'y'"),
        (lambda file: file["network/fine"].renameDimension("y", "z"), "network/fine.*'z'"),
        (lambda file: file["network/fine"].setncattr("weight", "heavy"), "'heavy'"),
        (lambda file: file["network/fine"].setncattr("layer", "other"), "network/fine"),
        (lambda file: nan(file["network/fine/features"]), "network/fine.*NaN"),
        (lambda file: nan(file["network/coarse/y"]), "network/coarse.*y coord"),
        (lambda file: file.createGroup("text/a").createVariable("features", str, ()), "no numbers"),
        (lambda file: file.createGroup("empty/layer"), "empty/layer"),
    ],
)
def test_a_file_that_breaks_the_schema_names_the_layer(path, change, reason):
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    with pytest.raises(FeatureFileError, match=reason) as caught:
        load_features(path)
    assert str(path) in caught.value.message


def nan(variable):
    variable.set_auto_maskandscale(False)
    variable[0] = np.nan


@pytest.mark.parametrize(
    ("dimensions", "dtype"),
    [(("y", "x", "channel"), "f4"), (("y", "x"), "f4"), (("channel", "y", "x"), "f8")],
)
def test_features_of_another_form_are_refused(path, dimensions, dtype):
    with netCDF4.Dataset(path, "a") as file:
        fine = file["network/fine"]
        other = file.createGroup("network/other")
        other.setncatts(fine.__dict__ | {"layer": "other"})
        for name in ("channel", "y", "x"):
            other.createDimension(name, 8)
        for name in ("y", "x"):
            other.createVariable(name, "f8", (name,))[:] = fine[name][:]
        other.createVariable("features", dtype, dimensions)[:] = 1.0
    with pytest.raises(FeatureFileError, match=r"foreign\.nc: layer network/other"):
        load_features(path)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.nc")
    with pytest.raises(FeatureFileError, match=r"pipe\.nc: is not a regular file"):
        load_features(tmp_path / "pipe.nc")


def test_a_sparse_file_of_terabytes(path):
    with path.open("r+b") as file:
        file.truncate(1 << 42)
        file.seek(-len(hostile.sealed_anew(b"")), os.SEEK_END)
        file.write(hostile.sealed_anew(b""))
    with pytest.raises(FeatureFileError, match="larger than the free memory"):
        load_features(path)


def test_nothing_is_left_behind(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path.write_bytes(path.read_bytes()[:3000] + bytes(5000))
    with pytest.raises(FeatureFileError):
        load_features(path)
    assert os.listdir(tmp_path) == ["foreign.nc"]


def test_a_process_that_does_not_start_is_told(path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FeatureFileError, match=r"foreign\.nc: can't be read in a process"):
        load_features(path)
