import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from descr.descriptors.errors import OptionError, WeightsNotFoundError
from descr.descriptors.weights import MODELS, Checkpoint, Model, cached, find_weights
from descr.descriptors.weights.cache import cache_folder, captioner_folder
from descr.descriptors.weights.checkpoint import is_half
from safetensors.numpy import save
from safetensors.torch import load_file, save_file
from support.captioner import FOLDER
from support.hub import (
    clip_files,
    clipseg_files,
    dinov2_files,
    pipeline_files,
    shards,
    weights,
)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def snapshot(cache: Path, repository: str, commit: str) -> Path:
    return cache / ("models--" + repository.replace("/", "--")) / "snapshots" / commit


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may touch the network."""

    def connect(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def transformer(tmp_path: Path) -> Path:
    return write(tmp_path / "mine", dinov2_files())


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write(tmp_path / "painter", pipeline_files(half=False))


def refused(model: str | Path, family: str, *words: str) -> str:
    with pytest.raises(WeightsNotFoundError) as caught:
        find_weights(str(model), family)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    return text


@pytest.mark.parametrize(
    "model", [one for one in MODELS.values() if one.repositories], ids=lambda model: model.name
)
def test_missing_weights_come_with_the_command_that_gets_them(model: Model, cache: Path) -> None:
    name, family = model.name, model.family
    with pytest.raises(WeightsNotFoundError) as caught:
        find_weights(name, family)
    assert f"descr models pull {name}" in (caught.value.hint or "")
    assert "local folder" in (caught.value.hint or "")


def test_an_unknown_name_lists_the_known_ones_of_the_family(cache: Path) -> None:
    with pytest.raises(OptionError) as caught:
        find_weights("dinov2-basic", "dinov2")
    hint = caught.value.hint or ""
    assert "did you mean 'dinov2-base'?" in hint
    assert "dinov2-giant-registers" in hint
    assert "sd-1.5" not in hint
    assert "local folder" in hint


def test_a_model_of_another_family_is_refused(cache: Path) -> None:
    with pytest.raises(OptionError, match="unknown DINOv2 model"):
        find_weights("sd-1.5", "dinov2")


def test_a_repository_is_named_as_what_it_is(cache: Path) -> None:
    refused("runwayml/stable-diffusion-v1-5", "stable_diffusion", "descr models pull sd-1.5")


@pytest.mark.parametrize("name", ["./nowhere", "~/nowhere", "some/where", "../nowhere"])
def test_a_folder_that_is_not_there(name: str, cache: Path) -> None:
    refused(name, "dinov2", "no such folder", "dinov2-base")


def test_a_file_is_not_a_folder(transformer: Path) -> None:
    refused(transformer / "model.safetensors", "dinov2", "is a file")


def test_a_transformers_folder(transformer: Path) -> None:
    result = find_weights(str(transformer), "dinov2")
    assert result == Checkpoint(
        folder=transformer,
        name="local",
        family="dinov2",
        revision=result.revision,
        weights={"": (transformer / "model.safetensors",)},
    )
    assert not is_half(result.weights[""])


def test_a_pipeline_folder_without_an_index(pipeline: Path) -> None:
    (pipeline / "model_index.json").unlink()
    result = find_weights(str(pipeline), "stable_diffusion")
    assert result.name == "local"
    assert set(result.weights) == {"unet", "vae", "text_encoder"}


def test_a_folder_is_the_same_however_it_is_written(
    transformer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = find_weights(str(transformer), "dinov2")
    monkeypatch.chdir(transformer)
    monkeypatch.setenv("HOME", str(transformer.parent))
    for way in (".", f"..{'/'}mine", "~/mine", f"{transformer}/"):
        result = find_weights(way, "dinov2")
        assert (result.name, result.revision) == ("local", expected.revision)


def test_the_second_text_encoder_is_asked_for_by_the_config(tmp_path: Path) -> None:
    folder = write(tmp_path / "xl", pipeline_files(xl=True))
    assert "text_encoder_2" in find_weights(str(folder), "stable_diffusion").weights
    shutil.rmtree(folder / "text_encoder_2")
    refused(folder, "stable_diffusion", "text_encoder_2/config.json: is missing")


@pytest.mark.parametrize(
    "name",
    [
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
    ],
)
def test_a_missing_file_is_named(pipeline: Path, name: str) -> None:
    (pipeline / name).unlink()
    refused(pipeline, "stable_diffusion", f"{pipeline / name}: is missing")


def test_one_tokenizer_file_is_as_good_as_two(pipeline: Path) -> None:
    (pipeline / "tokenizer" / "vocab.json").unlink()
    (pipeline / "tokenizer" / "merges.txt").unlink()
    (pipeline / "tokenizer" / "tokenizer.json").write_text("{}")
    assert find_weights(str(pipeline), "stable_diffusion")


def test_pickles_are_refused_with_the_way_to_convert_them(
    transformer: Path, pipeline: Path
) -> None:
    (transformer / "model.safetensors").unlink()
    refused(transformer, "dinov2", "pytorch_model.bin", "only safetensors", "AutoModel")
    (pipeline / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    refused(
        pipeline,
        "stable_diffusion",
        "diffusion_pytorch_model.bin",
        "DiffusionPipeline.from_pretrained",
    )


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
def test_a_checkpoint_in_one_file_is_refused_with_the_way_to_convert_it(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(weights())
    refused(tmp_path, "stable_diffusion", name, "from_single_file")


def test_an_empty_folder_says_what_is_missing(tmp_path: Path) -> None:
    refused(tmp_path, "stable_diffusion", "unet", "is missing")
    refused(tmp_path, "dinov2", "config.json: is missing")


def test_a_folder_of_the_other_family_is_refused(transformer: Path, pipeline: Path) -> None:
    refused(transformer, "stable_diffusion", "transformers model, not Stable Diffusion")
    refused(pipeline, "dinov2", "diffusers pipeline, not DINOv2")


def test_a_transformers_folder_of_another_kind_is_refused(transformer: Path) -> None:
    (transformer / "config.json").write_text(json.dumps({"model_type": "bert"}))
    refused(transformer, "dinov2", "'bert'")


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_config_that_is_none(transformer: Path, text: str) -> None:
    (transformer / "config.json").write_text(text)
    refused(transformer, "dinov2", "config.json", "JSON")


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"\xff" * 64, weights()[:-1], weights() + b"x", b"\x02" + bytes(7) + b"[]"],
    ids=["empty", "short", "noise", "cut", "longer", "list"],
)
def test_damaged_weights_are_named(transformer: Path, content: bytes) -> None:
    (transformer / "model.safetensors").write_bytes(content)
    refused(transformer, "dinov2", "model.safetensors: is ", "get the file again")


def test_shards_are_found_by_their_index(transformer: Path) -> None:
    whole = transformer / "model.safetensors"
    content = whole.read_bytes()
    whole.unlink()
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    write(transformer, dict.fromkeys(names, content))
    index = transformer / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": names[1], "b": names[0], "c": names[1]}}))
    result = find_weights(str(transformer), "dinov2")
    assert result.weights == {"": tuple(transformer / name for name in names)}
    (transformer / names[1]).unlink()
    refused(transformer, "dinov2", f"{names[1]}: is missing")


def header(tensors: object, data: int = 8) -> bytes:
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


TENSOR = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        header({"a": {}}),
        header({"a": None}),
        header({"a": [0, 8]}),
        header({"a": {**TENSOR, "dtype": None}}),
        header({"a": {**TENSOR, "shape": None}}),
        header({"a": {**TENSOR, "shape": [-2]}}),
        header({"a": {**TENSOR, "shape": [[2]]}}),
        header({"a": {**TENSOR, "data_offsets": [0]}}),
        header({"a": {**TENSOR, "data_offsets": [0, 8.0]}}),
        header({"a": {**TENSOR, "data_offsets": [0, float("inf")]}}),
        header({"a": {**TENSOR, "data_offsets": [0, True]}}, 1),
        header({"a": {**TENSOR, "data_offsets": {"1": 8}}}),
        header(b"[" * 100_000),
        header(b'{"a\xff": 1}'),
        header(b"null"),
        header(b'{"a": ' + b"9" * 5000 + b"}"),
        (10**8).to_bytes(8, "little") + bytes(8),
    ],
)
def test_headers_that_are_none_are_named(transformer: Path, content: bytes) -> None:
    (transformer / "model.safetensors").write_bytes(content)
    refused(transformer, "dinov2", "model.safetensors: is not a safetensors file")


def test_a_header_is_read_up_to_a_bound(transformer: Path) -> None:
    # The format allows ten times as much; that of SDXL has 0.2 MB.
    with (transformer / "model.safetensors").open("wb") as file:
        file.write((99_000_000).to_bytes(8, "little"))
        file.truncate(100_000_000)
    refused(transformer, "dinov2", "model.safetensors: is not a safetensors file")


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_what_is_no_file_is_not_waited_for(transformer: Path, name: str, kind: str) -> None:
    (transformer / name).unlink()
    if kind == "pipe":
        os.mkfifo(transformer / name)
    else:
        (transformer / name).symlink_to("/dev/zero")
    refused(transformer, "dinov2", f"{name}: can't be read: is not a regular file")


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt", "special_tokens_map.json"])
def test_a_vocabulary_is_read_up_to_a_bound(pipeline: Path, name: str) -> None:
    with (pipeline / "tokenizer" / name).open("wb") as file:
        file.truncate(2**36)
    refused(pipeline, "stable_diffusion", f"{name}: is larger than 10 MB")


@pytest.mark.parametrize(
    "shard",
    [
        "../elsewhere.safetensors",
        "model.bin",
        "/etc/elsewhere.safetensors",
        "a/b.safetensors",
        ".safetensors/..",
        "\x1b[31m.safetensors",
        "a\0.safetensors",
        "x" * 10**5 + "/.safetensors",
    ],
)
def test_an_index_names_safetensors_beside_it_only(transformer: Path, shard: str) -> None:
    (transformer / "model.safetensors").unlink()
    index = transformer / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": shard}}))
    text = refused(transformer, "dinov2", "not a safetensors file beside it")
    assert text.isprintable()
    assert len(text) < 400


def test_a_shard_whose_name_is_too_long_is_no_crash(transformer: Path) -> None:
    (transformer / "model.safetensors").unlink()
    index = transformer / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "x" * 300 + ".safetensors"}}))
    refused(transformer, "dinov2", "can't be read")


def test_half_precision_goes_before_full_as_in_a_pull(tmp_path: Path) -> None:
    folder = write(tmp_path / "both", pipeline_files(half=True))
    result = find_weights(str(folder), "stable_diffusion")
    assert result.precision == "float16"
    assert result == find_weights(str(folder), "stable_diffusion", precision="float16")
    (folder / "vae" / "diffusion_pytorch_model.fp16.safetensors").unlink()
    result = find_weights(str(folder), "stable_diffusion")
    assert result.precision == "float16"
    assert [is_half(result.weights[part]) for part in ("unet", "vae")] == [True, False]


def test_full_precision_goes_first_if_it_is_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path / "both", pipeline_files())
    half = find_weights(str(folder), "stable_diffusion")
    full = find_weights(str(folder), "stable_diffusion", precision="float32")
    assert full.precision == "float32"
    assert not any(map(is_half, full.weights.values()))
    assert full.revision != half.revision
    for path in folder.rglob("*.safetensors"):
        if ".fp16." not in path.name:
            path.unlink()
    assert find_weights(str(folder), "stable_diffusion", precision="float32") == half
    with pytest.raises(OptionError, match="float16, float32"):
        find_weights(str(folder), "stable_diffusion", precision="half")


def test_the_precision_is_that_of_the_tensors_and_not_of_the_name(transformer: Path) -> None:
    assert find_weights(str(transformer), "dinov2").precision == "float32"
    (transformer / "model.safetensors").write_bytes(weights(half=True))
    assert find_weights(str(transformer), "dinov2").precision == "float16"
    numbers = {"a": torch.zeros(2, dtype=torch.bfloat16), "b": torch.zeros(2)}
    save_file(numbers, transformer / "model.safetensors")
    assert find_weights(str(transformer), "dinov2").precision == "bfloat16"


@pytest.mark.parametrize("half", [True, False])
def test_shards_of_a_variant_are_known_as_such(pipeline: Path, half: bool) -> None:
    (pipeline / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    write(pipeline, shards("unet/diffusion_pytorch_model", half=half))
    result = find_weights(str(pipeline), "stable_diffusion")
    assert len(result.weights["unet"]) == 2
    assert is_half(result.weights["unet"]) == half
    assert result.precision == ("float16" if half else "float32")


class TestFingerprint:
    def test_it_is_the_same_wherever_the_folder_lies(
        self, transformer: Path, tmp_path: Path
    ) -> None:
        copy = shutil.copytree(transformer, tmp_path / "copy")
        first, second = (find_weights(str(one), "dinov2") for one in (transformer, copy))
        assert first.revision == second.revision
        assert first.revision.startswith("local-")

    def test_files_that_are_not_used_do_not_count(self, transformer: Path) -> None:
        before = find_weights(str(transformer), "dinov2").revision
        (transformer / "README.md").write_text("another")
        (transformer / "pytorch_model.bin").unlink()
        assert find_weights(str(transformer), "dinov2").revision == before

    @pytest.mark.parametrize("size", [4, 2048])
    def test_other_weights_have_another(self, transformer: Path, size: int) -> None:
        seen = set()
        for seed in (0, 1):
            (transformer / "model.safetensors").write_bytes(weights(size, seed=seed))
            seen.add(find_weights(str(transformer), "dinov2").revision)
        assert len(seen) == 2

    def test_a_config_counts(self, pipeline: Path) -> None:
        before = find_weights(str(pipeline), "stable_diffusion").revision
        (pipeline / "scheduler" / "scheduler_config.json").write_text('{"beta_start": 0.1}')
        assert find_weights(str(pipeline), "stable_diffusion").revision != before

    def test_parts_that_change_places_count(self, pipeline: Path) -> None:
        before = find_weights(str(pipeline), "stable_diffusion").revision
        unet, vae = (pipeline / part / "config.json" for part in ("unet", "vae"))
        first, second = unet.read_bytes(), vae.read_bytes()
        unet.write_bytes(second)
        vae.write_bytes(first)
        assert find_weights(str(pipeline), "stable_diffusion").revision != before


class TestCaptioner:
    def test_a_folder(self, cache: Path, tmp_path: Path) -> None:
        result = find_weights(FOLDER, "captioner")
        encoder = FOLDER / "image_encoder"
        assert result.weights == {
            "captioner": (FOLDER / "captioner.safetensors",),
            "image_encoder": (encoder / "model.safetensors",),
        }
        assert (result.name, result.family, result.precision) == ("local", "captioner", "float32")
        assert result.part_folder("captioner") == FOLDER
        assert result.part_folder("image_encoder") == encoder
        copy = shutil.copytree(FOLDER, tmp_path / "copy")
        assert find_weights(copy, "captioner").revision == result.revision

    def test_both_parts_count(self, cache: Path, tmp_path: Path) -> None:
        seen = {find_weights(FOLDER, "captioner").revision}
        copy = shutil.copytree(FOLDER, tmp_path / "copy")
        for name in ("captioner.safetensors", "image_encoder/model.safetensors"):
            save_file({key: one + 1 for key, one in load_file(copy / name).items()}, copy / name)
            seen.add(find_weights(copy, "captioner").revision)
        config = copy / "image_encoder" / "config.json"
        config.write_text(config.read_text().replace("quick_gelu", "gelu"))
        seen.add(find_weights(copy, "captioner").revision)
        assert len(seen) == 4

    def test_the_named_one_takes_the_encoder_that_was_pulled(self, cache: Path) -> None:
        pulled = snapshot(cache, "openai/clip-vit-large-patch14-336", "a" * 40)
        steps = "descr models convert .*; then descr models pull clip-vit-l-14-336"
        with pytest.raises(WeightsNotFoundError, match=steps):
            find_weights("odise", "captioner")
        write(pulled, clip_files())
        with pytest.raises(WeightsNotFoundError, match=r"lacks captioner\.safetensors ") as caught:
            find_weights("odise", "captioner")
        assert "models pull" not in str(caught.value)
        assert cached("odise") is None
        own = captioner_folder("odise")
        write(own, {"captioner.safetensors": (FOLDER / "captioner.safetensors").read_bytes()})
        result = find_weights("odise", "captioner")
        assert result == cached("odise")
        assert result.name == "odise"
        assert result.folder == own
        assert result.part_folder("image_encoder") == pulled
        before = result.revision
        write(pulled, clip_files(32))
        assert find_weights("odise", "captioner").revision != before
        shutil.copytree(FOLDER / "image_encoder", own / "image_encoder")
        result = find_weights("odise", "captioner")
        assert result.part_folder("image_encoder") == own / "image_encoder"
        assert result.revision == find_weights(FOLDER, "captioner").revision

    def test_an_encoder_of_another_model_is_refused(self, cache: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(FOLDER, tmp_path / "copy")
        encoder = copy / "image_encoder"
        save_file({"visual_projection.weight": torch.ones(8, 2)}, encoder / "model.safetensors")
        refused(copy, "captioner", "reads 24 numbers for an image; it gives 8")
        save_file({"other": torch.ones(8, 2)}, encoder / "model.safetensors")
        refused(copy, "captioner", "it gives none")
        (encoder / "config.json").write_text('{"model_type": "clipseg"}')
        refused(copy, "captioner", "'clipseg' model, not CLIP")

    def test_a_captioner_that_is_damaged_is_named(self, cache: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(FOLDER, tmp_path / "copy")
        own = copy / "captioner.safetensors"
        tensors = load_file(own)
        save_file({name: one for name, one in tensors.items() if name != "alpha_cond"}, own)
        refused(copy, "captioner", f"{own}: lacks alpha_cond")
        save_file(tensors | {"alpha_cond": torch.zeros(1, 76, 16)}, own)
        refused(copy, "captioner", "alpha_cond has the shape 1 x 76 x 16, not 1 x 77 x 16")
        own.write_bytes(b"nothing")
        refused(copy, "captioner", f"{own}: is not a safetensors file")

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"DESCR_HOME": "~/d", "XDG_DATA_HOME": "/x"}, "/home/me/d"),
            ({"XDG_DATA_HOME": "/x"}, "/x/descr"),
            ({}, "/home/me/.local/share/descr"),
        ],
    )
    def test_the_environment_says_where_converted_ones_are(
        self, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("DESCR_HOME", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", "/home/me")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert captioner_folder("odise") == Path(expected, "captioners", "odise")


class TestCache:
    REPOSITORIES = MODELS["sd-2.1"].repositories

    def test_any_repository_and_any_commit_will_do(self, cache: Path) -> None:
        for repository in self.REPOSITORIES:
            folder = write(snapshot(cache, repository, "a" * 40), pipeline_files())
            result = find_weights("sd-2.1", "stable_diffusion")
            assert result.folder == folder
            assert result.revision == "a" * 40
            assert result.name == "sd-2.1"
            shutil.rmtree(cache)

    def test_variants_of_one_commit_have_two_revisions(self, cache: Path) -> None:
        folder = write(snapshot(cache, self.REPOSITORIES[1], "a" * 40), pipeline_files())
        result = {
            precision: find_weights("sd-2.1", "stable_diffusion", precision=precision)
            for precision in (None, "float16", "float32")
        }
        assert result[None] == result["float16"]
        assert result["float16"].revision == "a" * 40
        assert result["float32"].revision == "a" * 40 + "+float32"
        (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
        mixed = find_weights("sd-2.1", "stable_diffusion", precision="float32")
        assert mixed.revision == "a" * 40 + "+float32-text_encoder-unet"
        assert mixed.precision == "float16"

    def test_the_commit_with_the_wanted_variant_goes_first(self, cache: Path) -> None:
        for repository, half in zip(self.REPOSITORIES, (True, False), strict=True):
            files = pipeline_files(half=half)
            if half:
                for name in [one for one in files if one.endswith(".fp16.safetensors")]:
                    files.pop(name.replace(".fp16", ""), None)
            write(snapshot(cache, repository, "a" * 40), files)
        for precision, revision in (("float32", "+float32"), ("float16", ""), (None, "")):
            result = cached("sd-2.1", precision=precision)
            assert result is not None
            assert result.revision == "a" * 40 + revision

    def test_models_of_one_variant_keep_the_bare_commit(self, cache: Path) -> None:
        write(snapshot(cache, "facebook/dinov2-base", "a" * 40), dinov2_files())
        for precision in (None, "float16", "float32"):
            assert find_weights("dinov2-base", "dinov2", precision=precision).revision == "a" * 40

    def test_the_first_repository_goes_first(self, cache: Path) -> None:
        for repository in reversed(self.REPOSITORIES):
            write(snapshot(cache, repository, "a" * 40), pipeline_files())
        assert self.REPOSITORIES[0].replace("/", "--") in str(
            find_weights("sd-2.1", "stable_diffusion").folder
        )

    def test_the_commit_of_main_goes_first(self, cache: Path) -> None:
        for commit in ("a", "b", "c"):
            folder = write(snapshot(cache, self.REPOSITORIES[0], commit * 40), pipeline_files())
        main = folder.parent.parent / "refs" / "main"
        for commit in ("b", "a", "c"):
            write(main.parent, {"main": commit.encode() * 40})
            assert find_weights("sd-2.1", "stable_diffusion").revision == commit * 40

    def test_an_incomplete_commit_is_passed_over(self, cache: Path) -> None:
        folder = write(snapshot(cache, self.REPOSITORIES[0], "a" * 40), pipeline_files())
        whole = write(snapshot(cache, self.REPOSITORIES[1], "b" * 40), pipeline_files())
        (folder / "vae" / "config.json").unlink()
        result = cached("sd-2.1")
        assert result is not None
        assert result.folder == whole
        shutil.rmtree(whole)
        assert cached("sd-2.1") is None

    def test_a_link_to_nothing_is_not_complete(self, cache: Path) -> None:
        files = dinov2_files()
        folder = write(snapshot(cache, "facebook/dinov2-base", "a" * 40), files)
        assert cached("dinov2-base") is not None
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").symlink_to("../../blobs/gone")
        assert cached("dinov2-base") is None

    def test_a_damaged_cache_is_no_crash(self, cache: Path) -> None:
        root = snapshot(cache, "facebook/dinov2-base", "a" * 40).parent.parent
        write(root, {"snapshots": b"a file in the place of a folder"})
        assert cached("dinov2-base") is None

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({"HF_HUB_CACHE": "/a"}, "/a"),
            ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
            ({"HUGGINGFACE_HUB_CACHE": "/c", "HF_HOME": "/b"}, "/c"),
            ({"HF_HOME": "/b"}, "/b/hub"),
            ({"XDG_CACHE_HOME": "/d"}, "/d/huggingface/hub"),
            ({"HF_HOME": "~/b"}, "/home/me/b/hub"),
            ({"HF_HOME": "$XDG_CACHE_HOME/b", "XDG_CACHE_HOME": "/d"}, "/d/b/hub"),
            ({}, "/home/me/.cache/huggingface/hub"),
        ],
    )
    def test_the_environment_says_where_it_is_as_it_does_to_the_hubs_library(
        self, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", "/home/me")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert cache_folder() == Path(expected)


def test_weights_are_found_without_the_hubs_library(transformer: Path) -> None:
    program = (
        "import sys; from descr.descriptors.weights import find_weights; "
        f"find_weights({str(transformer)!r}, 'dinov2'); "
        "print(*[name for name in ('huggingface_hub', 'transformers', 'diffusers', 'safetensors')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_a_file_without_tensors_is_whole(transformer: Path) -> None:
    (transformer / "model.safetensors").write_bytes(save({}, {"format": "pt"}))
    assert find_weights(str(transformer), "dinov2")


def test_a_folder_of_clipseg_needs_its_vocabulary(tmp_path: Path) -> None:
    folder = write(tmp_path / "words", clipseg_files())
    result = find_weights(str(folder), "clipseg")
    assert result.weights == {"": (folder / "model.safetensors",)}
    before = result.revision
    (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    assert find_weights(str(folder), "clipseg").revision != before
    before = find_weights(str(folder), "clipseg").revision
    (folder / "added_tokens.json").write_text('{"a</w>": 1}')
    assert find_weights(str(folder), "clipseg").revision != before
    (folder / "merges.txt").unlink()
    refused(folder, "clipseg", "merges.txt: is missing")
    (folder / "tokenizer.json").write_text("{}")
    assert find_weights(str(folder), "clipseg").family == "clipseg"
    refused(write(tmp_path / "mine", dinov2_files()), "clipseg", "'dinov2' model, not CLIPSeg")
