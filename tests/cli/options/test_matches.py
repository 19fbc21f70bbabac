from pathlib import Path

import pytest
from descr.applications.exchange import Point
from descr.cli.console.errors import UserError
from descr.cli.options.matches import check_inside, parse_points
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


def test_points_and_files_are_taken_in_the_order_given(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y,name\n3,4.5,eye\n6,7,\n")
    points = parse_points(["1,2", str(path), "8,9"])
    assert [(point.x, point.y) for point in points] == [(1, 2), (3, 4.5), (6, 7), (8, 9)]
    assert [point.name for point in points] == ["", "eye", "", ""]


def test_an_empty_text_is_no_folder() -> None:
    with pytest.raises(UserError, match="--points: no point"):
        parse_points([""])


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
