import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from descr.descriptors.errors import WeightsNotFoundError
from descr.descriptors.models.diffusion.prompt import encode_prompt, read_tokens
from descr.descriptors.weights import find_weights
from support.models import STABLE_DIFFUSION, copy, edit, make_xl

TEXT = "a photo of a cat, sitting"
ENCODER = {"max_position_embeddings": 77, "vocab_size": 400}


def tokens(folder: Path, **changes: Any) -> list[int]:
    result = read_tokens(folder, TEXT, "prompt", {**ENCODER, **changes}, padding="max_length")
    return result[0].tolist()


def older(folder: Path) -> Path:
    """The vocabulary as the first models were published with it, padded with another token."""
    words = json.loads((folder / "tokenizer.json").read_text())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in words["merges"]]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(words["vocab"]))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    end = {"content": "<|endoftext|>", "lstrip": False, "normalized": True, "rstrip": False}
    tokens = {"bos_token": "<|startoftext|>", "eos_token": end, "unk_token": end, "pad_token": "!"}
    (folder / "special_tokens_map.json").write_text(json.dumps(tokens))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy(STABLE_DIFFUSION, tmp_path) / "tokenizer"


@pytest.mark.parametrize("form", ["one file", "two files", "an added token"])
def test_the_tokens_are_those_of_transformers(folder: Path, form: str) -> None:
    from transformers import CLIPTokenizer

    if form == "two files":
        older(folder)
    if form == "an added token":
        (older(folder) / "added_tokens.json").write_text(json.dumps({"cat": 399}))
    reference = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokens(folder, vocab_size=401) == reference(TEXT, padding="max_length").input_ids


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
def test_settings_name_no_file_and_no_length(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("a connection was made")

    expected = tokens(older(folder))
    monkeypatch.setattr(socket.socket, "connect", connect)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    keys = ("vocab_file", "merges_file", "tokenizer_file", "tokenizer_object", "chat_template_file")
    edit(
        folder / name,
        **dict.fromkeys(keys, str(pipe)),
        fast_tokenizer_files=["../../pipe"],
        gguf_file="owner/name",
        auto_map={"AutoTokenizer": ["code.Tokenizer", None]},
        init_inputs=[1],
        model_max_length=10**9,
    )
    assert tokens(folder) == expected


@pytest.mark.parametrize("form", [list, lambda names: dict(zip(names, names, strict=True))])
def test_names_of_tokens_without_an_id_take_no_time(folder: Path, form: Any) -> None:
    expected = tokens(folder)
    names = form([f"token {n}" for n in range(100_000)])
    edit(
        folder / "tokenizer_config.json",
        additional_special_tokens=list(names),
        extra_special_tokens=names,
    )
    assert tokens(folder) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", b"{}"),
        ("vocab.json", b"{"),
        ("vocab.json", b'{"a": -1}'),
        ("vocab.json", b'{"a": 1e9}'),
        ("vocab.json", b'{"a": 99999999999999}'),
        ("vocab.json", b"[" * 10**5),
        ("merges.txt", b"\xff\xfe"),
        ("merges.txt", b"#version: 0.2\nno such\n"),
        ("merges.txt", b"a"),
        ("tokenizer_config.json", b"[]"),
        ("special_tokens_map.json", b'{"eos_token": {"content": []}}'),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b'{"model": {"type": "BPE"}}'),
        ("tokenizer.json", b'{"model": [], "added_tokens": 3}'),
        ("added_tokens.json", b"[3]"),
    ],
)
def test_a_damaged_vocabulary_is_named(folder: Path, name: str, content: bytes) -> None:
    (older(folder) / name).write_bytes(content)
    with pytest.raises(WeightsNotFoundError) as caught:
        tokens(folder)
    assert caught.value.message.startswith(str(folder))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt", "tokenizer.json"])
def test_a_vocabulary_that_is_no_file_is_not_waited_for(folder: Path, name: str) -> None:
    (older(folder) / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(WeightsNotFoundError, match=f"{name}: can't be read: is not a regular"):
        tokens(folder)


def test_a_vocabulary_larger_than_that_of_the_encoder_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="not that of its text encoder"):
        tokens(folder, vocab_size=300)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("plain", {"cross_attention_dim": 20}),
        ("xl", {"cross_attention_dim": 20}),
        ("xl", {"addition_time_embed_dim": 4}),
        ("xl", {"addition_time_embed_dim": None}),
        ("xl", {"projection_class_embeddings_input_dim": None}),
    ],
)
def test_text_encoders_of_another_model_are_refused(
    tmp_path: Path, kind: str, changes: dict[str, Any]
) -> None:
    folder = make_xl(tmp_path) if kind == "xl" else copy(STABLE_DIFFUSION, tmp_path)
    checkpoint = find_weights(folder, "stable_diffusion")
    assert encode_prompt(checkpoint, TEXT).states.shape[1] == 77
    edit(folder / "unet" / "config.json", **changes)
    with pytest.raises(WeightsNotFoundError, match="are not those of its U-Net"):
        encode_prompt(checkpoint, TEXT)
