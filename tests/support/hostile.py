"""Feature files that somebody has made to do harm, each with what it plainly contains."""

import hashlib
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from descr.descriptors.store import seal
from numcodecs.checksum32 import JenkinsLookup3
from numcodecs.zstd import compress

CRAFTS: dict[str, Callable[[h5py.File, Path], None]] = {}
"""By name: what is done to a good feature file, with a file that it must not read beside it."""

LAYER = "network/fine"
SECRET = np.full(4096, 1234.5, np.float32)
_MARKS = rb"\x89HDF|OHDR|OCHK|FRHP|FHDB|FHIB|BTHD|BTLF|BTIN"


def craft(function):
    CRAFTS[function.__name__] = function
    return function


def replaced(file, name, shape=(24, 8, 8), dtype="f4", *, scales=("channel", "y", "x"), **options):
    """A new dataset in the place of `features`, `y` or `x`, with the same attributes and scales."""
    old = file[LAYER][name]
    attributes = {key: old.attrs[key] for key in old.attrs if not key.startswith(("DIM", "_N"))}
    del file[LAYER][name]
    new = file[LAYER].create_dataset(name, shape, dtype, **options)
    for key in set(attributes) - {"REFERENCE_LIST", "CLASS", "NAME"}:
        new.attrs[key] = attributes[key]
    if name == "features":
        for number, dimension in enumerate(scales[: len(shape)]):
            new.dims[number].attach_scale(file[LAYER][dimension])
    return new


@craft
def external_storage(file, secret):
    replaced(file, "features", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


@craft
def external_pipe(file, secret):
    replaced(file, "features", external=[(str(secret.with_name("pipe")), 0, h5py.h5f.UNLIMITED)])


@craft
def external_device(file, secret):
    replaced(file, "features", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])


@craft
def external_coordinates(file, secret):
    replaced(file, "y", (8,), "f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


@craft
def virtual_dataset(file, secret):
    layout = h5py.VirtualLayout((24, 8, 8), "f4")
    layout[...] = h5py.VirtualSource(str(secret.with_suffix(".nc")), "data", (24, 8, 8))
    del file[LAYER]["features"]
    file[LAYER].create_virtual_dataset("features", layout)


@craft
def virtual_dataset_of_its_own(file, secret):
    layout = h5py.VirtualLayout((24, 8, 8), "f4")
    layout[...] = h5py.VirtualSource(".", f"{LAYER}/features", (24, 8, 8))
    del file[LAYER]["features"]
    file[LAYER].create_virtual_dataset("features", layout)


@craft
def external_link_to_features(file, secret):
    del file[LAYER]["features"]
    file[LAYER]["features"] = h5py.ExternalLink(str(secret.with_suffix(".nc")), "data")


@craft
def external_link_to_a_pipe(file, secret):
    del file["network"]
    file["network"] = h5py.ExternalLink(str(secret.with_name("pipe")), "/")


@craft
def external_link_to_a_layer(file, secret):
    file["network"]["other"] = h5py.ExternalLink(str(secret.with_suffix(".nc")), "/")


@craft
def soft_link_that_dangles(file, secret):
    file["network"]["other"] = h5py.SoftLink("/nowhere")


@craft
def soft_link_round_in_circles(file, secret):
    file["network"]["other"] = h5py.SoftLink("/network/other")


@craft
def soft_link_to_features(file, secret):
    del file[LAYER]["features"]
    file[LAYER]["features"] = h5py.SoftLink(f"/{LAYER}/y")


@craft
def cycle_of_groups(file, secret):
    file["network"]["again"] = file["/"]
    file["network"]["self"] = file["network"]
    file["again"] = file["/"]


@craft
def layer_that_is_its_source(file, secret):
    file["other"] = file["/"]


@craft
def many_layers_of_one(file, secret):
    for number in range(3000):
        file["network"][f"layer{number}"] = file[LAYER]


@craft
def many_groups(file, secret):
    for number in range(20_000):
        file["network"].create_group(f"layer{number}")


@craft
def quantized_to_many_bits(file, secret):
    name = "_QuantizeBitRoundNumberOfSignificantBits"
    file[LAYER]["features"].attrs[name] = np.full(4096, 0x41414141, np.int32)


@craft
def quantized_to_no_bits(file, secret):
    name = "_QuantizeBitRoundNumberOfSignificantBits"
    file[LAYER]["features"].attrs[name] = np.zeros(0, np.int32)


@craft
def quantized_to_text(file, secret):
    file[LAYER]["features"].attrs["_QuantizeBitRoundNumberOfSignificantBits"] = "many"


@craft
def dimension_of_many_numbers(file, secret):
    for name in ("channel", "y", "x"):
        file[LAYER][name].attrs["_Netcdf4Dimid"] = np.full(4096, 0x41414141, np.int32)


@craft
def coordinates_of_many_numbers(file, secret):
    file[LAYER]["features"].attrs["_Netcdf4Coordinates"] = np.full(4096, 0x41414141, np.int32)


@craft
def huge_shape(file, secret):
    replaced(file, "features", (20_000, 20_000, 20_000), chunks=(1, 100, 100))


@craft
def huge_contiguous_shape(file, secret):
    replaced(file, "features", (20_000, 20_000, 20_000))


@craft
def overflowing_shape(file, secret):
    replaced(file, "features", (2**31, 2**31, 8), chunks=(1, 8, 8))


@craft
def huge_chunk(file, secret):
    replaced(file, "features", chunks=(1000, 1000, 900), maxshape=(None, None, None))


@craft
def huge_coordinates(file, secret):
    replaced(file, "y", (2_000_000_000,), "f8", chunks=(1000,))


@craft
def inflating_chunk(file, secret):
    new = replaced(file, "features", chunks=(24, 8, 8), compression="gzip")
    new.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(1 << 30), 1))


def _zstd(file, data):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((24, 8, 8))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    old = file[LAYER]["features"]
    del file[LAYER]["features"]
    space = h5py.h5s.create_simple((24, 8, 8))
    new = h5py.h5d.create(file[LAYER].id, b"features", h5py.h5t.NATIVE_FLOAT, space, properties)
    del old
    new.write_direct_chunk((0, 0, 0), data)


@craft
def inflating_zstd_chunk(file, secret):
    _zstd(file, compress(bytes(1 << 30)))


@craft
def zstd_chunk_that_lies(file, secret):
    data = bytearray(compress(np.zeros(24 * 8 * 8, np.float32).tobytes()))
    data[5:9] = (2**32 - 1).to_bytes(4, "little")
    _zstd(file, bytes(data))


@craft
def unknown_filter(file, secret):
    replaced(file, "features", chunks=(24, 8, 8), compression="lzf")[...] = 1


@craft
def chunk_that_is_no_stream(file, secret):
    new = replaced(file, "features", chunks=(24, 8, 8), compression="gzip")
    new.id.write_direct_chunk((0, 0, 0), b"no stream of zlib")


@craft
def chunk_of_one_byte(file, secret):
    new = replaced(file, "features", chunks=(24, 8, 8), compression="gzip")
    new.id.write_direct_chunk((0, 0, 0), b"\0")


@craft
def chunks_that_lack(file, secret):
    replaced(file, "features", chunks=(1, 8, 8))[3] = 1


@craft
def never_written(file, secret):
    replaced(file, "features")


@craft
def attribute_of_megabytes(file, secret):
    file.attrs.create("long", np.zeros(1 << 22, np.int8))


@craft
def text_of_megabytes(file, secret):
    file.attrs["long"] = "a" * (1 << 24)


@craft
def compound_attribute(file, secret):
    file.attrs["odd"] = np.zeros(2, [("a", "f4"), ("b", "i8")])


@craft
def reference_attribute(file, secret):
    file.attrs["odd"] = file.ref


@craft
def list_of_texts(file, secret):
    file.attrs["descriptor"] = ["a", "b"]


@craft
def text_that_is_no_utf8(file, secret):
    file.attrs["descriptor"] = np.bytes_(b"\xff\xfe\x80")


@craft
def empty_attribute(file, secret):
    file.attrs["image_height"] = h5py.Empty("i8")


@craft
def nested_settings(file, secret):
    file[LAYER].attrs["settings"] = "[" * 30_000 + "]" * 30_000


@craft
def settings_of_digits(file, secret):
    file[LAYER].attrs["settings"] = '{"a": ' + "9" * 60_000 + "}"


@craft
def huge_image(file, secret):
    file.attrs["image_height"] = 2**62


@craft
def negative_image(file, secret):
    file.attrs["image_height"] = -5


@craft
def schema_of_many(file, secret):
    file.attrs["descr_schema"] = [1, 1]


@craft
def schema_of_infinity(file, secret):
    file.attrs["descr_schema"] = np.inf


@craft
def many_components(file, secret):
    file[LAYER].attrs["components"] = 2**62


@craft
def names_of_controls(file, secret):
    file["network"].move("fine", "fi\x1b[2Jne")
    file.attrs["image_name"] = "\x1b]0;title\x07\x1b[31m\u202ecat.jpg"


@craft
def dimensions_that_are_one(file, secret):
    replaced(file, "features", (8, 8, 8), scales=("y",) * 3)[...] = 1


@craft
def dimensions_without_names(file, secret):
    replaced(file, "features", scales=())[...] = 1


@craft
def complex_features(file, secret):
    replaced(file, "features", dtype="c8")[...] = 1


@craft
def half_features(file, secret):
    replaced(file, "features", dtype="f2")[...] = 1


@craft
def text_features(file, secret):
    replaced(file, "features", dtype=h5py.string_dtype())[...] = "a"


@craft
def features_that_are_a_group(file, secret):
    del file[LAYER]["features"]
    file[LAYER].create_group("features")


@craft
def scalar_features(file, secret):
    replaced(file, "features", ())[...] = 1


@craft
def features_of_nothing(file, secret):
    del file[LAYER]["features"]
    file[LAYER]["features"] = h5py.Empty("f4")


@craft
def scale_of_another_size(file, secret):
    replaced(file, "y", (5,), "f8")[...] = np.arange(5)


def craft_file(path: Path, name: str, secret: Path) -> None:
    """Do to a good file what this name stands for, and seal it as another user would."""
    with h5py.File(path, "r+") as file:
        CRAFTS[name](file, secret)
    path.write_bytes(sealed_anew(path.read_bytes()))


def sealed_anew(data: bytes) -> bytes:
    """A file with a seal that is right, and the mark of another user."""
    data += seal.MARK + hashlib.sha256(b"another").digest()
    return data + seal.MAGIC + hashlib.sha256(data).digest()


def checksummed(data: bytes) -> list[tuple[int, int]]:
    """Where HDF5 keeps checksums of its own metadata: each span, and its checksum after it."""
    return [
        (place, end)
        for place in (match.start() for match in re.finditer(_MARKS, data))
        for end in range(place + 4, min(place + 2048, len(data) - 4))
        if _checksum(data[place:end]) == data[end : end + 4]
    ]


def mended(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """The data with its checksums right again."""
    whole = bytearray(data)
    for start, end in spans:
        whole[end : end + 4] = _checksum(bytes(whole[start:end]))
    return bytes(whole)


def _checksum(data: bytes) -> bytes:
    return bytes(JenkinsLookup3(prefix=None).encode(data)[-4:])
