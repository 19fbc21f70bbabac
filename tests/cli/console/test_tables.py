"""Tables and facts on terminals of all widths, and on none."""

import pytest
from descr.cli.console.tables import degrees, facts_of, print_facts, print_table

LAYERS = [f"stable_diffusion/decoder_{number}" for number in (2, 5, 8)]
NAMES = ["left eye", "鼻の先", "the_tip_of_the_left_ear_as_seen_from_behind", "[bold]"]
PLACES = ["1002.3, 1145.1", "2.3, 14.1", "102.5, 0.1", "-"]
SCORES = ["0.912", "no match", "0.322", "0.500"]
TITLES = ["point", "name", "source", "target", "score", "round trip"]
NUMBERS = ["point", "source", "target", "score", "round trip"]


def columns(monkeypatch: pytest.MonkeyPatch, count: int | None) -> None:
    """Make the terminal so wide; None for a pipe."""
    if count is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", str(count))


def print_points() -> None:
    rows = [
        (str(number + 1), name, PLACES[number], PLACES[-number], SCORES[number], f"{number}.25")
        for number, name in enumerate(NAMES)
    ]
    print_table(TITLES, rows, numbers=NUMBERS)


@pytest.mark.parametrize("count", [60, 80, 120, None])
def test_each_layer_has_a_name_of_its_own(
    count: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(monkeypatch, count)
    numbers = ["channels", "cells", "spacing, px", "components", "weight"]
    cells = ["1280", "60 x 60", "15.9 x 16.1", "256", "0.7071"]
    print_table(["layer", *numbers], [[layer, *cells] for layer in LAYERS], numbers=numbers)
    out = capsys.readouterr().out
    starts = [line.split()[0] for line in out.splitlines() if line.startswith("stable")]
    tables = 2 if count == 60 else 1
    assert starts == LAYERS * tables
    assert all(out.count(cell) == len(LAYERS) for cell in cells)


@pytest.mark.parametrize("count", [40, 60, 80, 120, None])
def test_no_cell_is_cut_at_any_width(
    count: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(monkeypatch, count)
    print_points()
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= (count or 1000)
    for cell in (*TITLES, *PLACES, *SCORES, *(f"{number}.25" for number in range(4))):
        assert cell in out
    # A name without blanks goes on in the next line, under its first letters.
    start = out.index(NAMES[2][:10])
    left = start - out.rindex("\n", 0, start) - 1
    letters = [line[left:].split()[0] for line in out.splitlines() if line[left:].strip()]
    assert NAMES[2] in "".join(letters)
    assert all(name in out for name in NAMES if name != NAMES[2])


def test_what_does_not_fit_stands_below_beside_the_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(monkeypatch, 40)
    print_table(
        ["name", *"abcd"],
        [["left", *(f"{letter}-left-1234" for letter in "abcd")], ["right", *"wxyz"]],
        numbers="abcd",
    )
    first, second = capsys.readouterr().out.split("\n\n")
    assert [line.split() for line in first.splitlines()[::2]] == [
        ["name", "a", "b"],
        ["left", "a-left-1234", "b-left-1234"],
    ]
    assert second.splitlines()[0].split() == ["name", "c", "d"]
    assert second.splitlines()[3].split() == ["right", "y", "z"]


@pytest.mark.parametrize("count", [20, 40, 80, None])
def test_no_fact_is_cut(
    count: int | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(monkeypatch, count)
    path = "/".join(["folder"] * 30) + "/a.jpg.nc"
    print_facts([("file", path)])
    lines = capsys.readouterr().out.splitlines()
    assert "".join(line[4:].strip() for line in lines) == path
    assert (len(lines) == 1) == (count is None)
    print_facts([("cosines with a_photograph_of_an_astronaut.png", "0.80, 0.83 " * 9)])
    assert capsys.readouterr().out.split().count("0.83") == 9


def test_a_table_without_rows_and_cells_without_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns(monkeypatch, 80)
    print_table(["name", "a"], [], numbers=["a"])
    assert capsys.readouterr().out.splitlines()[0].split() == ["name", "a"]
    print_table(["", "a"], [["", "1"]], numbers=["a"])
    assert capsys.readouterr().out.splitlines()[-1].strip() == "1"


def test_a_document_as_facts() -> None:
    facts = facts_of({"images": 2, "layers": {"sift/scale_1": 64, "sift/scale_2": 32}})
    assert facts == [("images", "2"), ("layers", "sift/scale_1 64, sift/scale_2 32")]
    assert degrees(0.5) == "60.00 degrees"
