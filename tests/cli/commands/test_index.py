import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from descr.applications.search import Index

FAST = ("--set", "size=96")


@pytest.fixture
def built(descr: Any) -> None:
    """An index `i.index` of a.png and b.png in a basis `b.nc`."""
    descr("extract", "a.png", "b.png", "-o", "f", "--descriptor", "sift", *FAST)
    assert descr("basis", "fit", "f", "-o", "b.nc", "--components", "16").code == 0
    done = descr("index", "build", "f", "-o", "i.index", "--basis", "b.nc")
    assert done.code == 0, done.err
    assert done.out.startswith("i.index: 2 added (")


@pytest.mark.usefixtures("built")
def test_building_again_brings_an_index_up_to_date(descr: Any) -> None:
    Path("f/a.png.nc").unlink()
    Path("f/c.png.nc").write_bytes(Path("f/b.png.nc").read_bytes()[:-100])

    done = descr("index", "build", "f", "-o", "i.index", "--json")

    assert done.code == 2
    assert done.err.count("error: ") == 1
    assert "f/c.png.nc: was cut off" in done.err
    document = json.loads(done.out)
    statuses = ("added", "replaced", "kept", "removed", "failed")
    assert [document[status] for status in statuses] == [0, 0, 1, 1, 1]
    assert list(Index("i.index")) == ["b.png"]


@pytest.mark.usefixtures("built")
def test_what_an_index_holds_is_shown(descr: Any) -> None:
    lines = dict(
        line.split(maxsplit=1) for line in descr("index", "info", "i.index").out.splitlines()
    )
    assert (lines["images"], lines["descriptor"], lines["layers"]) == (
        "2",
        "sift",
        "sift/scale_1 16",
    )
    assert lines["recall"].startswith("not measured")
    assert lines["engine"].startswith("tiles, ")
    shown = descr("index", "info", "i.index", "--recall").out
    assert "of the best 20: 100% of 1 x 1, 100% of 2 x 2" in shown
    assert json.loads(descr("index", "info", "i.index", "--json").out)["recall"]["top"] == 20


@pytest.mark.usefixtures("built")
def test_an_engine_is_chosen_and_kept(descr: Any) -> None:
    for options in (("--engine", "faiss"), ()):
        assert descr("index", "build", "f", "-o", "i.index", *options).code == 0
        document = json.loads(descr("index", "info", "i.index", "--json").out)
        assert document["engine"] == "faiss"
        assert document["engine_bytes"] > 0
    done = descr("index", "build", "f", "-o", "i.index", "--engine", "annoy")
    assert done.code == 2
    assert "one of tiles, faiss" in done.err


@pytest.mark.usefixtures("built")
def test_damage_is_told_and_mended(descr: Any) -> None:
    assert descr("index", "info", "i.index", "--verify").code == 0
    (path,) = Path("i.index").glob("shards/*/tiles.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"\x55")

    done = descr("index", "info", "i.index", "--verify")
    assert done.code == 2
    assert str(path) in done.err
    assert descr("index", "build", "f", "-o", "i.index", "--verify").code == 0
    assert descr("index", "info", "i.index", "--verify").code == 0


@pytest.mark.usefixtures("built")
def test_images_are_removed_by_name(descr: Any) -> None:
    done = descr("index", "remove", "i.index", "a.png", "z.png")
    assert done.code == 2
    assert "i.index has no image 'z.png'" in done.err
    assert len(Index("i.index")) == 2

    assert json.loads(descr("index", "remove", "i.index", "a.png", "--json").out)["images"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "nothing", "-o", "x.index"), "nothing is not a folder"),
        (("build", "f", "-o", "f/x.index"), "lies in f"),
        (("build", "f", "-o", "x.index"), "needs a basis"),
        (("info", "f"), "f is no index"),
        (("remove", "f", "a.png"), "f is no index"),
    ],
)
@pytest.mark.usefixtures("built")
def test_what_is_no_store_or_no_index_is_refused(
    descr: Any, arguments: tuple[str, ...], message: str
) -> None:
    done = descr("index", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not Path("x.index/index.json").exists()


@pytest.mark.usefixtures("built")
def test_workers_build_an_index_as_one_process_does(
    descr: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descr.descriptors.open_cluster", lambda *_, **__: nullcontext(client))
    build = "index", "build", "f", "--basis", "b.nc", "--workers", "2"
    done = descr(*build, "-o", "two.index")
    assert done.code == 0, done.err
    assert done.out.startswith("two.index: 2 added (")
    assert f"workers: 2, dashboard: {client.dashboard_link}" in done.err
    assert list(Index("two.index")) == list(Index("i.index"))
    assert descr(*build, "-o", "two.index").out.startswith("two.index: 2 kept (")
