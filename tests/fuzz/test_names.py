"""Names of others, whatever they are, on standard output, standard error, in pages and pictures."""

import io
import json
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from descr.applications.evaluation.report.tables import Table
from descr.applications.pictures.letters import fitting, text_width
from descr.applications.text import markdown, one_line, printable
from descr.cli.console.errors import say
from descr.cli.console.tables import print_facts, print_table
from descr.cli.main import run
from descr.descriptors import SIFT
from descr.descriptors.errors import DescrError
from descr.descriptors.store import save_features
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.mutations import examples

_HOSTILE = [
    "\x1b]0;title\x07",
    "\x1b]52;c;Y2xpcA==\x07",
    "\x1b[2J",
    "\x9b31m",
    "\r\n",
    "error: all is lost",
    "\u202e",
    "\u200d",
    "\u2066",
    "\ud800",
    "\udcff",
    "[red]",
    "[/]",
    "[link=https://a.b]",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "![x](y)",
    "<javascript:alert(1)>",
    "&lt;b&gt;&#60;",
    "|",
    "\\",
    "`",
    "``",
    "**",
    "_",
    "~~",
    "\n# ",
    "\n\n- ",
    "{: onclick=alert(1)}",
    "猫",
    "é",
    "שלום",
    "🐈\u200d⬛",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\U000e0067",
]
WORDS = st.lists(st.one_of(st.sampled_from(_HOSTILE), st.text(max_size=4)), max_size=6).map(
    "".join
) | st.text(st.characters(exclude_categories=()), max_size=12)


def seen(text: str) -> bool:
    """Whether a terminal shows all of the text, and obeys none of it."""
    return all(
        one in "\n\u200c\u200d" or one.isprintable() or unicodedata.category(one) == "Zs"
        for one in re.sub("\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f", "", text)
    )


def printed(*arguments: object) -> tuple[int, str, str]:
    """The exit code of a command, and what it prints."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = run([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def checked(*arguments: object) -> tuple[int, str, str]:
    """The same of a command that must end in its result or in one plain line."""
    code, out, err = printed(*arguments)
    assert code in (0, 2), err
    assert "internal error" not in err
    assert seen(out), ascii(out)
    assert seen(err), ascii(err)
    if code == 2:
        assert err.count("\nerror: ") + err.startswith("error: ") == 1, ascii(err)
    return code, out, err


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return np.asarray(PIL.Image.fromarray(noise).resize((48, 32)))


@pytest.fixture(scope="module")
def report(pixels: np.ndarray) -> dict[str, object]:
    """A report of two pairs, as `descr evaluate` writes it."""
    numbers = {"label": "PCK", "unit": "%", "average": "per-image", "value": 0.5}
    return {
        "descr_evaluation": 1,
        "protocol": {"line": "PCK@0.1"},
        "numbers": [numbers],
        "pairs": {
            "what": "pairs",
            "name": ["a", "b"],
            "category": ["a", "b"],
            "of": [[2, 2]],
            "right": [[1, 2]],
        },
        "dataset": {"name": "d", "title": "d"},
        **dict.fromkeys(("descriptor", "layers", "matcher", "settings", "recipe", "versions"), ""),
    }


@pytest.fixture(autouse=True, scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name, chdir(name):
        yield Path(name)


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the text of each cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.cells: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_comment(self, data: str) -> None:
        self.tags.append(("!--", []))

    handle_decl = handle_pi = unknown_decl = handle_comment

    def handle_data(self, data: str) -> None:
        if self.cells and self.tags[-1][0] in ("td", "th"):
            self.cells[-1] += data


def check_page(page: str) -> Tags:
    """Fail if markup of others is in a page of Markdown, before and after it becomes HTML."""
    assert not Tags(page).tags, page
    assert seen(page), ascii(page)
    html = Tags(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(page))
    for tag, attributes in html.tags:
        assert tag in ("h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td"), page
        assert all(name == "style" for name, _ in attributes), page
    return html


@given(WORDS)
@examples(300)
def test_text_is_seen_and_nothing_of_it_is_lost(text: str) -> None:
    assert seen(printable(text))
    assert printable(printable(text)) == printable(text)
    assert "\n" not in one_line(text)
    escaped = [one for one in text if one not in printable(text)]
    assert all(one.encode("unicode_escape").decode() in printable(text) for one in escaped)
    with redirect_stdout(io.StringIO()) as out:
        say(text, err=False)
        print_facts([(text, text)])
        print_table([text, "n"], [[text, "1"]], numbers=["n"])
    assert seen(out.getvalue())
    assert fitting(text, 12, 60) == "" or text_width(fitting(text, 12, 60), 12) <= 60


@given(WORDS, WORDS)
@examples(200)
def test_cells_of_a_page_read_as_they_are(title: str, cell: str) -> None:
    table = Table(title, ("one", cell), ((cell, title), (title, cell)), words=2)
    html = check_page(f"# {markdown(title)}\n\n{table.markdown()}\n")
    texts = ["one", cell, cell, title, title, cell]
    assert [" ".join(text.split()) for text in html.cells] == [
        " ".join(printable(text).split()) for text in texts
    ]


def file_name(text: str) -> str:
    """The text as the name of a file here."""
    kept = "".join(one for one in text if one not in "/\0" and not "\ud800" <= one < "\udc80")
    kept = "".join(one for one in kept if not "\udcff" < one < "\ue000")
    return f"a{os.fsdecode(os.fsencode(kept)[:80])}.png"


@given(WORDS, WORDS)
@examples(6)
def test_images_and_points_of_any_name(pixels: np.ndarray, image: str, point: str) -> None:
    with tempfile.TemporaryDirectory() as work, chdir(work):
        PIL.Image.fromarray(pixels).save(path := Path(work, file_name(image)))
        Path("p.json").write_text(json.dumps([{"name": point, "x": 9, "y": 9}]))
        fast = ("--set", "size=48")
        outputs = ("-o", "m.csv", "-o", "m.json", "-o", "m.png", "-o", "m.nc")
        code, _, err = checked(
            "match", path, path, *fast, "--min-score", "-1", "--points", "p.json", *outputs
        )
        assert code == 0, err
        document = json.loads(Path("m.json").read_text())
        name = point.encode(errors="replace").decode()
        assert [row.get("name", "") for row in document["matches"]] == [name]
        assert document["source"]["path"] == str(path)
        assert json.loads(printed("extract", path, *fast, "-o", "f", "--json")[1])["files"]
        code, _, err = checked("info", *Path("f").glob("[!.]*"))
        assert code == 0, err
        checked("match", path, f"{path}{image}".replace("\0", ""), *fast)
        checked("evaluate", image, point)


@given(WORDS, WORDS, WORDS)
@examples(25)
def test_features_of_any_layer_and_attributes(
    pixels: np.ndarray, folder: Path, layer: str, attribute: str, value: str
) -> None:
    (tree,) = SIFT(size=48).extract([pixels])
    node = tree["/sift/scale_1"].to_dataset().assign_attrs(layer=layer, model=value)
    root = tree.to_dataset().assign_attrs({"image_name": value, "descriptor": value})
    try:
        named = type(tree).from_dict(
            {"/": root.assign_attrs({attribute: value}), f"/sift/{layer}": node}
        )
        save_features(named, "named.nc")
    except (DescrError, ValueError, TypeError, KeyError):
        # Neither xarray nor NetCDF takes every name; what they take must be printed.
        return
    for arguments in (("info", "named.nc"), ("match", "named.nc", "named.nc")):
        checked(*arguments)
    code, out, err = checked("info", "named.nc", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["image"] == value


@given(WORDS, WORDS, WORDS)
@examples(25)
def test_reports_of_others(report: dict[str, object], title: str, label: str, what: str) -> None:
    numbers = {"label": label, "unit": "%", "average": "per-image", "value": 0.5}
    pairs = {**report["pairs"], "category": [label, what], "what": title}  # type: ignore[dict-item]
    first = {
        **report,
        "dataset": {"name": title, "title": title},
        "protocol": {"line": what},
        "numbers": [numbers],
        "pairs": pairs,
        "descriptor": what,
        "versions": {title: label},
    }
    for name, one in (("a", first), ("b", {**first, "descriptor": label})):
        Path(f"{name}.json").write_text(json.dumps(one))
    code, _, err = checked("evaluate", "--compare", "a.json", "b.json", "-o", "c.md")
    assert code == 0, err
    check_page(Path("c.md").read_text(encoding="utf-8"))
    code, out, _ = checked("evaluate", "--compare", "a.json", "b.json", "--json")
    assert json.loads(out)["dataset"] == title


def test_the_tests_tell_what_is_seen() -> None:
    assert seen("error: 猫.png\n")
    assert not any(map(seen, ("\x1b", "\u202e", "\x9b", "\ud800", "\r", "\u200b", "\u2028")))
    assert sys.getdefaultencoding() == "utf-8"
