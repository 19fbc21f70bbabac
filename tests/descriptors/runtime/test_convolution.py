import pytest
import torch
from descr.descriptors.runtime import convolution
from descr.descriptors.runtime.convolution import convolved_runs, convolved_strips, equal_rows
from hypothesis import given, settings
from hypothesis import strategies as st


def banded(rows: list[tuple[int, bool]]) -> torch.Tensor:
    """Bands of so many rows (2, 3, rows, 7): of equal ones, or each of its own."""
    generator = torch.Generator().manual_seed(0)
    bands = [
        torch.rand(2, 3, 1 if equal else count, 7, generator=generator).expand(2, 3, count, 7)
        for count, equal in rows
    ]
    return torch.cat(bands, dim=2)


def test_runs_of_equal_rows_are_found() -> None:
    features = banded([(10, True), (3, False), (8, True), (7, True), (12, True)])
    # Seven rows are too few to be worth it.
    assert equal_rows(features) == [slice(0, 10), slice(13, 21), slice(28, 40)]
    features[1, 2, 33, 6] += 1
    assert equal_rows(features) == [slice(0, 10), slice(13, 21)]


@pytest.mark.parametrize(
    ("size", "stride", "above", "expected"),
    [
        (1, 1, 0, slice(20, 60)),
        # A row of the result needs all of the three that it sees inside the run.
        (3, 1, 1, slice(21, 59)),
        # Row k sees 2k to 2k + 2.
        (3, 2, 0, slice(10, 29)),
    ],
)
def test_runs_shrink_by_what_a_convolution_sees(
    size: int, stride: int, above: int, expected: slice
) -> None:
    layer = torch.nn.Conv2d(3, 3, size, stride)
    assert convolved_runs([slice(20, 60)], layer, above) == [expected]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 24), st.booleans()), min_size=1, max_size=5),
    layer=st.sampled_from([(1, 1, 0), (3, 1, 1), (3, 2, 1)]),
    strip=st.integers(1, 4000),
)
def test_equal_rows_are_convolved_once_and_count_as_many(
    rows: list[tuple[int, bool]], layer: tuple[int, int, int], strip: int
) -> None:
    size, stride, padding = layer
    features = banded(rows)
    torch.manual_seed(1)
    convolve = torch.nn.Conv2d(3, 4, size, stride, padding)
    runs = equal_rows(features)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(convolution, "_STRIP", strip)
        whole = convolve(features)
        strips = list(convolved_strips(features, convolve, runs=runs))
    covered = [row for where, _ in strips for row in range(where.start, where.stop)]
    assert covered == list(range(whole.shape[2]))
    for where, values in strips:
        assert values.shape[2] in (1, where.stop - where.start)
        assert torch.allclose(values.expand_as(whole[:, :, where]), whole[:, :, where], atol=1e-5)
    once = {where.start: values.shape[2] for where, values in strips}
    for run in convolved_runs(runs, convolve, padding):
        assert once[run.start] == 1
        assert max(key for key in once if key < run.stop) == run.start
