import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from descr.applications import joint_pca
from descr.applications.explorer import check_matcher, explore
from descr.applications.explorer.page import share_components
from descr.descriptors import SIFT
from descr.descriptors.errors import ImageError, OptionError, OutputError
from descr.matchers import Matcher, MutualNearestNeighbor, NearestNeighbor, SoftArgmax
from support.pictures import photograph, random_map

STATIC = Path(__file__).parents[3] / "applications" / "explorer" / "static"


class Parts(HTMLParser):
    """The elements of a page, and what stands in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.texts.append([])

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag("", ())  # what follows belongs to none of them

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1].append(data)

    def of(self, tag: str, **attributes: str) -> list[str]:
        """The texts of the elements of this kind."""
        return [
            "".join(text)
            for (name, own), text in zip(self.elements, self.texts, strict=True)
            if name == tag and attributes.items() <= own.items()
        ]

    def block(self, name: str) -> bytes:
        (text,) = self.of("script", id=name)
        return base64.b64decode(text, validate=True)


@pytest.fixture(scope="module")
def parts(fused_page: Any) -> Parts:
    return Parts(fused_page.html)


def test_the_policy_names_every_script_and_style_and_nothing_else(parts: Parts) -> None:
    policies = [
        own["content"]
        for tag, own in parts.elements
        if own.get("http-equiv") == "Content-Security-Policy"
    ]
    directives = dict(one.strip().split(" ", 1) for one in policies[0].split(";"))
    scripts = [
        text
        for (tag, own), text in zip(parts.elements, map("".join, parts.texts), strict=True)
        if tag == "script" and "type" not in own
    ]

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join(map(digest, scripts)),
        "style-src": " ".join(map(digest, parts.of("style"))),
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert len(scripts) == len(set(STATIC.glob("*.js")) - {STATIC / "widget.js"})


def test_nothing_is_asked_for_from_elsewhere(fused_page: Any, parts: Parts) -> None:
    for _, own in parts.elements:
        assert not {"style", "onload", "onclick", "onerror", "integrity"} & own.keys()
        for name in ("src", "href", "action", "data", "poster"):
            assert own.get(name, "data:").startswith("data:")
    code = "".join(path.read_text(encoding="utf-8") for path in STATIC.iterdir())
    assert re.findall(r"https?://[^\s\"']+", code) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval|innerHTML)\b", code)
    assert "url(" not in code


def test_images_features_and_colours_are_in_the_page(
    fused_page: Any, parts: Parts, fused_maps: Any, fused_images: Any
) -> None:
    document = json.loads(parts.of("script", id="document")[0])
    assert [one["name"] for one in document["images"]] == ["a.png", "b.png", "c.png"]
    assert document["images"][1]["x"] == fused_maps[1]["x"].values.tolist()
    assert [one["name"] for one in document["sources"]] == ["near", "far"]
    assert document["matcher"] == {"name": "nearest", "margin": None}
    for source, part in enumerate(fused_page.features.cells):
        for image, cells in enumerate(part):
            stored = np.frombuffer(parts.block(f"features-{source}-{image}"), np.int8)
            np.testing.assert_array_equal(stored.reshape(cells.shape), cells)
    for image, colors in enumerate(joint_pca(fused_maps)):
        stored = np.frombuffer(parts.block(f"pca-2-{image}"), np.uint8).reshape(colors.shape)
        np.testing.assert_array_equal(stored, np.rint(colors.values * 255).astype(np.uint8))
    assert parts.block("photograph-0").startswith(b"\xff\xd8")
    assert len(parts.block("colors-viridis")) == 768
    for row, (name, numbers) in zip(
        document["loss"], fused_page.loss.to_dataframe().iterrows(), strict=True
    ):
        assert row["descriptor"] == name
        assert row["same_cell"] == pytest.approx(numbers["same_cell"], abs=1e-6)


def test_masks_are_in_the_page(masked: Any) -> None:
    page, maps, masks = masked
    parts = Parts(page.html)
    inside = np.frombuffer(parts.block("inside-0"), np.uint8).reshape(maps[0].shape[1:])
    rows, columns = (np.rint(maps[0][axis]).astype(int) for axis in ("y", "x"))
    np.testing.assert_array_equal(inside, masks[0][np.ix_(rows, columns)])
    assert parts.block("mask-1").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>.jpg", "</script>.png", "<!--<script>", "a&amp;{{data}}\"'.jpg"],
)
def test_names_are_text_wherever_they_stand(name: str) -> None:
    maps = [random_map(3, 4, seed=at, name=name) for at in range(2)]
    page = explore(maps, images=[photograph(60, 80), photograph(60, 80, 1)])
    parts = Parts(page.html)
    assert parts.of("title") == [f"{name} · {name}"]
    document = parts.of("script", id="document")[0]
    assert not set("<>&") & set(document)
    assert json.loads(document)["images"][0]["name"] == name
    assert html.escape(name) in page.html
    assert len(parts.of("body")) == 1


def test_a_pair_of_60_by_60_cells_takes_less_than_12_megabytes() -> None:
    images = [photograph(1400, 1600, seed) for seed in (1, 2)]  # noise is the largest of JPEG files
    maps = [random_map(60, 60, 600, seed=at, height=1400, width=1600) for at in (1, 2)]
    page = explore(maps, images=images, components=512)
    assert page.features.components == [512]
    assert len(page.html.encode()) < 12e6


@pytest.mark.parametrize(
    ("channels", "cells", "most", "components"),
    [
        ([768, 768], 3600, 256, [256, 256]),
        ([768, 768], 3600, 400, [256, 256]),
        ([64, 1024], 3600, 1000, [64, 448]),
        ([128], 3600, 256, [128]),
        ([1024], 40_000, 256, [100]),
        ([8, 8], 10_000_000, 256, [1, 1]),
    ],
)
def test_components_share_the_room(
    channels: list[int], cells: int, most: int, components: list[int]
) -> None:
    assert share_components(channels, cells, most) == components


def test_images_are_described() -> None:
    page = explore([photograph(64, 80), photograph(64, 80, 1)], SIFT(size=64, step=8))
    assert page.features.sources == ["sift"]
    assert float(page.loss["same_cell"][0]) > 0.9


@pytest.mark.parametrize(
    ("matcher", "settings"),
    [
        (NearestNeighbor(), {"name": "nearest", "margin": None}),
        (
            MutualNearestNeighbor(tolerance=2, margin=3),
            {"name": "mutual", "tolerance": 2, "margin": 3},
        ),
        (
            SoftArgmax(window=None, temperature=0.1),
            {"name": "soft-argmax", "temperature": 0.1, "window": None, "margin": None},
        ),
    ],
)
def test_a_page_begins_with_a_matcher(matcher: Matcher, settings: dict[str, Any]) -> None:
    assert check_matcher(matcher) == settings


def test_what_a_page_cannot_show_is_refused(fused_maps: Any, fused_images: Any) -> None:
    class Own(NearestNeighbor):
        """A matcher of somebody's own."""

    for count in (1, 13):
        with pytest.raises(OptionError, match=f"2 to 12 images, not {count}"):
            explore([fused_maps[0]] * count)
    with pytest.raises(OptionError, match="can't compute Own"):
        explore(fused_maps, images=fused_images, matcher=Own())
    with pytest.raises(OptionError, match="needs the photographs"):
        explore(fused_maps)
    with pytest.raises(OptionError, match="need a descriptor"):
        explore(fused_images)
    with pytest.raises(OptionError, match="components"):
        explore(fused_maps, images=fused_images, components=0)
    with pytest.raises(ImageError, match="mask"):
        explore(fused_maps, images=fused_images, masks=[np.zeros((60, 80), bool), None, None])


def test_a_page_is_saved_whole_or_not_at_all(fused_page: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    fused_page.save(path)
    assert path.read_text(encoding="utf-8") == fused_page.html
    with pytest.raises(OutputError, match="does not exist"):
        fused_page.save(tmp_path / "none" / "page.html")
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
