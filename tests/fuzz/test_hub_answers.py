"""Whatever a hub answers: the plain result or one line, and nothing outside the cache changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from descr.descriptors.weights import DownloadError, pull
from hypothesis import given
from hypothesis import strategies as st
from support.hub import FakeHub, dinov2_files, serving, sha256
from support.mutations import examples, mutations

SMALL = "facebook/dinov2-small"
LISTING, MODEL = f"/api/models/{SMALL}", "model.safetensors"
FILES = dinov2_files(8)
HUB = FakeHub("", "", {SMALL: FILES})
STATE = HUB.state(SMALL)
BODIES = {LISTING: json.dumps(STATE).encode(), "/config.json": FILES["config.json"]}
STRANGE = [
    "../../outside/precious",
    "../" * 9 + "outside/precious",
    "/OUTSIDE/precious",
    "..",
    "",
    "C:\\precious",
    "config.json",
    "a\0b",
    "\x1b[2J",
    "a" * 40,
    "f" * 64,
    None,
    True,
    -1,
    0,
    2**70,
    1e308,
    [],
    {},
]


def answer(body: bytes) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("HF_ENDPOINT", server.endpoint)
        for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
            patch.delenv(variable, raising=False)
        patch.setattr("descr.descriptors.weights.download.sleep", lambda seconds: None)
        server.repositories[SMALL] = FILES
        yield server


def check_pull(hub: FakeHub) -> None:
    """Pull into a cache of its own, with files around it that a path could lead to."""
    with TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        cache, outside = Path(root, "a", "cache"), Path(root, "a", "outside")
        for folder in (outside, cache / "models--facebook--dinov2-small" / "outside"):
            folder.mkdir(parents=True)
            (folder / "precious").write_bytes(b"precious")
        if hub.listing is not None:
            text = json.dumps(hub.listing).replace("/OUTSIDE", str(outside))
            hub.listing = json.loads(text)
        before, message = contents(Path(root), cache), ""
        patch.setenv("HF_HUB_CACHE", str(cache))
        try:
            assert (pull("dinov2-small").folder / MODEL).read_bytes() == FILES[MODEL]
        except DownloadError as error:
            message = str(error)
        finally:
            hub.listing = None
            hub.faults.clear()
            hub.requests.clear()
        assert message.isprintable()
        assert contents(Path(root), cache) == before
        assert (cache / "models--facebook--dinov2-small" / "outside" / "precious").exists()


def contents(root: Path, cache: Path) -> dict[Path, bytes | None]:
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if not path.is_relative_to(cache)
    }


@examples(40)
@given(body=mutations([BODIES[LISTING]]))
def test_a_damaged_list_of_files(hub: FakeHub, body: bytes) -> None:
    hub.refuse(LISTING, status=200, body=body)
    check_pull(hub)


@st.composite
def listings(draw: st.DrawFn) -> Any:
    """What a hub states of the files, with other values in some places."""
    state = json.loads(BODIES[LISTING])
    for _ in range(draw(st.integers(1, 3))):
        files = state["siblings"]
        places = [state, *(one for file in files for one in (file, file.get("lfs")))]
        place = draw(st.sampled_from([one for one in places if one and isinstance(one, dict)]))
        place[draw(st.sampled_from(sorted(place)))] = draw(st.sampled_from(STRANGE))
        if state["siblings"] is not files:
            break
    return state


@examples(60)
@given(listing=listings())
def test_a_list_of_files_that_lies(hub: FakeHub, listing: Any) -> None:
    hub.listing = listing
    check_pull(hub)


@examples(40)
@given(data=st.data(), path=st.sampled_from([*BODIES, f"/store/{sha256(FILES[MODEL])}"]))
def test_damaged_bytes_on_the_line(hub: FakeHub, data: st.DataObject, path: str) -> None:
    piece = data.draw(mutations([answer(BODIES.get(path, FILES[MODEL]))]))
    hub.send_raw(path, lambda: [piece], times=data.draw(st.sampled_from([1, 1000])))
    check_pull(hub)
