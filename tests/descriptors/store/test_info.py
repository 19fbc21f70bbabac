import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import netCDF4
import numpy as np
import pytest
from descr.descriptors import Basis
from descr.descriptors.errors import FeatureFileError, ForeignFileError
from descr.descriptors.store import (
    BasisInfo,
    FeatureInfo,
    MapInfo,
    isolated,
    load_any,
    load_features,
    load_map,
    read_feature_info,
    read_info,
    read_map_info,
    save_features,
    save_map,
    seal,
)
from support.trees import network_tree

INFOS = {"tree": FeatureInfo, "map": MapInfo, "basis": BasisInfo}


@pytest.fixture(scope="module")
def basis():
    return Basis.fit([network_tree("a.jpg", coarse=8)], components={"coarse": 5})


@pytest.fixture
def paths(basis, tmp_path):
    """A file of each kind."""
    tree = network_tree("a.jpg", coarse=8)
    save_features(tree, tmp_path / "tree.nc")
    save_map(basis.transform(tree), tmp_path / "map.nc")
    basis.save(tmp_path / "basis.nc")
    return {name: tmp_path / f"{name}.nc" for name in INFOS}


@pytest.fixture
def readers(monkeypatch):
    """The processes that were started to read a file."""
    started, start = [], subprocess.run

    def run(*args, **options):
        started.append(args)
        return start(*args, **options)

    monkeypatch.setattr(isolated.subprocess, "run", run)
    return started


@pytest.mark.parametrize("kind", INFOS)
@pytest.mark.parametrize("own", [True, False])
def test_a_file_of_any_kind_is_read_once(paths, kind, own, tmp_path, monkeypatch, readers):
    if not own:
        monkeypatch.setenv("DESCR_HOME", str(tmp_path / "somebody else"))
    info = read_info(paths[kind])
    assert type(info) is INFOS[kind]
    assert info.size == paths[kind].stat().st_size
    assert len(readers) == (not own)


def test_own_files_say_what_they_are_without_what_takes_long_to_load(paths):
    code = (
        "import sys; from descr.descriptors.store import read_info\n"
        "for path in sys.argv[1:]: read_info(path)\n"
        "print({'torch', 'xarray', 'netCDF4', 'h5py', 'numcodecs'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *paths.values()], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


def test_info_of_any_kind_is_that_of_its_kind(paths, basis):
    assert read_info(paths["tree"]) == read_feature_info(paths["tree"])
    assert read_info(paths["map"]) == read_map_info(paths["map"])
    info = read_info(paths["basis"])
    assert info.identity == basis.identity
    assert info.channels == len(basis.sources) == 5 + 24
    assert info.layers == {path: basis.components(path) for path in basis.layers}


def test_what_a_file_holds_is_loaded_by_its_kind(paths, tmp_path, monkeypatch, readers):
    for other in (False, True):
        if other:
            monkeypatch.setenv("DESCR_HOME", str(tmp_path / "somebody else"))
        assert load_any(paths["tree"]).identical(load_features(paths["tree"]))
        assert load_any(paths["map"]).identical(load_map(paths["map"]))
        # Two of each.
        assert len(readers) == 4 * other
        with pytest.raises(ForeignFileError, match=r"basis\.nc: is a basis, not a feature file"):
            load_any(paths["basis"])


def test_a_file_of_another_kind_is_told_by_its_own(paths):
    readers = {"feature file": load_features, "feature map": load_map, "basis": Basis.load}
    for (kind, path), own in zip(paths.items(), readers, strict=True):
        for name, read in readers.items():
            if name != own:
                message = rf"{kind}\.nc: is a {own}, not a {name} \(make "
                with pytest.raises(ForeignFileError, match=message):
                    read(path)


def test_another_number_of_a_schema_is_told_of_its_kind(paths):
    for kind, number in (("map", "descr_map"), ("basis", "descr_basis")):
        with netCDF4.Dataset(paths[kind], "a") as file:
            file.setncattr(number, 7)
        with pytest.raises(FeatureFileError, match=r"has schema 7.*reads schema 1"):
            read_info(paths[kind])


def test_a_basis_that_is_none_is_no_info(paths):
    with netCDF4.Dataset(paths["basis"], "a") as file:
        file.contents = json.dumps({"layers": {}})
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match=r"basis\.nc: is damaged: it holds no basis"):
        read_info(paths["basis"])


def state(**about):
    """A change of what the basis of a file says that it is made of."""

    def change(file):
        file.contents = json.dumps({**json.loads(file.contents), **about})

    return change


def flip_a_bit(file):
    axes = file["network/coarse/axes"]
    axes[0, 0] = (np.float32(axes[0, 0]).view(np.int32) ^ 1).view(np.float32)


def hold_nan(file):
    file["network/coarse/axes"][0, 0] = np.nan


def hold_integers(file):
    group = file["network/coarse"]
    group.renameVariable("axes", "other")
    group.createVariable("axes", "u8", ("channel", "component"))[:] = 1


def weigh(*weights):
    parts = [["fine", None], ["coarse", 5], ["coarse", 5]]
    listed = [[*part, weight] for part, weight in zip(parts, weights, strict=False)]
    return state(recipe={"network": listed})


@pytest.mark.parametrize(
    "change",
    [
        flip_a_bit,
        hold_nan,
        hold_integers,
        weigh(1.0, np.nan),
        weigh(np.inf, np.inf),
        weigh(-1.0, -1.0),
        weigh(1.0, 1.0, 1.0),
        weigh(1.0),
        state(recipe={"network": [["fine", None, 1.0], ["coarse", 4, 1.0]]}),
        lambda file: file.delncattr("identity"),
    ],
)
def test_a_stranger_s_basis_that_was_altered_is_no_info(paths, change, readers):
    with netCDF4.Dataset(paths["basis"], "a") as file:
        change(file)
        file.delncattr("descr_seal")
    with pytest.raises(FeatureFileError, match=r"basis\.nc: is damaged: it"):
        read_info(paths["basis"])
    assert len(readers) == 1


@pytest.mark.parametrize("name", ["weight", "components"])
def test_a_sealed_basis_of_what_no_basis_has_is_no_info(basis, tmp_path, name):
    part = replace(basis.recipe["network"][1], **{name: -3})
    altered = Basis(
        {"network": [basis.recipe["network"][0], part]},
        basis.projections,
        basis.layers,
        basis.finest,
    )
    altered.save(tmp_path / "altered.nc")
    for read in (read_info, Basis.load):
        with pytest.raises(FeatureFileError, match="it holds no basis"):
            read(tmp_path / "altered.nc")


def put(place, value):
    """A change of the storage of an array in a directory."""

    def change(array):
        array["storage"][place] = value(array["storage"][place])

    return change


DIRECTORIES = {
    "no JSON": lambda groups: b"{",
    "no groups": lambda groups: [],
    "no list": lambda groups: {},
    "no root": lambda groups: groups[1:],
}
ARRAYS = {
    "no dimensions": lambda array: array.pop("dimensions"),
    "objects": put(0, lambda _: "O"),
    "unknown type": put(0, lambda _: "zzz"),
    "huge": put(1, lambda _: [1 << 20, 1 << 20, 1 << 10]),
    "chunks of nothing": put(3, lambda chunk: [0] * len(chunk)),
    "unknown filter": put(4, lambda _: [[999, []]]),
    "piece of too few places": put(5, lambda pieces: [[[0], *pieces[0][1:]]]),
    "short piece": put(5, lambda pieces: [[*pieces[0][:2], 10, 0]]),
    "half a piece": put(5, lambda pieces: [[*pieces[0][:2], pieces[0][2] // 2, 0]]),
    "no pieces": put(5, lambda _: []),
}


@pytest.mark.parametrize("kind", INFOS)
@pytest.mark.parametrize("case", [*DIRECTORIES, *ARRAYS])
def test_an_own_file_with_a_bad_directory_is_damaged(paths, kind, case):
    path, large = paths[kind], "axes" if kind == "basis" else "features"
    data = path.read_bytes()
    end = len(data) - len(seal.DIRECTORY) - seal.MARK_SIZE - seal.SIZE - 8
    start = end - int.from_bytes(data[end : end + 8], "little")
    groups = json.loads(data[start:end])
    if case in ARRAYS:
        ARRAYS[case](next(one["arrays"][large] for one in groups if large in one["arrays"]))
    else:
        groups = DIRECTORIES[case](groups)
    text = groups if isinstance(groups, bytes) else json.dumps(groups).encode()
    index = text + len(text).to_bytes(8, "little") + seal.DIRECTORY
    path.write_bytes(data[:start] + index + seal.seal_of(data[:start], index))
    with pytest.raises(FeatureFileError, match=rf"{kind}\.nc: is damaged: .*again"):
        Basis.load(path) if kind == "basis" else load_any(path)
    # Which reads no features, and may say what they are.
    with suppress(FeatureFileError):
        read_info(path)


@pytest.mark.parametrize("kind", INFOS)
def test_what_to_do_about_a_damaged_file_holds_for_its_kind(paths, kind):
    data = paths[kind].read_bytes()
    for damaged in (data[:-1] + bytes([data[-1] ^ 1]), data[: len(data) // 2], b""):
        paths[kind].write_bytes(damaged)
        with pytest.raises(FeatureFileError, match="write it again with the command that made it"):
            read_info(paths[kind])
    paths[kind].write_bytes(data)
    with netCDF4.Dataset(paths[kind], "a") as file:
        file.title = "altered"
    with pytest.raises(FeatureFileError, match="fit it" if kind == "basis" else "extract it"):
        read_info(paths[kind])


@pytest.mark.parametrize("name", ["descr_schema", "descr_version", "image_width", "resampling"])
def test_a_long_value_is_cut_short_in_a_message(paths, name):
    with netCDF4.Dataset(paths["tree"], "a") as file:
        file.delncattr("descr_seal")
        if name == "descr_version":
            file.descr_schema = 7
        (file["network/fine"] if name == "resampling" else file).setncattr(name, "long " * 10_000)
    with pytest.raises(FeatureFileError, match=r"'long lo.*long '") as caught:
        read_info(paths["tree"])
    assert len(str(caught.value)) < 1000


def test_a_source_without_layers_is_no_layer(paths):
    with netCDF4.Dataset(paths["tree"], "a") as file:
        file.createGroup("empty")
        file.delncattr("descr_seal")
    assert [layer.path for layer in read_info(paths["tree"]).layers] == [
        "network/coarse",
        "network/fine",
    ]


def test_what_is_of_no_kind(tmp_path):
    (tmp_path / "text.nc").write_text("text")
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as file:
        file.title = "something else"
    for name in ("text.nc", "other.nc"):
        for read in (read_info, load_any):
            with pytest.raises(ForeignFileError, match=f"{name}: is not a feature file"):
                read(tmp_path / name)
