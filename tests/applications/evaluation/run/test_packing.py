import numpy as np
from descr.applications.evaluation.run.packing import pack_answers, unpack_answers
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(shapes=SHAPES, seed=st.integers(0, 2**16))
def test_answers_come_back_to_their_places_bit_for_bit(shapes, seed):
    random = np.random.default_rng(seed)
    places = random.permutation(1000)[: len(shapes)].tolist()
    answers = [
        {
            "target_x": np.where(random.random(shape) < 0.2, np.nan, random.random(shape)),
            "score": random.random(shape[0]).astype(np.float32),
            "matched": random.random(shape[1]) < 0.5,
        }
        for shape in shapes
    ]
    found = unpack_answers(pack_answers(places, answers))
    assert list(found) == places
    for place, wanted in zip(places, answers, strict=True):
        assert list(found[place]) == list(wanted)
        for name, values in wanted.items():
            assert found[place][name].dtype == values.dtype
            np.testing.assert_array_equal(found[place][name], values)
