"""A hub on loopback that speaks the file protocol, and that can be told to misbehave."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from safetensors.numpy import save

LARGE = 4096
"""Files of at least so many bytes are stored apart, as the hub stores them: by their sha256."""


def weights(count: int = 4, seed: int = 0, *, half: bool = False) -> bytes:
    """A safetensors file with `count` KiB of random numbers, in float32 or in float16."""
    numbers = np.random.default_rng(seed).standard_normal(count * (512 if half else 256))
    return save({"weight": numbers.astype(np.float16 if half else np.float32)}, {"format": "pt"})


def shards(stem: str, *, half: bool = False, count: int = 2) -> dict[str, bytes]:
    """Weights in shards as transformers and diffusers save them, with their index."""
    variant = ".fp16" if half else ""
    names = [f"{stem}{variant}-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    places = {f"weight{n}": name.rpartition("/")[2] for n, name in enumerate(names)}
    files = {name: weights(8, seed=n, half=half) for n, name in enumerate(names)}
    index = {"metadata": {}, "weight_map": places}
    return files | {f"{stem}.safetensors.index{variant}.json": json.dumps(index).encode()}


def dinov2_files(size: int = 64) -> dict[str, bytes]:
    """A transformers folder of DINOv2 as its repository holds it, a pickle included."""
    return {
        "config.json": json.dumps({"model_type": "dinov2", "hidden_size": 8}).encode(),
        "model.safetensors": weights(size),
        "pytorch_model.bin": b"pickle" * 1000,
        "README.md": b"# model\n",
    }


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a model folder, as a repository would hold them."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def clipseg_files(size: int = 64) -> dict[str, bytes]:
    """A transformers folder of CLIPSeg as its repository holds it, a pickle included."""
    return {
        "config.json": json.dumps({"model_type": "clipseg", "reduce_dim": 8}).encode(),
        "model.safetensors": weights(size, seed=3),
        "pytorch_model.bin": b"pickle" * 1000,
        "preprocessor_config.json": b"{}",
        "vocab.json": json.dumps({f"w{n}": n for n in range(800)}).encode(),
        "merges.txt": b"#version: 0.2\n",
        "tokenizer_config.json": b"{}",
        "special_tokens_map.json": b"{}",
        "README.md": b"# model\n",
    }


def clip_files(size: int = 64) -> dict[str, bytes]:
    """A transformers folder of a whole CLIP as its repository holds it, in safetensors."""
    return {
        "config.json": json.dumps({"model_type": "clip", "projection_dim": 24}).encode(),
        "model.safetensors": save({"visual_projection.weight": np.ones((24, size), np.float32)}),
        "pytorch_model.bin": b"pickle" * 1000,
        "vocab.json": b"{}",
    }


def pipeline_files(*, half: bool = True, xl: bool = False) -> dict[str, bytes]:
    """A diffusers pipeline folder as its repository holds it, with all that is not needed."""
    files = {
        "model_index.json": b"{}",
        "scheduler/scheduler_config.json": b'{"beta_start": 0.00085}',
        "safety_checker/model.safetensors": weights(8, seed=9),
        "v1-5-pruned.ckpt": b"pickle" * 1000,
    }
    kind = "text_time" if xl else None
    configs = {
        "unet": {"cross_attention_dim": 8, "addition_embed_type": kind},
        "vae": {"scaling_factor": 0.18215},
    }
    suffixes = ("", "_2") if xl else ("",)
    for suffix in suffixes:
        configs[f"text_encoder{suffix}"] = {"hidden_size": 8}
        tokenizer = f"tokenizer{suffix}"
        files[f"{tokenizer}/vocab.json"] = json.dumps({f"w{n}": n for n in range(800)}).encode()
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            files[f"{tokenizer}/{name}"] = b"{}"
        files[f"{tokenizer}/merges.txt"] = b"#version: 0.2\n"
    for seed, (part, config) in enumerate(configs.items()):
        files[f"{part}/config.json"] = json.dumps(config).encode()
        stem = "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"
        files[f"{part}/{stem}.safetensors"] = weights(16, seed=seed)
        files[f"{part}/{stem}.bin"] = b"pickle" * 1000
        if half:
            files[f"{part}/{stem}.fp16.safetensors"] = weights(8, seed=seed, half=True)
    return files


@dataclass(frozen=True)
class Request:
    """What was asked: `start` is the first byte of a Range, `token` whether one was sent."""

    method: str
    path: str
    start: int | None
    token: bool


@dataclass
class Fault:
    """What happens, `times` times, to requests whose path ends like `path`.

    Either an answer with `status` and `headers`, or a body that ends after `cut` bytes as if the
    cable had been pulled, or one that is `body` instead of the file's, or `pieces`: bytes on the
    line, status and headers included, each after `pause` seconds, until the client hangs up.
    """

    path: str
    method: str = "GET"
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    body: bytes | None = None
    whole: bool = False
    pieces: Callable[[], Iterable[bytes]] | None = None
    pause: float = 0.0


@dataclass
class FakeHub:
    """Repositories of files by name, what goes wrong, and what was asked."""

    endpoint: str
    store: str
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict, repr=False)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list, repr=False)
    stated: dict[str, int] = field(default_factory=dict)
    listing: Any = None
    """What is stated of a repository in the place of the truth."""
    warning: str | None = None
    """What every answer warns of, as the hub does of requests without a token."""

    def commit(self, repository: str) -> str:
        """The commit that the repository stands at: the hash of what it holds."""
        digest = hashlib.sha1(usedforsecurity=False)
        for name, content in sorted(self.repositories[repository].items()):
            digest.update(name.encode() + b"\0" + content)
        return digest.hexdigest()

    def state(self, repository: str) -> dict[str, Any]:
        """What the hub states of a repository and its files."""
        siblings = []
        for path, content in self.repositories[repository].items():
            size = self.stated.get(path, len(content))
            one: dict[str, Any] = {"rfilename": path, "size": size, "blobId": blob_id(content)}
            if len(content) >= LARGE:
                one["lfs"] = {"sha256": sha256(content), "size": size, "pointerSize": 134}
            siblings.append(one)
        commit = self.commit(repository)
        return {"id": repository, "modelId": repository, "sha": commit, "siblings": siblings}

    def downloads(self, name: str) -> list[Request]:
        """The requests for the content of a file."""
        place = f"/{sha256(self._find(name))}"
        paths = (name, place)
        return [
            one
            for one in self.requests
            if one.method == "GET" and one.path.endswith(paths) and "/api/" not in one.path
        ]

    def store_requests(self, content: bytes) -> list[Request]:
        """The requests to the store for this content."""
        return [one for one in self.requests if one.path == f"/store/{sha256(content)}"]

    def refuse(
        self,
        path: str,
        *,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        times: int = 1,
    ) -> None:
        """Answer the next requests whose path ends like this with a status and nothing else."""
        fault = Fault(path, times=times, status=status, headers=headers or {}, body=body)
        self.faults.append(fault)

    def refuse_store(self, content: bytes, *, status: int) -> None:
        """Answer the next request to the store for this content with a status."""
        self.faults.append(Fault(sha256(content), status=status))

    def cut(self, content: bytes, *, after: int, times: int = 1) -> None:
        """Break the connection after so many bytes of this content."""
        self.faults.append(Fault(sha256(content), cut=after, times=times))

    def replace(self, content: bytes, other: bytes) -> None:
        """Send other bytes in the place of this content, once."""
        self.faults.append(Fault(sha256(content), body=other))

    def send_raw(
        self,
        path: str,
        pieces: Callable[[], Iterable[bytes]],
        *,
        pause: float = 0.0,
        times: int = 1000,
    ) -> None:
        """Answer requests whose path ends like this with bytes that need not be HTTP."""
        self.faults.append(Fault(path, pieces=pieces, pause=pause, times=times))

    def ignore_range(self, content: bytes) -> None:
        """Send this content from its beginning, whatever is asked, once."""
        self.faults.append(Fault(sha256(content), whole=True))

    def _find(self, name: str) -> bytes:
        return next(files[name] for files in self.repositories.values() if name in files)

    def _take_fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and path.endswith(fault.path) and fault.times:
                fault.times -= 1
                return fault
        return None


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def etag(content: bytes) -> str:
    return sha256(content) if len(content) >= LARGE else blob_id(content)


@contextmanager
def serving() -> Iterator[FakeHub]:
    """A hub on two ports of 127.0.0.1: its own, and that of the store of the large files.

    As with the real one, a large file is a redirect to another host.
    """
    hub = FakeHub("", "")
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.endpoint, hub.store = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        inputs = self.headers.get("Range")
        start = int(inputs.removeprefix("bytes=").rstrip("-")) if inputs else None
        token = self.headers.get("Authorization") is not None
        self.hub.requests.append(Request(self.command, path, start, token))
        fault = self.hub._take_fault(self.command, path)
        if fault is not None and fault.pieces is not None:
            self.close_connection = True
            for piece in fault.pieces():
                self.wfile.write(piece)
                sleep(fault.pause)
        elif fault is not None and fault.status is not None:
            self._answer(fault.status, fault.body or b"", dict(fault.headers))
        elif path.startswith("/store/"):
            self._content(path.rpartition("/")[2], start, fault)
        elif path.startswith("/api/models/"):
            self._repository(path.removeprefix("/api/models/"))
        else:
            self._resolve(path, start, fault)

    def _repository(self, name: str) -> None:
        files = self.hub.repositories.get(name)
        if files is None:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
            return
        stated = self.hub.state(name) if self.hub.listing is None else self.hub.listing
        self._answer(200, json.dumps(stated).encode(), {"Content-Type": "application/json"})

    def _resolve(self, path: str, start: int | None, fault: Fault | None) -> None:
        repository, _, rest = path.lstrip("/").partition("/resolve/")
        name = rest.partition("/")[2]
        files = self.hub.repositories.get(repository)
        if files is None or name not in files:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = files[name]
        headers = {"X-Repo-Commit": self.hub.commit(repository), "ETag": f'"{etag(content)}"'}
        if len(content) < LARGE:
            self._send(content, start, fault, headers)
            return
        headers["X-Linked-ETag"] = f'"{sha256(content)}"'
        headers["X-Linked-Size"] = str(len(content))
        headers["Location"] = f"{self.hub.store}/store/{sha256(content)}"
        self._answer(302, b"", headers)

    def _content(self, wanted: str, start: int | None, fault: Fault | None) -> None:
        for files in self.hub.repositories.values():
            for content in files.values():
                if sha256(content) == wanted:
                    self._send(content, start, fault, {})
                    return
        self._answer(404, b"", {})

    def _send(
        self, content: bytes, start: int | None, fault: Fault | None, headers: dict[str, str]
    ) -> None:
        if fault is not None and fault.body is not None:
            content = fault.body
        if fault is not None and fault.whole:
            start = None
        status, body = (200, content) if start is None else (206, content[start:])
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if fault is None or fault.cut is None:
            self._answer(status, body, headers)
            return
        self._head(status, len(body), headers)
        self.wfile.write(body[: fault.cut])
        self.wfile.flush()
        self.close_connection = True

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._head(status, len(body), headers)
        if self.command == "GET":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if self.hub.warning is not None:
            self.send_header("X-HF-Warning", f"{self.hub.warning}; {self.hub.warning}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
