import json
from datetime import datetime

import numpy as np
import pytest
from descr.descriptors.errors import InvalidFeaturesError
from descr.descriptors.features.tree import SCHEMA, check_tree, tree_layers
from support.trees import layer, tree

GRID = np.random.default_rng(0).standard_normal((4, 3, 5))


def test_a_tree_follows_the_schema():
    sample = tree(
        layer(GRID, "sd", "decoder_5", components=2, weight=0.5, settings={"timestep": 100}),
        layer(GRID, "dino", "token"),
    )
    check_tree(sample)
    assert list(tree_layers(sample)) == ["sd/decoder_5", "dino/token"]
    assert sample.attrs["descr_schema"] == SCHEMA == 1
    assert sample.attrs["image_name"] == "a.png"
    assert (sample.attrs["image_height"], sample.attrs["image_width"]) == (128, 128)
    assert len(sample.attrs["image_sha256"]) == 64
    assert datetime.fromisoformat(sample.attrs["created"]).tzinfo is not None
    node = sample["sd/decoder_5"]
    assert node["features"].dims == ("channel", "y", "x")
    assert node["features"].dtype == np.float32
    assert node["y"].dtype == node["x"].dtype == np.float64
    assert node["x"].attrs["units"] == "pixel"
    assert (node.attrs["components"], node.attrs["weight"]) == (2, 0.5)
    assert json.loads(node.attrs["settings"]) == {"timestep": 100}
    optional = {"components", "precision", "weights_variant", "resampling"}
    assert not optional.intersection(sample["dino/token"].attrs)


def test_a_layer_says_how_it_was_computed_and_is_resampled():
    text = {"precision": "float16", "weights_variant": "float32", "resampling": "direct"}
    sample = tree(layer(GRID, **text))
    check_tree(sample)
    assert {key: sample["net/token"].attrs[key] for key in text} == text


def test_two_layers_of_one_name_are_refused():
    with pytest.raises(InvalidFeaturesError, match="two layers are called net/token"):
        tree(layer(GRID), layer(GRID))


def changed(**attributes):
    sample = tree(layer(GRID))
    sample["net/token"].attrs.update(attributes)
    return sample


def without(name):
    sample = tree(layer(GRID))
    del sample.attrs[name]
    return sample


def test_a_tree_without_layers_is_refused():
    with pytest.raises(InvalidFeaturesError, match="holds no layer"):
        check_tree(tree())


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("features", "is a str, not an xarray"),
        (without("image_width"), "has no attribute 'image_width'"),
        (without("descr_schema"), "has no attribute 'descr_schema'"),
        (changed(weight="heavy"), "attribute 'weight' is 'heavy', expected float"),
        (changed(weight=-1.0), "weight is -1"),
        (changed(weight=float("nan")), "weight is nan"),
        (changed(components=0), "components is 0"),
        (changed(components=2.5), "attribute 'components' is 2.5, expected int"),
        (changed(precision=16), "attribute 'precision' is 16, expected str"),
        (changed(weights_variant=16), "attribute 'weights_variant' is 16, expected str"),
        (changed(resampling="lanczos"), "resampling is 'lanczos', which this version"),
        (changed(settings="size=3"), "settings is not a JSON object"),
        (changed(settings="[3]"), "settings is not a JSON object"),
        (changed(layer="key"), "calls itself something else"),
        (tree(layer(np.full((1, 2, 2), np.inf))), "NaN or infinite"),
        (tree(layer(GRID, x=np.arange(5.0)[::-1])), "x coordinates do not ascend"),
        (tree(layer(GRID, x=np.arange(5) * 40.0)), "within the image's 128 pixels"),
        (tree(layer(GRID, y=np.array([-0.6, 1, 2]))), "y coordinates do not ascend within"),
        (tree(layer(GRID, y=np.array([1, 1, 2.0]))), "y coordinates do not ascend"),
        (tree(layer(np.zeros((0, 3, 3)))), "is empty"),
    ],
)
def test_broken_trees_are_refused_with_what_is_wrong(broken, message):
    with pytest.raises(InvalidFeaturesError, match=message):
        check_tree(broken)


def test_dimensions_type_and_variable_are_checked():
    sample = tree(layer(GRID))
    node = sample["net/token"].to_dataset()
    one_value = np.broadcast_to(np.float32(np.nan), GRID.shape)
    for dataset, message in (
        (node.transpose("y", "x", "channel"), "dimensions"),
        (node.astype(np.float64), "type float64, expected float32"),
        (node.drop_vars("x"), "no coordinate 'x'"),
        (node.assign(features=node["features"].copy(data=one_value)), "NaN or infinite"),
        (node.rename(features="values"), "no variable 'features'"),
    ):
        sample["net/token"].dataset = dataset
        with pytest.raises(InvalidFeaturesError, match=f"layer net/token.*{message}"):
            check_tree(sample)
