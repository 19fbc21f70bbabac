from pathlib import Path

import pytest
from descr.cli.console.errors import UserError
from descr.cli.options.points import Point, check_inside, parse_points
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=5))
def test_points_are_read_as_they_are_printed(points: list[tuple[float, float]]) -> None:
    parsed = parse_points([f"{x!r},{y!r}" for x, y in points])
    assert [(point.x, point.y) for point in parsed] == points


@pytest.mark.parametrize("text", ["3,4.5", " 3 , 4.5 ", "3;4.5", "+3,4.50", "3e0,45e-1"])
def test_a_point_can_be_written_in_several_ways(text: str) -> None:
    assert parse_points([text]) == [Point(3, 4.5, "", f"--points {text}")]


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
    points = parse_points(["1,2", str(path)])
    assert [(point.x, point.y) for point in points] == [(1, 2), (3, 4.5), (6, 7)]
    assert [point.name for point in points[1:]] == names


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
    points = parse_points(["1,2", str(path)])
    assert [(point.x, point.y) for point in points] == [(1, 2), (3, 4.5), (6, 7)]
    assert [point.name for point in points[1:]] == names


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
    with pytest.raises(UserError, match=f"points.json.*{says}"):
        parse_points([str(path)])


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
    with pytest.raises(UserError, match=says) as caught:
        parse_points([str(path)])
    assert "decimal point" in str(caught.value.hint)


def test_empty_columns_at_the_end_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y\n3,4,\n6,7,,\n")
    assert [(point.x, point.y) for point in parse_points([str(path)])] == [(3, 4), (6, 7)]


def test_an_empty_text_is_no_folder() -> None:
    with pytest.raises(UserError, match="--points: no point"):
        parse_points([""])


def test_a_hint_on_json_does_not_speak_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    path.write_text('[["a", 1]]')
    with pytest.raises(UserError) as caught:
        parse_points([str(path)])
    assert "CSV" not in str(caught.value.hint)


def test_a_point_of_a_file_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y\n\n3,4\n")
    assert parse_points([str(path)])[0].origin == f"{path} line 3"


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [
        (-0.5, -0.5, True),
        (9.5, 4.5, True),
        (-0.51, 0, False),
        (9.51, 0, False),
        (0, 4.51, False),
        (0, -0.51, False),
    ],
)
def test_an_image_ends_half_a_pixel_beyond_its_outer_centres(
    x: float, y: float, inside: bool
) -> None:
    points = [Point(0, 0, "", "first"), Point(x, y, "", "second")]
    if inside:
        check_inside(points, width=10, height=5, image="a.png")
    else:
        with pytest.raises(UserError, match=r"second.*a\.png.*10 x 5"):
            check_inside(points, width=10, height=5, image="a.png")
