import tracemalloc

import numpy as np
import pytest
from descr.applications import propagation
from descr.applications.evaluation.metrics import mask_scores
from descr.applications.propagation import MaskPropagation
from descr.descriptors.errors import (
    ImageError,
    IncomparableFeaturesError,
    InvalidFeaturesError,
    OptionError,
)
from descr.matchers.testing import render_map
from hypothesis import given, settings
from hypothesis import strategies as st


def stripes(rows, columns, stride=8):
    """Three stripes of two cells, labelled 1, 0 and 3, over an image of so many cells."""
    labels = np.zeros((rows * stride, columns * stride), dtype=np.uint8)
    labels[:, : 2 * stride] = 1
    labels[:, 4 * stride :] = 3
    return labels


def rolled(fmap, by):
    return fmap.copy(data=np.roll(fmap.values, by, axis=2))


def test_a_still_video_keeps_its_labels():
    fmap, labels = render_map(5, 6, channels=48), stripes(5, 6)
    outcome = list(MaskPropagation()([fmap] * 6, labels))
    assert len(outcome) == 6
    for frame in outcome:
        assert frame.dtype == np.int64
        assert np.array_equal(frame, labels)
    assert (mask_scores(outcome, [labels] * 6, objects=[1, 3])["region"] == 1).all()


def test_labels_follow_what_they_lie_on():
    fmap = render_map(5, 12, channels=48)
    labels = np.zeros((40, 96), dtype=np.uint8)
    labels[:, 16:32] = 1
    outcome = list(MaskPropagation()([rolled(fmap, by) for by in range(6)], labels))
    for by, frame in enumerate(outcome):
        assert np.array_equal(frame, np.roll(labels, 8 * by, axis=1))


def test_what_lies_beyond_the_radius_is_not_found():
    """One step of three cells: with a radius of two the object is lost."""
    fmap = render_map(4, 12, channels=48)
    labels = np.zeros((32, 96), dtype=np.uint8)
    labels[:, 16:32] = 1
    moved = np.roll(labels, 24, axis=1)
    frames = [fmap, rolled(fmap, 3)]
    # The cells that come in on the left have nothing near that is like them.
    near = list(MaskPropagation(radius=3)(frames, labels))[1]
    assert np.array_equal(near[:, 32:], moved[:, 32:])
    assert np.array_equal(list(MaskPropagation(radius=None)(frames, labels))[1], moved)
    lost = list(MaskPropagation(radius=2)(frames, labels))[1]
    assert ((lost == 1) & (moved == 1)).sum() < 0.6 * (moved == 1).sum()


def by_definition(features, context, radius, top, temperature):
    """Soft labels (row, column, label), one cell after the other."""
    rows, columns = features.shape[1:]
    result = np.zeros((rows, columns, context[0][1].shape[2]))
    for y in range(rows):
        for x in range(columns):
            outcome = [
                (features[:, y, x] @ cells[:, j, i], tuple(soft[j, i]))
                for cells, soft in context
                for j in range(rows)
                for i in range(columns)
                if max(abs(j - y), abs(i - x)) <= radius
            ]
            outcome = sorted(outcome, key=lambda pair: -pair[0])[:top]
            weight = np.exp(np.array([cosine for cosine, _ in outcome]) / temperature)
            result[y, x] = weight @ np.array([soft for _, soft in outcome]) / weight.sum()
    return result


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    radius=st.integers(0, 6),
    top=st.integers(1, 7),
    last=st.integers(0, 2),
    budget=st.sampled_from([1, 1 << 22]),
    seed=st.integers(0, 100),
)
def test_soft_labels_are_those_of_the_definition(rows, columns, radius, top, last, budget, seed):
    maps = [render_map(rows, columns, channels=4, stride=1, seed=seed + n) for n in range(4)]
    labels = np.random.default_rng(seed).integers(0, 3, (rows, columns))
    carry = MaskPropagation(last_frames=last, radius=radius, top=top, temperature=0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propagation, "_ELEMENTS", budget)
        outcome = list(carry(iter(maps), labels))
    # With a stride of one pixel the cells are the pixels, and nothing is read between them.
    names = np.unique(np.append(labels, 0))
    softs = [(labels[..., None] == names).astype(float)]
    for number in range(1, 4):
        kept = [0, *range(max(1, number - last), number)]
        context = [(maps[n].values.astype(float), softs[n]) for n in kept]
        softs.append(by_definition(maps[number].values, context, radius, top, 0.3))
        low = softs[number].min(axis=(0, 1))
        spread = softs[number].max(axis=(0, 1)) - low
        stretched = np.where(
            spread == 0, softs[number], (softs[number] - low) / np.where(spread == 0, 1, spread)
        )
        # Labels that are as good as equal may go either way.
        best = np.sort(stretched, axis=2)
        clear = np.ones((rows, columns), bool)
        if len(names) > 1:
            clear = best[..., -1] - best[..., -2] > 1e-4
        # So may those whose stretch is one of rounding alone.
        if (spread[spread > 0] > 1e-4).all():
            expected = names[stretched.argmax(axis=2)]
            assert np.array_equal(outcome[number][clear], expected[clear])


def test_maps_are_taken_as_needed():
    output = 0

    def frames():
        nonlocal output
        for seed in range(5):
            output += 1
            yield render_map(3, 3, seed=seed)

    for number, _ in enumerate(MaskPropagation()(frames(), np.zeros((24, 24), int)), start=1):
        assert output == number


def test_maps_that_no_frame_needs_any_more_are_let_go():
    def peak(count):
        frames = (render_map(16, 16, channels=256, stride=1, seed=seed) for seed in range(count))
        tracemalloc.start()
        for _ in MaskPropagation(last_frames=2)(frames, np.zeros((16, 16), int)):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    one_map = 16 * 16 * 256 * 4
    assert peak(24) < peak(8) + one_map


def test_an_object_that_holds_no_cell_is_not_carried_on():
    labels = np.zeros((24, 24), int)
    labels[0, 0] = 7
    first, second = MaskPropagation()([render_map(3, 3)] * 2, labels)
    assert first[0, 0] == 7
    assert not second.any()


@pytest.mark.parametrize(
    ("maps", "labels", "error", "message"),
    [
        ([], np.zeros((24, 24), int), InvalidFeaturesError, "no feature map"),
        ([render_map(3, 3)], np.zeros((24, 25), int), ImageError, "24 x 24 pixels"),
        ([render_map(3, 3)], np.zeros((24, 24)), ImageError, "float64"),
        ([render_map(3, 3)], np.full((24, 24), -1), ImageError, "below 0"),
        (
            [render_map(3, 3), render_map(3, 4)],
            np.zeros((24, 24), int),
            InvalidFeaturesError,
            "frame 1 has another grid",
        ),
        (
            [render_map(3, 3), render_map(3, 3, basis="other")],
            np.zeros((24, 24), int),
            IncomparableFeaturesError,
            "different bases",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(maps, labels, error, message):
    with pytest.raises(error, match=message):
        list(MaskPropagation()(maps, labels))


@pytest.mark.parametrize(
    "setting",
    [{"last_frames": -1}, {"radius": -1}, {"top": 0}, {"temperature": 0}, {"device": "abacus"}],
)
def test_settings_are_checked_where_they_are_given(setting):
    with pytest.raises(OptionError):
        MaskPropagation(**setting)


def test_the_settings_of_the_papers_are_the_defaults():
    assert repr(MaskPropagation()) == (
        "MaskPropagation(last_frames=7, radius=12, top=5, temperature=0.1, device='cpu')"
    )
