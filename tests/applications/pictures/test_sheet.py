import numpy as np
import pytest
from descr.applications.pictures.canvas import Canvas
from descr.applications.pictures.letters import fitting, plain, text_width
from descr.applications.pictures.sheet import View, arrange, draw_gallery, draw_sheet
from descr.descriptors.errors import OutOfMemoryError
from descr.descriptors.runtime import memory
from hypothesis import example, given, settings
from hypothesis import strategies as st


def flat(value: int) -> View:
    return lambda height, width: np.full((height, width, 3), value, np.uint8)


def test_views_lie_in_rows_and_columns_with_their_aspects() -> None:
    rows = [[flat(10), flat(20)], [flat(30), flat(40)]]
    sheet = draw_sheet(rows, [2.0, 0.5], width=1000)
    assert sheet.shape[1] == pytest.approx(1000, abs=2)
    for value in (10, 20, 30, 40):
        shown = (sheet == value).all(axis=-1)
        tall, wide = shown.any(axis=1).sum(), shown.any(axis=0).sum()
        assert wide / tall == pytest.approx(2.0 if value in (10, 30) else 0.5, rel=0.01)
        assert shown.sum() == tall * wide
    assert (sheet[0, 0] == 10).all()
    assert (sheet[-1, -1] == 40).all()


@given(
    aspects=st.lists(st.floats(0.1, 10), min_size=1, max_size=5),
    rows=st.integers(1, 6),
    width=st.integers(64, 1500),
    labelled=st.booleans(),
)
@example(aspects=[4.25, 6.1875, 0.125, 0.125, 0.125], rows=1, width=64, labelled=False)
@settings(max_examples=30, deadline=None)
def test_a_sheet_is_as_wide_as_asked_or_narrower(
    aspects: list[float], rows: int, width: int, labelled: bool
) -> None:
    views = [[flat(0)] * len(aspects)] * rows
    labels = [["a label", "of two lines"]] * rows if labelled else []
    sheet = draw_sheet(views, aspects, width=width, row_labels=labels)
    assert sheet.shape[1] <= max(width, sum(aspects) + 10 * len(aspects))
    assert sheet.shape[0] <= 1.6 * width + 3 * rows


def test_labels_are_written_beside_rows_and_above_columns() -> None:
    views = [[flat(128)] * 2] * 2
    bare = draw_sheet(views, [1, 1], width=600)
    sheet = draw_sheet(views, [1, 1], width=600, row_labels=[["one"], []], column_labels=["x", "y"])
    text = (sheet < 100).all(axis=-1)
    pictures = (sheet == 128).all(axis=-1)
    left, top = (int((pictures.sum(axis=axis) > 100).argmax()) for axis in (0, 1))
    assert left > 20
    assert top > 10
    middle = top + (sheet.shape[0] - top) // 2
    assert text[top:middle, :left].any()
    assert not text[middle:, :left].any()
    assert text[:top, left : (left + 600) // 2].any()
    assert text[:top, (left + 600) // 2 :].any()
    assert not (bare < 100).any()


@given(aspects=st.lists(st.floats(0.2, 5), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_every_picture_has_its_place_in_order(aspects: list[float]) -> None:
    lines = arrange(aspects)
    assert [place for line in lines for place in line] == list(range(len(aspects)))
    assert all(lines)


def test_lines_are_filled_evenly() -> None:
    assert arrange([1.5, 1.5]) == [[0, 1]]
    assert arrange([1.5] * 4) == [[0, 1], [2, 3]]
    assert [len(line) for line in arrange([1.0] * 12)] == [4, 4, 4]
    assert [len(line) for line in arrange([1.5, 1.5, 1, 1, 1, 2, 1])] == [3, 4]
    assert [len(line) for line in arrange([1.0] * 7, 3.0)] == [2, 2, 3]


def test_lines_of_a_gallery_lie_in_the_middle() -> None:
    both = draw_gallery([[flat(0), flat(0)]], [10.0, 2.0], width=100, widest=10.0)
    assert both.shape == (10 + 4 + 10, 100, 3)
    assert (both[:10] == 0).all()
    assert (both[-10:, :40] == 255).all()
    assert (both[-10:, 40:60] == 0).all()
    assert (both[10:-10] == 255).all()


def test_text_is_drawn_where_it_is_asked_for_with_smooth_edges() -> None:
    page = Canvas.blank(100, 200)
    page.write([("label\nbelow", 50, 60)], size=20)
    written = page.finish()
    rows, columns = np.nonzero((written < 255).any(axis=-1))
    assert 50 <= columns.min() < 56
    assert rows.mean() == pytest.approx(60, abs=5)
    assert len(np.unique(written)) > 10
    page = Canvas.blank(100, 200)
    page.write([("label", 150, 50)], size=20, anchor="r")
    right = page.finish()
    assert np.nonzero((right < 255).any(axis=-1))[1].max() < 151


def test_text_that_is_too_wide_loses_its_middle() -> None:
    name = "a-very-long-name-of-an-image.jpg"
    short = fitting(name, 20, 150)
    assert text_width(short, 20) <= 150
    assert short.startswith("a-v")
    assert short.endswith(".jpg"[-3:])
    assert "..." in short
    assert fitting(name, 20, 1000) == name


def test_the_role_of_an_image_is_not_cut() -> None:
    title = "source: a-very-long-name.jpg"
    assert fitting(title, 20, text_width(title, 20)) == title
    assert fitting(title, 20, text_width(title, 20) - 1).startswith("source: a-v")
    assert fitting(title, 20, text_width("source", 20) + 30) == "source"
    assert text_width(fitting(title, 20, 30), 20) <= 30


def test_labels_of_rows_keep_within_them() -> None:
    lines = [["layer", "source", "3 x 4 cells", "5 channels"]]
    sheet = draw_sheet([[flat(0)] * 9], [1.5] * 9, width=600, row_labels=lines)
    texts = sheet.canvas.texts
    assert [one.text for one in texts] == ["layer", "source"]
    assert all(one.size / 2 <= one.y <= len(sheet) - one.size / 2 for one in texts)


def test_titles_of_all_lines_have_one_size_and_may_be_of_two_lines() -> None:
    views, titles = [flat(0)] * 2, [("a", "below"), ("b",)]
    sheet = draw_gallery([views], [4.0, 2.0], width=1200, widest=4.0, titles=titles, letters=20)
    texts = sheet.canvas.texts
    assert [(one.text, one.size) for one in texts] == [("a", 20), ("below", 20), ("b", 20)]
    tops = (sheet == 0).all(axis=(1, 2)).nonzero()[0]
    assert texts[0].y < texts[1].y < tops.min()


def test_text_is_written_in_letters_that_the_font_has() -> None:
    assert plain("Zürich\nCafé") == "Zurich Cafe"
    assert plain("猫.jpg") == "?.jpg"
    assert plain("\x1b[2J\u202e\ud800") == "\\x1b[2J\\u202e\\ud800"


def test_a_name_of_a_million_letters_is_cut_as_well() -> None:
    assert text_width(fitting("猫" * 10**6, 20, 150), 20) <= 150


def test_a_sheet_that_takes_more_than_is_free_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1 << 30)
    with pytest.raises(OutOfMemoryError, match="a picture of 20000 x 10000 pixels") as caught:
        draw_sheet(
            [[lambda height, width: np.zeros((height, width, 3), np.uint8)]], [2.0], width=20_000
        )
    assert "lower width" in caught.value.hint
