import numpy as np
import torch
from descr.applications.search.scan import Vectors, best_places, best_scores
from hypothesis import given
from hypothesis import strategies as st


def _vectors(count: int, seed: int) -> Vectors:
    values = np.random.default_rng(seed).integers(-127, 128, (count, 8), dtype=np.int8)
    return Vectors.of(torch.from_numpy(values))


def _unit(count: int, seed: int) -> torch.Tensor:
    query = np.random.default_rng(seed).normal(size=(count, 8))
    return torch.from_numpy(query / np.linalg.norm(query, axis=1, keepdims=True)).float()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 4))
def test_the_best_score_of_each_image_is_the_highest_cosine_among_its_vectors(counts, queries):
    vectors, query = _vectors(sum(counts), 0), _unit(queries, 1)

    (best,) = best_scores([(vectors, np.array(counts))], query)

    values = vectors.values.double().numpy()
    cosines = query.double().numpy() @ (values / np.linalg.norm(values, axis=1, keepdims=True)).T
    parts = np.split(cosines, np.cumsum(counts)[:-1], axis=1)
    np.testing.assert_allclose(best, np.stack([part.max(axis=1) for part in parts], 1), atol=1e-5)


def test_images_larger_than_a_block_and_many_small_ones_are_told_apart():
    counts = np.array([20_000] + [2] * 9_000)
    vectors, query = _vectors(counts.sum(), 2), _unit(1, 3)

    best = next(best_scores([(vectors, counts)], query))[0]

    cosines = vectors.cosines(query)[0]
    assert best[0] == cosines[:20_000].max()
    torch.testing.assert_close(best[1:], cosines[20_000:].view(-1, 2).amax(1), atol=1e-6, rtol=0)


def test_the_best_place_is_the_first_of_equal_ones():
    values = np.array([[0, 5], [7, 0], [9, 0]], np.int8)

    cosine, place = best_places(
        Vectors.of(torch.from_numpy(values)), torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    )

    assert place.tolist() == [1, 1]
    assert cosine.tolist() == [1.0, 0.0]


def test_a_vector_of_zeros_is_like_nothing():
    cosines = Vectors.of(torch.zeros(1, 2, dtype=torch.int8)).cosines(torch.tensor([[1.0, 0.0]]))

    assert cosines.tolist() == [[0.0]]
