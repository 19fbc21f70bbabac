"""Whose code the features and the answers of a run come from."""

import pytest
from descr.applications.evaluation import predict
from descr.applications.evaluation.run.features import descriptor_label
from descr.applications.evaluation.run.predictions import run_of
from descr.descriptors import SIFT, Fused
from support.own_classes import MATCHER, NETWORK


def test_features_of_a_network_that_was_changed_are_not_taken(write_class):
    recipes, labels = [], []
    # An evaluation counts code even where the class says that its features are the same.
    text = NETWORK + '    revision = "7"\n'
    for by in (0, 1, 0):
        output = write_class("network", text.format(by=by), "Network")()
        recipes.append(output.recipe)
        labels.append((descriptor_label(output), descriptor_label(Fused(SIFT(), output))))
    assert recipes[0] == recipes[1]
    assert labels[0] == labels[2]
    assert labels[0][0] != labels[1][0]
    assert labels[0][1] != labels[1][1]


@pytest.mark.usefixtures("half_precision")
def test_features_of_another_precision_or_variant_of_the_weights_lie_elsewhere(write_class):
    text = NETWORK.format(by=0).replace("size=64", "dtype")
    text = text.replace("size=size", "device='cpu', dtype=dtype")
    network = write_class("network", text, "Network")
    labels = [descriptor_label(network(dtype=dtype)) for dtype in ("auto", "float32", "float16")]
    network.weights_variant = "float16"
    labels.append(descriptor_label(network(dtype="auto")))
    assert labels[0] == labels[1]
    assert len(set(labels)) == 3


def test_answers_of_a_matcher_that_was_changed_are_not_taken(
    write_class, written, describe, tmp_path
):
    dataset = written("pf-willow")
    matcher = write_class("changing", MATCHER.format(by=1), "Moved")()
    before = predict(dataset, describe, matcher, folder=tmp_path / "run")
    message = []
    matcher = write_class("changing", MATCHER.format(by=21), "Moved")()
    after = predict(dataset, describe, matcher, folder=tmp_path / "run", say=message.append)
    assert (after["target_x"] - before["target_x"]).values == pytest.approx(20)
    assert "other code than before" in message[0]
    assert run_of(after)["matcher"] == run_of(before)["matcher"]
