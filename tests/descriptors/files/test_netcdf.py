import io
import json

import netCDF4
import numpy as np
import pytest
from descr.descriptors.files.netcdf import (
    CHUNK_BYTES,
    Array,
    Group,
    UnreadableError,
    dump_groups,
    parse_groups,
    read_groups,
    write_groups,
)


def layer_group(shape=(3, 2, 2), path="/network/fine"):
    rng = np.random.default_rng(0)
    return Group(
        path,
        {"text": "żółw", "empty": "", "integer": 1, "float": 1.0},
        {
            "features": Array(
                ("channel", "y", "x"), rng.standard_normal(shape).astype(np.float32), {"units": "1"}
            ),
            "y": Array(("y",), np.arange(shape[1]) * 1.5, {"units": "pixel"}),
            "x": Array(("x",), np.arange(shape[2]) * 1.5),
        },
    )


def described(groups):
    return [
        (
            group.path,
            [(name, type(value), value) for name, value in group.attributes.items()],
            [
                (
                    name,
                    array.dimensions,
                    array.values.dtype,
                    array.values.shape,
                    array.values.tobytes(),
                    dict(array.attributes),
                    array.rounded_bits,
                    array.is_outline,
                )
                for name, array in group.arrays.items()
            ],
        )
        for group in groups
    ]


@pytest.fixture
def groups():
    return [Group("/", {"descr_schema": 1}), Group("/network", {"a": "b"}), layer_group()]


def test_groups_come_back_from_a_file(tmp_path, groups):
    path = str(tmp_path / "a.nc")
    write_groups(path, groups, lossless=True)
    with netCDF4.Dataset(path) as file:
        assert described(read_groups(file, schema=1)) == described(groups)


def test_without_values_features_are_outlines(tmp_path, groups):
    path = str(tmp_path / "a.nc")
    write_groups(path, groups, lossless=False)
    with netCDF4.Dataset(path) as file:
        found = read_groups(file, schema=1, values=False)[2].arrays
    assert found["features"].is_outline
    assert found["features"].rounded_bits == 10
    assert found["features"].values.shape == (3, 2, 2)
    assert not found["y"].is_outline


def test_another_schema_gives_the_root_alone(tmp_path, groups):
    path = str(tmp_path / "a.nc")
    write_groups(path, groups, lossless=False)
    with netCDF4.Dataset(path) as file:
        assert described(read_groups(file, schema=2)) == described(groups[:1])


def test_the_limit_counts_all_layers(tmp_path, groups):
    path = str(tmp_path / "a.nc")
    write_groups(path, [*groups, layer_group(path="/network/other")], lossless=False)
    size = 2 * (3 * 2 * 2 * 4 + 2 * 2 * 8)
    with netCDF4.Dataset(path) as file:
        assert len(read_groups(file, schema=1, limit=size)) == 4
        with pytest.raises(UnreadableError, match="claims to hold"):
            read_groups(file, schema=1, limit=size - 1)


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((3, 2, 2), (3, 2, 2)),
        ((1280, 30, 30), (CHUNK_BYTES // 3600, 30, 30)),
        ((2, 600, 600), (1, 600, 600)),
    ],
)
def test_chunks_are_whole_rows_and_columns(tmp_path, shape, chunks):
    path = str(tmp_path / "a.nc")
    write_groups(path, [layer_group(shape)], lossless=False)
    with netCDF4.Dataset(path) as file:
        assert tuple(file["network/fine/features"].chunking()) == chunks


def test_every_array_has_checksums(tmp_path, groups):
    path = str(tmp_path / "a.nc")
    write_groups(path, groups, lossless=False)
    with netCDF4.Dataset(path) as file:
        for name in ("features", "y", "x"):
            assert file["network/fine"][name].filters()["fletcher32"]


def dumped(groups):
    stream = io.BytesIO()
    dump_groups(groups, stream)
    return stream.getvalue()


def test_groups_come_back_from_a_pipe(groups):
    outline = Array.outline(("channel", "y", "x"), (100, 10, 10), "f4", {"a": 1.0}, 10)
    groups.append(Group("/network/outline", {}, {"features": outline}))
    parsed = parse_groups(dumped(groups))
    assert described(parsed) == described(groups)
    assert parsed[2].arrays["features"].values.flags.writeable


def test_the_pipe_carries_little_endian_numbers(groups):
    swapped = Array(("y",), np.arange(3, dtype=">f8"))
    parsed = parse_groups(dumped([Group("/", {}, {"y": swapped})]))
    assert parsed[0].arrays["y"].values.dtype == np.dtype("<f8")
    np.testing.assert_array_equal(parsed[0].arrays["y"].values, [0, 1, 2])


def test_a_broken_pipe_is_a_value_error(groups):
    data = dumped(groups)
    for cut in [*range(40), len(data) // 2, len(data) - 1]:
        with pytest.raises(ValueError):  # noqa: PT011
            parse_groups(data[:cut])
    with pytest.raises(ValueError, match="left over"):
        parse_groups(data + b"\0")


def test_the_pipe_carries_no_objects():
    text = dumped([Group("/", {}, {"y": Array(("y",), np.arange(3.0))})])
    header = json.loads(text[8:-24])
    header[0]["arrays"]["y"]["dtype"] = "|O"
    packed = json.dumps(header).encode()
    with pytest.raises(ValueError, match=r"(?i)object"):
        parse_groups(len(packed).to_bytes(8, "little") + packed + text[-24:])
