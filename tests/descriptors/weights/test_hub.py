import asyncio
import gzip
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from descr.descriptors.errors import DescrError
from descr.descriptors.weights import DownloadError, cached, pull
from descr.descriptors.weights import hub as limits
from descr.descriptors.weights.cache import repository_folder
from descr.descriptors.weights.download import Progress
from support.hub import FakeHub, dinov2_files, pipeline_files, sha256, weights

SMALL = "facebook/dinov2-small"
STABLE = "stable-diffusion-v1-5/stable-diffusion-v1-5"
LISTING = f"/api/models/{SMALL}"
MODEL = "model.safetensors"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def small(hub: FakeHub) -> dict[str, bytes]:
    """The files of DINOv2 small, which the hub has."""
    return hub.repositories.setdefault(SMALL, dinov2_files())


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(limits, "SLOW_SECONDS", 0.2)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder beside the cache whose content stays as it is."""
    folder = tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    (folder / "precious").write_bytes(b"precious")
    (folder / "deep" / MODEL).write_bytes(b"precious")
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refused(name: str = "dinov2-small") -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        pull(name)
    text = f"{caught.value.message}{caught.value.hint}"
    assert text.isprintable()
    assert len(text) < 600
    return caught.value


def part_of(cache: Path, content: bytes) -> Path:
    return repository_folder(SMALL, cache) / "blobs" / f"{sha256(content)}.incomplete"


# What the hub states.


@pytest.mark.parametrize(
    "digest",
    [
        "../../../outside/precious",
        "..",
        "",
        "a" * 39,
        "a" * 63,
        "A" * 64,
        "a" * 63 + "\n",
        "a" * 40 + "\0",
        None,
        7,
        ["a" * 40],
    ],
)
@pytest.mark.parametrize("name", ["config.json", MODEL])
def test_a_hash_that_is_none_names_no_file(
    hub: FakeHub, cache: Path, small: dict[str, bytes], outside: Path, name: str, digest: Any
) -> None:
    hub.listing = hub.state(SMALL)
    one = next(one for one in hub.listing["siblings"] if one["rfilename"] == name)
    one["blobId"] = digest
    if "lfs" in one:
        one["lfs"]["sha256"] = digest
    assert f"states no size and hash for {name}" in refused().message


@pytest.mark.parametrize("size", [-1, True, 1.5, "9", None, 10**400, 2**60])
def test_a_size_that_is_none(hub: FakeHub, cache: Path, small: dict[str, bytes], size: Any) -> None:
    hub.listing = hub.state(SMALL)
    for one in hub.listing["siblings"]:
        one["size"] = size
    assert "states no size and hash for config.json" in refused().message


@pytest.mark.parametrize(
    "commit", ["../../../outside/deep", "..", "", "main", "a" * 39, "A" * 40, None, 7]
)
def test_a_commit_that_is_none_names_no_folder(
    hub: FakeHub, cache: Path, small: dict[str, bytes], outside: Path, commit: Any
) -> None:
    hub.listing = hub.state(SMALL) | {"sha": commit}
    assert "does not answer as a hub does" in refused().message


@pytest.mark.parametrize(
    "listing",
    [
        [],
        "text",
        7,
        {},
        {"sha": "a" * 40},
        {"sha": "a" * 40, "siblings": None},
        {"sha": "a" * 40, "siblings": {"rfilename": "config.json"}},
        {"sha": "a" * 40, "siblings": ["config.json"]},
        {"sha": "a" * 40, "siblings": [{"rfilename": ["config.json"]}]},
    ],
)
def test_an_answer_of_another_form(
    hub: FakeHub, cache: Path, small: dict[str, bytes], listing: Any
) -> None:
    hub.listing = listing
    assert "does not answer as a hub does" in refused().message


@pytest.mark.parametrize("one", [7, [], "text", {"lfs": 7}, {"lfs": []}, {"lfs": {"size": 1}}])
def test_a_file_of_another_form(
    hub: FakeHub, cache: Path, small: dict[str, bytes], one: Any
) -> None:
    hub.listing = hub.state(SMALL)
    if isinstance(one, dict):
        one = {"rfilename": "config.json"} | one
    hub.listing["siblings"][0] = one
    refused()


def test_strange_files_that_are_not_needed_do_no_harm(
    hub: FakeHub, cache: Path, small: dict[str, bytes], outside: Path
) -> None:
    names = ["../../../outside/precious", "/etc/passwd", "C:\\a", "a\0b", "", "..", "\x1b[2J"]
    hub.listing = hub.state(SMALL)
    hub.listing["siblings"] += [{"rfilename": name, "size": -1, "blobId": ".."} for name in names]
    assert (pull("dinov2-small").folder / MODEL).read_bytes() == small[MODEL]


@pytest.mark.parametrize(
    "name", ["C:a.safetensors", "a\\b.safetensors", "\x1b[2J.safetensors", "a\0.safetensors"]
)
def test_a_shard_whose_name_has_no_place_in_the_cache(hub: FakeHub, cache: Path, name: str) -> None:
    index = json.dumps({"weight_map": {"weight": name}}).encode()
    files = {"config.json": dinov2_files()["config.json"], "model.safetensors.index.json": index}
    hub.repositories[SMALL] = files | {name: weights()}
    with pytest.raises(DescrError, match=r"names a (file|shard) that is") as caught:
        pull("dinov2-small")
    assert str(caught.value).isprintable()


# Links that somebody has planted in the cache.


@pytest.mark.parametrize(
    "place", ["blobs", "refs", "snapshots", "snapshots/COMMIT", "snapshots/COMMIT/unet"]
)
def test_a_folder_that_leads_out_of_the_cache_is_not_written_to(
    hub: FakeHub, cache: Path, outside: Path, place: str
) -> None:
    hub.repositories[STABLE] = pipeline_files()
    link = repository_folder(STABLE, cache) / place.replace("COMMIT", hub.commit(STABLE))
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    error = refused("sd-1.5")
    assert "a link leads out of the cache" in error.message
    assert link.name in error.message
    link.unlink()
    pull("sd-1.5")


def test_locks_that_lead_out_of_the_cache(
    hub: FakeHub, cache: Path, small: dict[str, bytes], outside: Path
) -> None:
    cache.mkdir()
    (cache / ".locks").symlink_to(outside)
    assert "a link leads out of the cache" in refused().message


@pytest.mark.parametrize("place", ["part", "file", "blob", "main"])
def test_a_file_that_leads_out_of_the_cache_is_replaced(
    hub: FakeHub, cache: Path, small: dict[str, bytes], outside: Path, place: str
) -> None:
    root, part = repository_folder(SMALL, cache), part_of(cache, small[MODEL])
    link = {
        "part": part,
        "file": root / "snapshots" / hub.commit(SMALL) / MODEL,
        "blob": part.with_suffix(""),
        "main": root / "refs" / "main",
    }[place]
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "precious")
    assert (pull("dinov2-small").folder / MODEL).read_bytes() == small[MODEL]
    assert (root / "refs" / "main").read_text() == hub.commit(SMALL)


def test_a_part_that_leads_to_the_whole_file_is_replaced(
    hub: FakeHub, cache: Path, small: dict[str, bytes], tmp_path: Path
) -> None:
    other, part = tmp_path / "whole", part_of(cache, small[MODEL])
    other.write_bytes(small[MODEL])
    part.parent.mkdir(parents=True)
    part.symlink_to(other)
    placed = pull("dinov2-small").folder / MODEL
    assert not part.with_suffix("").is_symlink()
    assert not placed.samefile(other)
    assert placed.read_bytes() == small[MODEL]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 10_000, b"", None])
def test_a_branch_at_no_commit_is_passed_over(
    hub: FakeHub, cache: Path, small: dict[str, bytes], content: bytes | None
) -> None:
    checkpoint = pull("dinov2-small")
    main = repository_folder(SMALL, cache) / "refs" / "main"
    main.unlink()
    if content is None:
        os.mkfifo(main)
    else:
        main.write_bytes(content)
    assert cached("dinov2-small") == checkpoint


def test_a_pipe_in_the_place_of_a_part_does_not_hold_a_pull(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True)
    os.mkfifo(part)
    pull("dinov2-small")


@pytest.mark.parametrize("place", ["", "models"])
def test_a_cache_that_is_a_link_itself_is_one_like_any_other(
    hub: FakeHub, cache: Path, small: dict[str, bytes], tmp_path: Path, place: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = repository_folder(SMALL, cache) if place else cache
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    assert (pull("dinov2-small").folder / MODEL).read_bytes() == small[MODEL]


# Answers without an end, or of great length.


def stretched(head: bytes, pieces: bytes) -> Any:
    return lambda: chain([head], repeat(pieces))


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"\r\n", b" " * 65536),
        (HEAD + b"\r\n", b"[" * 65536),
        (CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (HEAD + b"Content-Length: 99999999999\r\n\r\n", b" " * 65536),
    ],
)
def test_a_list_of_files_without_an_end(
    hub: FakeHub, cache: Path, small: dict[str, bytes], head: bytes, piece: bytes
) -> None:
    hub.send_raw(LISTING, stretched(head, piece))
    assert "is too long" in refused().message


def test_a_list_of_a_million_files(hub: FakeHub, cache: Path, small: dict[str, bytes]) -> None:
    hub.listing = {"sha": "a" * 40, "siblings": [{"rfilename": ""}] * 1_000_000}
    assert "is too long" in refused().message


def test_a_list_that_is_nested_deeply(hub: FakeHub, cache: Path, small: dict[str, bytes]) -> None:
    hub.refuse(LISTING, status=200, body=b'{"sha":' + b"[" * 1_000_000)
    assert "gives no list of the files" in refused().message


def test_a_list_that_unpacks_to_much_more(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    text = json.dumps(hub.state(SMALL)).encode() + b" " * 50_000_000
    hub.refuse(LISTING, status=200, headers={"Content-Encoding": "gzip"}, body=gzip.compress(text))
    assert "gives no list of the files" in refused().message


def test_a_refusal_that_unpacks_to_much_more(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    # Were it unpacked, its text would be part of what is raised.
    text = gzip.compress(b"Invalid credentials" + b" " * 50_000_000)
    hub.refuse(LISTING, status=401, headers={"Content-Encoding": "gzip"}, body=text)
    assert "needs a login" in refused().message


@pytest.mark.parametrize("body", [b"[1]", b"7", b"[" * 100_000, b'{"errors": 7}'])
def test_a_refusal_of_another_form(
    hub: FakeHub, cache: Path, small: dict[str, bytes], body: bytes
) -> None:
    hub.refuse(LISTING, status=404, body=body)
    assert "is gone" in refused().message


@pytest.mark.parametrize("path", [LISTING, f"/{MODEL}"])
@pytest.mark.parametrize("status", [b"404 Gone", b"302 Found\r\nLocation: /elsewhere"])
def test_a_refusal_or_a_redirect_without_an_end_is_not_read(
    hub: FakeHub, cache: Path, small: dict[str, bytes], path: str, status: bytes
) -> None:
    hub.send_raw(path, stretched(b"HTTP/1.1 " + status + b"\r\n\r\n", b"x" * 65536))
    assert "is gone" in refused().message


def test_a_file_without_an_end_is_not_written_beyond_its_size(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    hub.send_raw(f"/store/{sha256(small[MODEL])}", stretched(HEAD + b"\r\n", b"x" * 65536))
    assert "arrived damaged" in refused().message
    assert not part_of(cache, small[MODEL]).exists()


def test_a_file_with_more_behind_it_is_the_file(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    head = HEAD + b"\r\n"
    hub.send_raw(sha256(small[MODEL]), stretched(head + small[MODEL], b"x" * 65536))
    assert (pull("dinov2-small").folder / MODEL).read_bytes() == small[MODEL]


@pytest.mark.parametrize("kept", [0, 5000])
def test_a_file_that_always_ends_early_is_given_up(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float], kept: int
) -> None:
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True)
    part.write_bytes(small[MODEL][:kept])
    # Closed afterwards, and said to be: or else the next request may be sent into its end.
    head = b"HTTP/1.1 206 Partial Content\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    hub.send_raw(f"/store/{sha256(small[MODEL])}", lambda: [head + b"\r\n0\r\n\r\n"])
    assert "ends early" in refused().message
    assert waits == [2, 4, 8, 16]
    assert part.stat().st_size == kept


def test_a_file_that_is_sent_packed_is_not_unpacked(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    body = gzip.compress(small["config.json"])
    head = HEAD + b"Content-Encoding: gzip\r\n\r\n"
    hub.send_raw("/config.json", lambda: [head + body])
    assert "config.json arrived damaged" in refused().message


def test_a_page_to_log_in_does_not_cost_what_has_arrived(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True)
    part.write_bytes(small[MODEL][:5000])
    hub.refuse(f"/{MODEL}", status=200, body=b"<html>log in to the network</html>")
    assert "has 34 bytes" in refused().message
    assert part.read_bytes() == small[MODEL][:5000]


# Answers that take their time.


@pytest.mark.parametrize("path", [LISTING, ""])
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (HEAD + b"\r\n", b" "),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED + b"1;", b"x"),
        (b"HTTP/1.1 302 Found\r\nLocation: /slow\r\nX-Long: ", b"x"),
    ],
)
def test_an_answer_in_drips_counts_as_lost(
    hub: FakeHub,
    cache: Path,
    small: dict[str, bytes],
    soon: None,
    path: str,
    head: bytes,
    piece: bytes,
) -> None:
    hub.send_raw(path or sha256(small[MODEL]), stretched(head, piece), pause=0.02)
    error = refused()
    assert f"can't reach {hub.endpoint}: its answer is too slow" in error.message
    assert "run the same command again" in (error.hint or "")
    assert cached("dinov2-small") is None


def test_what_a_slow_line_brings_is_kept(
    hub: FakeHub,
    cache: Path,
    small: dict[str, bytes],
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SLOW_SECONDS", 2.0)
    content = small[MODEL]
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(content)
    pieces = [head, content[:5000], *[b""] * 200]
    hub.send_raw(sha256(content), lambda: pieces, pause=0.02, times=1)
    pull("dinov2-small")
    assert [one.start for one in hub.store_requests(content)] == [None, 5000]
    assert len(waits) == 1


@pytest.mark.parametrize("path", [LISTING, f"/{MODEL}"])
@pytest.mark.parametrize("location", ["", f"/{SMALL}/resolve/main/{MODEL}"])
def test_redirects_without_an_end(
    hub: FakeHub, cache: Path, small: dict[str, bytes], path: str, location: str
) -> None:
    for turn in (path, location or path):
        headers = {"Location": location or path}
        hub.refuse(turn, status=302, headers=headers, times=1000)
    assert "its redirects have no end" in refused().message
    assert len(hub.requests) < 20


@pytest.mark.parametrize(
    "location", ["http://[::1", "file:///etc/passwd", "//", "http://127.0.0.1:99999999/", "\xff"]
)
def test_a_redirect_to_no_address(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float], location: str
) -> None:
    hub.refuse(LISTING, status=302, headers={"Location": location}, times=1000)
    refused()


@pytest.mark.parametrize("status", [204, 205, 299, 300, 304])
def test_an_answer_with_another_status(
    hub: FakeHub, cache: Path, small: dict[str, bytes], status: int
) -> None:
    hub.refuse(f"/{MODEL}", status=status, times=1000)
    assert f"its status is {status}" in refused().message


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        b"\0" * 1000,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 \x1b[2J OK\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"FFFFFFFFFFFFFFFFFFFFFF\r\n",
    ],
)
@pytest.mark.parametrize("path", [LISTING, f"/{MODEL}"])
def test_what_is_no_answer_at_all(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float], path: str, piece: bytes
) -> None:
    hub.send_raw(path, lambda: [piece])
    refused()


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "\xb2"},
        {"Retry-After": "9" * 5000},
        {"Retry-After": "-1"},
        {"RateLimit": '"api";r=0;t=\xb2'},
        {"RateLimit": '"api";r=0;t=' + "9" * 5000},
        {"RateLimit": ";=;=="},
    ],
)
def test_a_wait_that_is_no_number_is_not_kept_to(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float], headers: dict[str, str]
) -> None:
    hub.refuse(LISTING, status=429, headers=headers)
    pull("dinov2-small")
    assert waits == [1]


@pytest.mark.parametrize(
    "value", ["bytes 0-1/" + "9" * 5000, "bytes */*", "\xb2", "bytes 5-6/\xb2"]
)
def test_a_range_that_is_none(
    hub: FakeHub, cache: Path, small: dict[str, bytes], value: str
) -> None:
    headers, body = {"Content-Range": value}, small["config.json"]
    hub.refuse("/config.json", status=206, headers=headers, body=body)
    pull("dinov2-small")


# The settings, and the program around a pull.


@pytest.mark.parametrize(
    "address",
    ["http://[", "http://127.0.0.1:99999999", f"http://{'a' * 99}.b", "htp//x", "127.0.0.1"],
)
def test_an_endpoint_that_is_no_address(
    cache: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float], address: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert address in refused().message


def test_a_token_that_can_not_be_sent(
    hub: FakeHub, cache: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_sécret")
    error = refused()
    assert "HF_TOKEN" in error.message
    assert "cret" not in error.message


def test_a_pull_inside_of_a_running_loop(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    async def cell() -> Path:
        return pull("dinov2-small").folder

    # In a thread of its own: other tests may leave a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        folder = pool.submit(lambda: asyncio.run(cell())).result()
    assert (folder / MODEL).read_bytes() == small[MODEL]


def test_ctrl_c_while_a_server_is_silent(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    content, main = small[MODEL], threading.main_thread().ident
    assert main is not None

    class Interrupting(Progress):
        def advance(self, count: int) -> None:
            if count > 1000:
                threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()

    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(content)
    hub.send_raw(
        sha256(content), lambda: chain([head], [content[:5000]], repeat(b"", 500)), pause=0.02
    )
    # A shell that runs the tests in the background has the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            pull("dinov2-small", progress=Interrupting())
    finally:
        signal.signal(signal.SIGINT, before)
    kept = part_of(cache, content).read_bytes()
    assert len(kept) > 1000
    assert content.startswith(kept)
    assert not [thread for thread in threading.enumerate() if "portal" in thread.name]
