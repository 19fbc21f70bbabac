from pathlib import Path

import pytest
from descr.applications.exchange.pairs import PairRow, find_file, read_pairs, write_page
from descr.descriptors.errors import OptionError


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("source,target\na.jpg,b.jpg\n", [PairRow(2, "a.jpg", "b.jpg")]),
        (
            "\ufeffSource, Target ,score\na,b,0.5\n\nc,d,\n",
            [PairRow(2, "a", "b"), PairRow(4, "c", "d")],
        ),
        ("score,target,source\n1,b,a\n", [PairRow(2, "a", "b")]),
        ("a.jpg,b.jpg\n", [PairRow(1, "a.jpg", "b.jpg")]),
        ('source,target\n"a, b.jpg","c\nd.jpg"\n', [PairRow(3, "a, b.jpg", "c\nd.jpg")]),
    ],
)
def test_the_columns_source_and_target_are_read(
    tmp_path: Path, text: str, rows: list[PairRow]
) -> None:
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    assert read_pairs(tmp_path / "p.csv") == rows


def test_a_row_that_is_wrong_says_why(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("source,target\na\na,b,c\n,b\na,b\n")
    faults = [row.fault for row in read_pairs(tmp_path / "p.csv")]
    assert faults == ["1 values in 2 columns", "3 values in 2 columns", *faults[2:3], ""]
    assert faults[2] == "source or target is missing"


@pytest.mark.parametrize("text", ["", "source,target\n", None])
def test_a_file_without_pairs_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "p.csv").write_text(text)
    with pytest.raises(OptionError, match=r"p\.csv"):
        read_pairs(tmp_path / "p.csv")


def test_names_that_are_no_valid_text_are_kept(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"source,target\n\xff.jpg,b.jpg\n")
    assert read_pairs(tmp_path / "p.csv")[0].source == "\udcff.jpg"


def test_a_file_is_that_of_the_first_folder_the_image_before_its_features(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for path in ("b/x.jpg", "b/x.jpg.nc", "a/y.jpg.nc", "b/y.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert find_file("x.jpg", folders) == tmp_path / "b/x.jpg"
    assert find_file("y.jpg", folders) == tmp_path / "a/y.jpg.nc"
    assert find_file(str(tmp_path / "b/y.jpg"), folders) == tmp_path / "b/y.jpg"
    assert find_file("z.jpg", folders) is None


def test_a_page_is_whole_in_one_file_and_shows_names_as_text(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"jpeg")
    rows = [
        {"source": "<i>", "target": '"&\u202e', "matches": 3, "doubtful": True, "error": None},
        {"source": "c", "target": "d", "matches": None, "doubtful": None, "error": "no <file>"},
    ]
    columns = ["source", "target", "matches", "doubtful", "error"]

    write_page(
        tmp_path / "r.html", "p<1>", columns, rows, {("<i>", '"&\u202e'): tmp_path / "1.jpg"}
    )

    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>p&lt;1&gt;</title>" in page
    assert "<td>&lt;i&gt;</td><td>&quot;&amp;\\u202e</td>" in page
    assert '<td class="number">3</td><td>yes</td><td class="error"></td>' in page
    assert '<td class="error">no &lt;file&gt;</td>' in page
    assert page.count("<img ") == page.count("data:image/jpeg;base64,anBlZw==") == 1
