from pathlib import Path

import pytest
from descr.applications.exchange import read_points
from descr.descriptors.errors import PointError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x,y\n3,4.5\n6,7\n", ["", ""]),
        ("3,4.5\n6,7\n", ["", ""]),
        ("\ufeffx,y\r\n3,4.5\r\n6,7\r\n", ["", ""]),
        ("name,y,x\neye,4.5,3\nnose,7,6\n", ["eye", "nose"]),
        ("3,4.5,eye\n6,7\n", ["eye", ""]),
        ("# two points\n\nX, Y\n3, 4.5\n\n6, 7\n", ["", ""]),
        ('x,y,name\n3,4.5,"left, upper"\n6,7,\n', ["left, upper", ""]),
        ("source_x,source_y,target_x,target_y,score\n3,4.5,1,1,0.9\n6,7,,,\n", ["", ""]),
    ],
)
def test_a_file_can_have_several_forms(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode())
    points = read_points(path)
    assert [(point.x, point.y) for point in points] == [(3, 4.5), (6, 7)]
    assert [point.name for point in points] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[[3, 4.5], [6, 7]]", ["", ""]),
        ('[{"x": 3, "y": 4.5, "name": "eye"}, {"y": 7, "x": 6.0}]', ["eye", ""]),
        ('[{"source_x": 3, "source_y": 4.5, "name": null, "target_x": 1}, [6, 7]]', ["", ""]),
        (' {"eye": [3, 4.5], "points": [6, 7]}', ["eye", "points"]),
        ('{"eye": {"x": 3, "y": 4.5}, "nose": [6, 7]}', ["eye", "nose"]),
        ('{"seconds": 1, "matches": [{"name": "a", "x": 3, "y": 4.5}, [6, 7]]}', ["a", ""]),
        ('\ufeff{"points": [[3, 4.5], [6, 7]]}', ["", ""]),
    ],
)
@pytest.mark.parametrize("suffix", ["json", "txt"])
def test_a_file_can_be_json(tmp_path: Path, text: str, names: list[str], suffix: str) -> None:
    path = tmp_path / f"points.{suffix}"
    path.write_bytes(text.encode())
    points = read_points(path)
    assert [(point.x, point.y) for point in points] == [(3, 4.5), (6, 7)]
    assert [point.name for point in points] == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[3, 4", "can't be read as JSON"),
        ("", "can't be read as JSON"),
        ("3", "holds no list of points"),
        ("[]", "holds no point"),
        ("{}", "holds no point"),
        ("[[3, 4], [5]]", r"point 2: \[5\] is not a point"),
        ('["nose"]', 'point 1: "nose" is not a point'),
        ('{"nose": 3}', "'nose': 3 is not a point"),
        ('[{"x": 3}]', "x and y must be numbers"),
        ('[[true, "4"]]', "x and y must be numbers"),
        ("[[NaN, 4]]", "finite"),
        ("[" * 100_000, "can't be read as JSON"),
    ],
)
def test_json_that_holds_no_points_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "points.json"
    path.write_text(text)
    with pytest.raises(PointError, match=f"points.json.*{says}"):
        read_points(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x,y\n3,4\n120,5,90\n", "line 3: 3 values in 2 columns"),
        ("3,4\n120,5,90\n", "line 2: 3 values in 2 columns"),
        ("name,x,y\neye, left,3,4\n", "line 2: 4 values in 3 columns"),
    ],
)
def test_a_row_with_more_values_than_columns_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(PointError, match=says) as caught:
        read_points(path)
    assert "decimal point" in str(caught.value.hint)


def test_empty_columns_at_the_end_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y\n3,4,\n6,7,,\n")
    assert [(point.x, point.y) for point in read_points(path)] == [(3, 4), (6, 7)]


def test_a_hint_on_json_does_not_speak_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text('[["a", 1]]')
    with pytest.raises(PointError) as caught:
        read_points(path)
    assert "CSV" not in str(caught.value.hint)


def test_a_point_of_a_file_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y\n\n3,4\n")
    assert read_points(path)[0].origin == f"{path} line 3"
