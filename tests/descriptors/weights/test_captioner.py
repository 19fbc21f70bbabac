import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from descr.descriptors.errors import DescrError, OutputError, WeightsNotFoundError
from descr.descriptors.weights import convert, find_weights
from descr.descriptors.weights.cache import captioner_folder
from safetensors import safe_open
from safetensors.torch import load_file
from support.captioner import FOLDER, PREFIX, tensors, write_checkpoint


class Code:
    """What a malicious pickle holds: a call."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def checkpoint(tmp_path: Path, cache: Path) -> Path:
    return write_checkpoint(tmp_path / "authors.pth")


def refused(path: Path, *words: str) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        convert(path)
    assert "\n" not in str(caught.value)
    assert caught.value.message.startswith(f"{path}: ")
    for word in words:
        assert word in str(caught.value)
    assert not captioner_folder("odise").exists()


def test_the_tensors_go_where_the_name_finds_them(checkpoint: Path) -> None:
    path = convert(checkpoint)
    assert path == captioner_folder("odise") / "captioner.safetensors"
    converted = load_file(path)
    assert converted.keys() == tensors().keys()
    assert all(converted[name].equal(tensor) for name, tensor in tensors().items())
    with safe_open(path, framework="pt") as file:
        source = file.metadata()["source"]
    for word in ("odise_label_coco_50e-b67d2efc.pth", "NVlabs/ODISE", "non-commercial"):
        assert word in source
    assert [one.name for one in path.parent.iterdir()] == ["captioner.safetensors"]


def test_a_conversion_gives_the_same_bytes_each_time(checkpoint: Path, tmp_path: Path) -> None:
    paths = [convert(checkpoint, tmp_path / str(n)) for n in range(6)]
    assert len({path.read_bytes() for path in paths}) == 1


@pytest.mark.parametrize(
    "form",
    [{"key": None}, {"_use_new_zipfile_serialization": False}, {"changes": {"other": None}}],
    ids=["top", "older", "nested"],
)
def test_other_forms_of_a_checkpoint(tmp_path: Path, cache: Path, form: dict[str, object]) -> None:
    path = write_checkpoint(tmp_path / "authors.pth", **form)  # type: ignore[arg-type]
    assert load_file(convert(path)).keys() == tensors().keys()


def test_half_precision_is_written_in_full(tmp_path: Path, cache: Path) -> None:
    halves = {name: tensor.half() for name, tensor in tensors().items()}
    converted = load_file(convert(write_checkpoint(tmp_path / "half.pth", halves)))
    assert {tensor.dtype for tensor in converted.values()} == {torch.float32}


def test_a_folder_of_ones_own(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    assert convert(checkpoint, folder) == folder / "captioner.safetensors"
    (folder / "image_encoder").symlink_to(FOLDER / "image_encoder")
    assert find_weights(folder, "captioner").family == "captioner"
    assert not captioner_folder("odise").exists()


@pytest.mark.parametrize("name", tensors())
def test_a_tensor_that_is_missing_is_named(tmp_path: Path, cache: Path, name: str) -> None:
    for value in (None, "text", torch.ones(3, dtype=torch.int64)):
        path = write_checkpoint(tmp_path / "lacking.pth", {name: value})
        refused(path, f"lacks {name} (below {PREFIX[:-1]})", "NVlabs/ODISE")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("clip_project.linear.weight", (16,)),
        ("clip_project.linear.bias", (17,)),
        ("clip_project.positional_embedding", (77, 16)),
        ("alpha_cond", (1, 76, 16)),
        ("time_embed_project.linear.weight", (32, 25)),
        ("time_embed_project.positional_embedding", (1, 2, 32)),
        ("alpha_cond_time_embed", (31,)),
    ],
)
def test_a_shape_that_does_not_fit_is_named(
    tmp_path: Path, cache: Path, name: str, shape: tuple[int, ...]
) -> None:
    path = write_checkpoint(tmp_path / "odd.pth", {name: torch.zeros(shape)})
    refused(path, f"{name} has the shape {' x '.join(map(str, shape))}")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(
    tmp_path: Path, cache: Path, number: float
) -> None:
    alpha = tensors()["alpha_cond"]
    alpha[0, 3, 1] = number
    path = write_checkpoint(tmp_path / "nan.pth", {"alpha_cond": alpha})
    refused(path, "alpha_cond holds numbers that are not finite")


@pytest.mark.parametrize("older", [True, False])
def test_tensors_hold_no_more_than_the_file(tmp_path: Path, cache: Path, older: bool) -> None:
    # Strides of 0: sizes that fit each other, and a terabyte of one number.
    width, one = 500_000, torch.zeros(1)
    shapes = {
        name: [width if n in (16, 24, 32) else n for n in tensor.shape]
        for name, tensor in tensors().items()
    }
    assert shapes["clip_project.linear.weight"] == [width, width]
    path = tmp_path / "wide.pth"
    wide = {name: one.expand(shape) for name, shape in shapes.items()}
    write_checkpoint(path, wide, _use_new_zipfile_serialization=not older)
    refused(path, "clip_project.linear.weight is larger than the file")


def test_a_checkpoint_is_not_unpacked(checkpoint: Path) -> None:
    with zipfile.ZipFile(checkpoint) as entries:
        contents = {one.filename: entries.read(one) for one in entries.infolist()}
    with zipfile.ZipFile(checkpoint, "w", zipfile.ZIP_DEFLATED) as entries:
        for name, content in contents.items():
            entries.writestr(name, content)
    refused(checkpoint, "is not a checkpoint of torch")


@pytest.mark.parametrize("older", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, cache: Path, older: bool) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "malicious.pth"
    state = {PREFIX + name: tensor for name, tensor in tensors().items()}
    content = {"model": state, "extra": Code(trap)}
    torch.save(content, path, _use_new_zipfile_serialization=not older)
    refused(path, "would run code")
    assert not trap.exists()


def test_what_only_code_can_read_is_refused(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "numpy.pth"
    torch.save({"model": {}, "score": np.float64(1)}, path)
    refused(path, "would run code", "torch.save")


@pytest.mark.parametrize("content", [b"", b"a text", b"PK\x03\x04" + bytes(300)])
def test_a_file_of_another_kind(tmp_path: Path, cache: Path, content: bytes) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    refused(path, "is not a checkpoint of torch")


def test_a_checkpoint_that_is_cut_short(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    refused(checkpoint, "cut short")


def test_a_checkpoint_of_something_else(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "list.pth"
    for content in ([1, 2], {"model": [1]}, torch.ones(2), {"model": {"a": torch.ones(2)}}):
        torch.save(content, path)
        refused(path, "lacks clip_project.linear.weight")


def test_a_path_without_a_file(tmp_path: Path, cache: Path) -> None:
    refused(tmp_path / "nowhere.pth", "no such file")
    refused(tmp_path, "Is a directory")


def test_what_is_there_is_kept(checkpoint: Path, tmp_path: Path) -> None:
    path = convert(checkpoint)
    content = path.read_bytes()
    assert convert(checkpoint) == path
    other = write_checkpoint(tmp_path / "other.pth", {"alpha_cond": torch.ones(1, 77, 16)})
    with pytest.raises(OutputError, match="--overwrite"):
        convert(other)
    assert path.read_bytes() == content
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    convert(other, overwrite=True)
    assert load_file(path)["alpha_cond"].equal(torch.ones(1, 77, 16))


def test_a_place_that_can_not_be_written(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DescrError, match="can't be made"):
        convert(checkpoint, tmp_path / "file" / "folder")
