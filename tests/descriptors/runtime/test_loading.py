import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from descr.descriptors.errors import WeightsNotFoundError
from descr.descriptors.runtime.loading import load_tensors, load_weights
from safetensors.torch import save_file

CPU = torch.device("cpu")


class Pair(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.second = torch.nn.Linear(4, 2, bias=False)
        self.register_buffer("count", torch.zeros(2, dtype=torch.int64))


def weights(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = {"first.weight": (4, 3), "first.bias": (4,), "second.weight": (2, 4)}
    output = {name: torch.randn(s, generator=generator).to(dtype) for name, s in shapes.items()}
    return {**output, "count": torch.tensor([1, 2])}


def empty():
    with torch.device("meta"):
        return Pair()


def load(files, dtype=torch.float32, **options):
    module = empty()
    load_weights(module, files, dtype=dtype, device=CPU, **options)
    return module


def test_weights_come_in_the_precision_asked_for(tmp_path):
    save_file(weights(), tmp_path / "a.safetensors")
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        module = load([tmp_path / "a.safetensors"], dtype)
        for name, weight in weights().items():
            if weight.is_floating_point():
                weight = weight.to(dtype)
            assert torch.equal(module.state_dict()[name], weight)
        assert not module.training
        assert not any(weight.requires_grad for weight in module.parameters())


@pytest.mark.skipif(sys.platform != "linux", reason="reads the maps of the process")
def test_weights_of_the_right_precision_are_the_map_of_the_file_itself(tmp_path):
    def mapped(module):
        lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
        spans = [
            [int(end, 16) for end in line[0].split("-")]
            for line in lines
            if line[-1].endswith("a.safetensors")
        ]
        return [
            any(start <= weight.data_ptr() < end for start, end in spans)
            for weight in module.state_dict().values()
            if weight.is_floating_point()
        ]

    save_file(weights(), tmp_path / "a.safetensors")
    assert mapped(load([tmp_path / "a.safetensors"])) == [True] * 3
    assert mapped(load([tmp_path / "a.safetensors"], torch.bfloat16)) == [False] * 3


def test_several_files_hold_one_module(tmp_path):
    named = weights()
    files = []
    for name, weight in named.items():
        files.append(tmp_path / f"{name}.safetensors")
        save_file({name: weight}, files[-1])
    module = load(files)
    assert all(torch.equal(module.state_dict()[name], weight) for name, weight in named.items())


def test_files_are_let_go_after_a_portion(tmp_path, monkeypatch):
    from descr.descriptors.runtime import loading

    monkeypatch.setattr(loading, "_PORTION", 20)
    save_file(weights(), tmp_path / "a.safetensors")
    module = load([tmp_path / "a.safetensors"], torch.bfloat16)
    assert torch.equal(module.first.weight, weights()["first.weight"].bfloat16())
    assert torch.equal(module.second.weight, weights()["second.weight"].bfloat16())


def test_names_of_older_files_are_translated(tmp_path):
    named = weights()
    named["layer.one.weight"] = named.pop("first.weight")
    named["layer.one.bias"] = named.pop("first.bias")
    save_file(named, tmp_path / "a.safetensors")
    module = load([tmp_path / "a.safetensors"], renames={"layer.one": ("first",)})
    assert torch.equal(module.first.weight, weights()["first.weight"])


def test_all_translations_that_apply_to_a_name_are_made_in_order(tmp_path):
    named = weights()
    named["block.0.kernel"] = named.pop("first.weight")
    save_file(named, tmp_path / "a.safetensors")
    renames = {"block.0": ("first",), "kernel": ("weight",), "second": ("third",)}
    module = load([tmp_path / "a.safetensors"], renames=renames)
    assert torch.equal(module.first.weight, weights()["first.weight"])
    assert torch.equal(module.second.weight, weights()["second.weight"])


def test_a_weight_that_became_several_is_cut(tmp_path):
    class Gated(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.up = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)

    joined = {"both.weight": torch.randn(8, 3), "both.bias": torch.randn(8)}
    path = tmp_path / "a.safetensors"

    def load_gated():
        with torch.device("meta"):
            module = Gated()
        renames = {"both": ("gate", "up")}
        load_weights(module, [path], dtype=torch.float32, device=CPU, renames=renames)
        return module

    save_file(joined, path)
    module = load_gated()
    assert torch.equal(module.gate.weight, joined["both.weight"][:4])
    assert torch.equal(module.up.bias, joined["both.bias"][4:])
    for shape in ((), (1,), (7,), (8, 1)):
        save_file({**joined, "both.bias": torch.zeros(shape)}, path)
        with pytest.raises(WeightsNotFoundError, match=r"both\.bias has the shape .*\(8,\)"):
            load_gated()


def test_weights_without_a_place_are_not_read(tmp_path):
    save_file({**weights(), "third.weight": torch.ones(5)}, tmp_path / "a.safetensors")
    assert "third.weight" not in load([tmp_path / "a.safetensors"]).state_dict()


def test_tensors_that_are_not_asked_for_are_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({**weights(), "\x1b\n": torch.zeros(3, dtype=torch.int8)}, path)
    assert load_tensors(path, ["first.bias"], device=CPU).keys() == {"first.bias"}


def test_missing_weights_are_named(tmp_path):
    named = weights()
    del named["first.bias"]
    save_file(named, tmp_path / "a.safetensors")
    with pytest.raises(
        WeightsNotFoundError, match=r"a\.safetensors: lacks 1 of the 4 .*first\.bias"
    ):
        load([tmp_path / "a.safetensors"])


def test_weights_of_another_shape_are_named(tmp_path):
    save_file({**weights(), "first.bias": torch.zeros(5)}, tmp_path / "a.safetensors")
    with pytest.raises(
        WeightsNotFoundError, match=r"a\.safetensors: first\.bias has the shape \(5,\).*\(4,\)"
    ):
        load([tmp_path / "a.safetensors"])


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "\x1b[31m\nF32"},
        {"shape": [1] * 10**5},
        {"shape": [10**4000]},
        {"data_offsets": [0, 0]},
    ],
)
def test_what_a_header_says_is_told_on_a_short_line(tmp_path, change):
    path = tmp_path / "a.safetensors"
    save_file(weights(), path)
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["first.bias"].update(change)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    with pytest.raises(WeightsNotFoundError) as caught:
        load([path])
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("damage", ["cut", "text", "gone"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "a.safetensors"
    save_file(weights(), path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "text":
        path.write_text("<html>not found</html>")
    else:
        path.unlink()
    with pytest.raises(WeightsNotFoundError, match=r"a\.safetensors: is "):
        load([path])


@pytest.mark.parametrize(
    "dtype", [torch.int8, torch.bool, torch.float8_e4m3fn, torch.complex64, torch.int64]
)
def test_weights_that_are_no_numbers_of_a_network_are_named(tmp_path, dtype):
    path = tmp_path / "a.safetensors"
    save_file({**weights(), "first.bias": torch.zeros(4).to(dtype)}, path)
    for read in (
        lambda: load([path]),
        lambda: load_tensors(path, ["first.weight", "first.bias"], device=CPU),
    ):
        with pytest.raises(WeightsNotFoundError, match=r"a\.safetensors: .* is stored as .*F32"):
            read()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_whole_numbers_stay_whole_numbers(tmp_path, dtype):
    path = tmp_path / "a.safetensors"
    save_file({**weights(), "count": torch.zeros(2, dtype=dtype)}, path)
    with pytest.raises(WeightsNotFoundError, match=r"count is stored as .*, not as I64"):
        load([path])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the status of the process")
def test_loading_takes_little_more_memory_than_the_weights_in_use(tmp_path):
    # 256 MiB in the file, 128 in use: neither is held twice, nor the file beside the weights.
    path = tmp_path / "a.safetensors"
    save_file({f"{index}.weight": torch.ones(1024, 1024) for index in range(64)}, path)
    code = f"""
from pathlib import Path
import safetensors
import torch
from descr.descriptors.runtime.loading import load_weights

def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

with torch.device("meta"):
    layers = [torch.nn.Linear(1024, 1024, bias=False) for _ in range(64)]
module = torch.nn.Sequential(*layers)
before = memory("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
load_weights(module, [Path({str(path)!r})], dtype=torch.bfloat16, device=torch.device("cpu"))
print(memory("VmHWM") - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert 120 < float(result.stdout) < 1.2 * 128
