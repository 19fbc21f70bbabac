import numpy as np
import pytest
import torch
from descr.applications.evaluation.run.pixels import best_pixels
from descr.descriptors.features.grids import Grid
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional


def places(count, side):
    return (np.arange(count) + 0.5) * side / count - 0.5


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_the_best_pixel_is_that_of_the_resized_features(rows, columns, height, width, seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(6, rows, columns, generator=generator)
    # Cells of very different lengths: what lies between them leans to the longer one.
    features *= torch.rand(rows, columns, generator=generator) * 50 + 0.1
    query = functional.normalize(torch.randn(6, 3, generator=generator), dim=0)
    result = best_pixels(
        query, features, Grid(places(rows, height), places(columns, width)), height, width
    )
    resized = functional.interpolate(
        features[None].double(), size=(height, width), mode="bilinear", align_corners=False
    )[0]
    cosine = functional.normalize(resized.reshape(6, -1), dim=0).T @ query.double()
    place = (result.y * width + result.x).long()
    best = cosine.max(0).values
    torch.testing.assert_close(result.score.double(), best, rtol=0, atol=2e-5)
    torch.testing.assert_close(cosine[place, torch.arange(3)], best, rtol=0, atol=2e-5)


def test_of_equal_pixels_the_first_is_taken_and_nothing_is_like_nothing():
    features = torch.zeros(2, 2, 2)
    features[0, 1, 1] = 7.0
    query = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    result = best_pixels(query, features, Grid(places(2, 8), places(2, 8)), 8, 8)
    # The one cell that is not zero alone decides as far as it reaches.
    assert (result.y[0], result.x[0]) == (2, 2)
    assert result.score.tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert (result.y[1], result.x[1]) == (0, 0)
