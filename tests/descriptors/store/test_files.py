import os
import resource
import subprocess
import sys
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from descr.descriptors.errors import FeatureFileError, InvalidFeaturesError, OutputError
from descr.descriptors.image.reading import Image
from descr.descriptors.store import (
    files,
    load_features,
    netcdf,
    read_feature_info,
    save_features,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from support import trees as by_hand
from support.trees import build_tree

SIDE = 1000
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text and (text[0].isalnum() or text[0] == "_" or text[0] > "\x7f"))
    .filter(lambda text: not text.endswith(" "))
)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats() | st.sampled_from([0, 1, -0.0, 1.0])
ODD = st.dictionaries(NAMES.map(lambda name: f"odd {name}"), TEXT | NUMBERS, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
LARGEST = float(np.finfo(np.float32).max)


@st.composite
def layer_features(draw, source, layer):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)))
    centres = [
        draw(st.lists(st.floats(-0.5, SIDE - 0.5), min_size=n, max_size=n, unique=True))
        for n in shape[1:]
    ]
    return by_hand.layer_features(
        source=source,
        layer=layer,
        features=draw(npst.arrays(np.float32, shape, elements=FLOATS)),
        y=np.sort(centres[0]),
        x=np.sort(centres[1]),
        model=draw(TEXT),
        revision=draw(TEXT),
        settings=draw(st.dictionaries(TEXT, JSON, max_size=3)),
        components=draw(st.none() | st.integers(1, 512)),
        weight=draw(st.floats(0, 1e6)),
    )


@st.composite
def trees(draw):
    layers = draw(
        st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=4, unique=True), min_size=1)
    )
    image = Image(np.zeros((SIDE, SIDE, 3), np.uint8), draw(TEXT))
    tree = build_tree(
        image,
        draw(TEXT),
        [
            draw(layer_features(source, layer))
            for source, names in layers.items()
            for layer in names
        ],
    )
    tree.attrs |= draw(ODD)
    for source in tree.children.values():
        source.attrs |= draw(ODD)
        for layer in source.children.values():
            layer.attrs |= draw(ODD)
            layer["features"].attrs |= draw(ODD)
    return tree


def small_tree(seed=0, name="cat.jpg", descriptor="Small()", shapes=((40, 6, 9), (24, 12, 18))):
    rng = np.random.default_rng(seed)
    tree = build_tree(
        Image(np.full((120, 180, 3), seed, np.uint8), name),
        descriptor,
        [
            by_hand.layer_features(
                source="network",
                layer=f"block_{index}",
                features=rng.standard_normal(shape).astype(np.float32),
                y=(np.arange(shape[1]) + 0.5) * 120 / shape[1] - 0.5,
                x=(np.arange(shape[2]) + 0.5) * 180 / shape[2] - 0.5,
                model="a/model",
                revision="",
                settings={"timestep": 100},
                components=16 if index else None,
                weight=0.5,
            )
            for index, shape in enumerate(shapes)
        ],
    )
    tree.attrs["created"] = "2026-01-02T03:04:05+00:00"
    return tree


def contents(tree, *, values=True):
    """All that a tree holds, in order, with the types of attributes and the bits of arrays."""

    def attributes(attrs):
        return [(key, type(value), repr(value)) for key, value in attrs.items()]

    return [
        (
            node.path,
            attributes(node.attrs),
            {
                name: (
                    variable.dims,
                    variable.dtype,
                    variable.shape,
                    variable.values.tobytes() if values or name != "features" else None,
                    attributes(variable.attrs),
                )
                for name, variable in node.dataset.variables.items()
            },
        )
        for node in tree.subtree
    ]


@settings(max_examples=30, deadline=None)
@given(tree=trees())
def test_any_tree_comes_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("files") / "tree.nc"
    before = contents(tree)
    save_features(tree, path, lossless=True)
    assert contents(load_features(path)) == before
    save_features(tree, path)
    loaded = load_features(path)
    assert contents(loaded, values=False) == contents(tree, values=False)
    assert contents(tree) == before
    for source, group in tree.children.items():
        for layer, node in group.children.items():
            given = node["features"].values.astype(np.float64)
            kept = loaded[source][layer]["features"].values.astype(np.float64)
            # Half of the last of 10 bits; below the smallest normal number bits are absolute.
            bound = 2.0**-11 * np.maximum(np.abs(given), 2.0**-126)
            assert (np.abs(kept - given) <= bound).all()


def test_rounding_reaches_its_bound_and_no_further(tmp_path):
    tree = small_tree(shapes=((4, 1, 1),))
    features = tree["network/block_0/features"]
    # Exact in 10 bits; halfway between two of them; just off halfway.
    features.values[:, 0, 0] = [1 + 2.0**-10, 1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-20, -3.0]
    save_features(tree, tmp_path / "tree.nc")
    kept = load_features(tmp_path / "tree.nc")["network/block_0/features"].values[:, 0, 0]
    assert kept[0] == 1 + 2.0**-10
    assert kept[1] in (1.0, 1 + 2.0**-10)
    assert kept[2] == 1 + 2.0**-10
    assert kept[3] == -3.0


def test_values_that_would_round_to_infinity_are_kept(tmp_path):
    tree = small_tree(shapes=((2, 1, 1),))
    tree["network/block_0/features"].values[:, 0, 0] = [LARGEST, -LARGEST]
    save_features(tree, tmp_path / "tree.nc")
    assert contents(load_features(tmp_path / "tree.nc")) == contents(tree)
    assert read_feature_info(tmp_path / "tree.nc").layers[0].rounded_bits is None


def test_without_zstd_files_are_written_with_zlib(tmp_path, monkeypatch):
    monkeypatch.setattr(netCDF4.Dataset, "has_zstd_filter", lambda self: False)
    save_features(small_tree(), tmp_path / "tree.nc", lossless=True)
    assert contents(load_features(tmp_path / "tree.nc")) == contents(small_tree())
    with netCDF4.Dataset(tmp_path / "tree.nc") as file:
        filters = file["network/block_0/features"].filters()
    assert filters["zlib"]
    assert not filters["zstd"]


def test_other_programs_read_the_file(tmp_path):
    save_features(small_tree(), tmp_path / "tree.nc")
    with xr.open_datatree(tmp_path / "tree.nc", engine="netcdf4") as opened:
        assert opened["network/block_1/features"].equals(
            load_features(tmp_path / "tree.nc")["network/block_1/features"]
        )
    with netCDF4.Dataset(tmp_path / "tree.nc") as file:
        features = file["network/block_1/features"]
        filters = features.filters()
        assert filters["zstd"]
        assert filters["fletcher32"]
        assert filters["complevel"] == 1
        for name in ("features", "y", "x"):
            assert "_FillValue" not in file["network/block_1"][name].ncattrs()
        assert "components" not in file["network/block_0"].ncattrs()


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_are_text_or_path(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = kind("a b#c?mode=ä.nc")
    save_features(small_tree(), path, lossless=True)
    assert contents(load_features(path)) == contents(small_tree())
    assert os.listdir(tmp_path) == ["a b#c?mode=ä.nc"]


def test_the_loaded_tree_is_in_memory_and_can_be_written_to(tmp_path):
    save_features(small_tree(), tmp_path / "tree.nc", lossless=True)
    tree = load_features(tmp_path / "tree.nc")
    (tmp_path / "tree.nc").unlink()
    tree["network/block_0/features"].values[:] += 1
    assert np.isfinite(tree["network/block_0/features"].values).all()


def test_a_part_of_a_larger_tree_can_be_saved(tmp_path):
    whole = xr.DataTree.from_dict({"/images": small_tree()})
    save_features(whole["images"], tmp_path / "tree.nc", lossless=True)
    assert contents(load_features(tmp_path / "tree.nc")) == contents(small_tree())


def test_the_order_of_many_layers_survives(tmp_path):
    tree = small_tree(shapes=((1, 1, 1),) * 12)
    order = list(tree["network"].children)[::-1]
    tree = xr.DataTree.from_dict(
        {"/": tree.dataset}
        | {f"/network/{name}": tree[f"network/{name}"].dataset for name in order}
    )
    save_features(tree, tmp_path / "tree.nc")
    assert list(load_features(tmp_path / "tree.nc")["network"].children) == order
    assert [layer.path for layer in read_feature_info(tmp_path / "tree.nc").layers] == [
        f"network/{name}" for name in order
    ]


@pytest.mark.parametrize("lossless", [False, True])
def test_info_tells_what_the_file_holds(tmp_path, lossless):
    tree = small_tree()
    path = tmp_path / "tree.nc"
    save_features(tree, path, lossless=lossless)
    info = read_feature_info(path)
    assert info.size == path.stat().st_size
    assert info.attributes == tree.attrs
    assert [layer.path for layer in info.layers] == ["network/block_0", "network/block_1"]
    assert [layer.shape for layer in info.layers] == [(40, 6, 9), (24, 12, 18)]
    assert {layer.dtype for layer in info.layers} == {"float32"}
    assert {layer.rounded_bits for layer in info.layers} == {None if lossless else 10}
    assert info.layers[1].attributes == tree["network/block_1"].attrs


def refusal(path):
    """The message of the error that every way of reading a file gives."""
    with pytest.raises(FeatureFileError) as loading:
        load_features(path)
    with pytest.raises(FeatureFileError) as asking:
        read_feature_info(path)
    assert str(loading.value) == str(asking.value)
    assert loading.value.message.startswith(f"{path}: ")
    assert "\n" not in str(loading.value)
    return str(loading.value)


def test_a_missing_file(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "tree.nc")
    assert "descr extract" in refusal(tmp_path / "tree.nc")


def test_a_directory(tmp_path):
    assert "is a directory" in refusal(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "tree.nc")
    assert "not a regular file" in refusal(tmp_path / "tree.nc")


@pytest.mark.parametrize("name", ["n" * 300, "a\0b"])
def test_an_impossible_name(tmp_path, name):
    assert "can't be read" in refusal(f"{tmp_path}/{name}")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "tree.nc").write_bytes(b"secret")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    assert "can't be read: Permission denied" in refusal(tmp_path / "tree.nc")


def test_an_empty_file(tmp_path):
    (tmp_path / "tree.nc").touch()
    assert "is empty" in refusal(tmp_path / "tree.nc")


@pytest.mark.parametrize(
    "data", [b"some text\n", b"\xff\xd8\xff\xe0\0\x10JFIF", b"\x89PNG\r\n\x1a\n", b"\x89HDF", b"\0"]
)
def test_a_file_of_another_kind(tmp_path, data):
    (tmp_path / "tree.nc").write_bytes(data)
    assert "is not a feature file" in refusal(tmp_path / "tree.nc")


def test_netcdf_3_is_named(tmp_path):
    with netCDF4.Dataset(tmp_path / "tree.nc", "w", format="NETCDF3_CLASSIC"):
        pass
    assert "NetCDF-3" in refusal(tmp_path / "tree.nc")


def test_netcdf_4_of_other_contents(tmp_path):
    xr.Dataset({"features": ("x", [1.0])}).to_netcdf(tmp_path / "tree.nc")
    assert "is not a feature file: it has no attribute descr_schema" in refusal(
        tmp_path / "tree.nc"
    )


@pytest.mark.parametrize("schema", [0, 2, 10**12, "1", [1, 2]])
def test_another_schema_is_told_before_anything_else(tmp_path, schema):
    with netCDF4.Dataset(tmp_path / "tree.nc", "w") as file:
        file.setncattr("descr_schema", schema)
        file.setncattr("descr_version", "9.9")
        # Nothing that schema 1 could read.
        file.createGroup("a/b").createVariable("features", str, ())
    message = refusal(tmp_path / "tree.nc")
    assert f"has schema {schema!r}, and this version of descr reads schema 1" in message
    assert "9.9" in message


def test_a_sealed_file_of_another_schema(tmp_path, monkeypatch):
    monkeypatch.setattr("descr.descriptors.features.tree.SCHEMA", 2)
    second = replace(files.FEATURES, schema=files.FEATURES.schema._replace(number=2))
    monkeypatch.setattr(files, "FEATURES", second)
    tree = small_tree()
    tree.attrs["descr_schema"] = 2
    save_features(tree, tmp_path / "tree.nc")
    monkeypatch.undo()
    assert "has schema 2" in refusal(tmp_path / "tree.nc")


def test_an_invalid_tree_is_not_written(tmp_path):
    tree = small_tree()
    tree["network/block_0/features"].values[0, 0, 0] = np.nan
    with pytest.raises(InvalidFeaturesError, match="block_0"):
        save_features(tree, tmp_path / "tree.nc")
    with pytest.raises(InvalidFeaturesError):
        save_features(tree["network/block_0"].to_dataset(), tmp_path / "tree.nc")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("change", ["descriptor", "y"])
def test_what_does_not_come_back_from_netcdf_is_not_written(tmp_path, monkeypatch, change):
    write = netcdf.write_groups

    def write_wrongly(path, groups, **options):
        root, source, layer, *rest = groups
        if change == "y":
            y = replace(layer.arrays["y"], values=layer.arrays["y"].values + 1e-9)
            layer = replace(layer, arrays={**layer.arrays, "y": y})
        else:
            root = replace(root, attributes={**root.attributes, change: "Other()"})
        write(path, [root, source, layer, *rest], **options)

    monkeypatch.setattr(netcdf, "write_groups", write_wrongly)
    with pytest.raises(InvalidFeaturesError, match=r"tree\.nc"):
        save_features(small_tree(), tmp_path / "tree.nc")
    assert os.listdir(tmp_path) == []


def test_an_output_that_can_not_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "tree.nc"):
        with pytest.raises(OutputError, match=str(tmp_path)):
            save_features(small_tree(), path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt, RuntimeError("NetCDF: HDF error"), MemoryError]
)
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path, monkeypatch, failure):
    path = tmp_path / "tree.nc"
    save_features(small_tree(1), path, lossless=True)

    def fail(target, groups, **options):
        Path(target).write_bytes(b"half")
        raise failure

    monkeypatch.setattr(netcdf, "write_groups", fail)
    with pytest.raises(OutputError if isinstance(failure, RuntimeError) else failure):
        save_features(small_tree(2), path)
    assert contents(load_features(path)) == contents(small_tree(1))
    assert os.listdir(tmp_path) == ["tree.nc"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "tree.nc"
    save_features(small_tree(1), path, lossless=True)
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            with pytest.raises(
                OutputError,
                match=r"tree\.nc: .* the file would be larger than is allowed .*room",
            ):
                save_features(small_tree(2), path, lossless=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(load_features(path)) == contents(small_tree(1))
    assert os.listdir(tmp_path) == ["tree.nc"]


KILLED = """
import os, random, signal, sys, time
from descr.descriptors.store import load_features, save_features
target, *sources = sys.argv[1:]
trees = [load_features(source) for source in sources]
rng = random.Random(0)
for _ in range(12):
    child = os.fork()
    if not child:
        while True:
            for tree in trees:
                save_features(tree, target, lossless=True)
    while not os.path.exists(target):
        time.sleep(0.01)
    time.sleep(rng.uniform(0.0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = load_features(target)
    assert any(found.identical(tree) for tree in trees)
save_features(trees[0], target, lossless=True)
assert load_features(target).identical(trees[0])
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    for seed in (1, 2):
        save_features(small_tree(seed), tmp_path / f"{seed}.nc", lossless=True)
    target = tmp_path / "out" / "tree.nc"
    target.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, target, tmp_path / "1.nc", tmp_path / "2.nc"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # What the killed writers left is hidden and in nobody's way.
    assert [name for name in os.listdir(target.parent) if name[0] != "."] == ["tree.nc"]


def test_threads_that_save_and_load_the_same_path_never_mix(tmp_path):
    path = tmp_path / "tree.nc"
    trees = [small_tree(seed) for seed in range(3)]
    wanted = [contents(tree) for tree in trees]
    save_features(trees[0], path, lossless=True)
    wrong = []

    def work(tree):
        for _ in range(5):
            save_features(tree, path, lossless=True)
            if contents(load_features(path)) not in wanted:
                wrong.append(tree)

    threads = [threading.Thread(target=work, args=(tree,)) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert os.listdir(tmp_path) == ["tree.nc"]
