from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray as xr
from descr.descriptors import SIFT, Backbone, DINOv2, Layer, StableDiffusion, combine
from descr.descriptors.errors import (
    ImageError,
    InvalidFeaturesError,
    OptionError,
    OutOfMemoryError,
)
from descr.descriptors.features.tensors import Features
from descr.descriptors.features.tree import tree_layers
from descr.descriptors.image.canvas import FITS
from descr.descriptors.runtime import memory
from descr.descriptors.testing import check_descriptor, render_picture
from support import models


class Averages(Backbone):
    """Mean colours, and every batch that it was given."""

    layers = (Layer("fine", 8), Layer("wide", 8, patch=24))

    def __init__(self, *, size: int = 64, fit: str = "pad", gain: float = 1.0) -> None:
        super().__init__(size=size, fit=fit, device="cpu")
        self.gain = gain
        self.batches: list[tuple[int, ...]] = []

    def forward(self, pixels):
        self.batches.append(tuple(pixels.shape))
        fine = F.avg_pool2d(pixels, 8) * self.gain
        return {"fine": fine, "wide": F.avg_pool2d(pixels, 24, 8)}


def test_a_backbone_keeps_every_promise_of_a_descriptor():
    for fit in FITS:
        check_descriptor(Averages(fit=fit, size=96))


class Lazy(Backbone):
    """A network that is made when it is first needed, as its own weights."""

    layers = (Layer("cells", 8),)
    network: torch.nn.Module | None = None

    def forward(self, pixels):
        if self.network is None:
            self.network = torch.nn.Conv2d(3, 4, 8, stride=8)
        return {"cells": self.network(pixels)}


@pytest.mark.parametrize("inference", [False, True])
def test_a_network_loaded_by_extraction_can_be_trained(inference):
    describe = Lazy(device="cpu")
    with torch.inference_mode(inference):
        describe.extract([render_picture(64, 64)])
    pixels = torch.rand(1, 3, 64, 64, requires_grad=True)
    describe.forward(pixels)["cells"].square().sum().backward()
    assert pixels.grad.abs().max() > 0
    assert all(weight.grad.abs().max() > 0 for weight in describe.network.parameters())


def test_padding_is_dropped_and_coordinates_are_of_the_image():
    # 100 x 50 on a square of 64: the image is 64 x 32 of it, rows 16 to 48.
    tree = Averages().extract([np.full((50, 100, 3), 255, np.uint8)])[0]
    fine = tree["averages/fine"]["features"]
    assert fine.shape == (3, 4, 8)
    assert (fine == 1).all()
    assert np.allclose(fine.x, (np.arange(8) + 0.5) * 100 / 8 - 0.5)
    assert np.allclose(fine.y, (np.arange(4) + 0.5) * 50 / 4 - 0.5)


def test_a_patch_larger_than_the_stride_is_centred_on_itself():
    tree = Averages(size=96, fit="stretch").extract([np.zeros((96, 96, 3), np.uint8)])[0]
    wide = tree["averages/wide"]["features"]
    assert wide.shape == (3, 10, 10)
    assert np.allclose(wide.x, np.arange(10) * 8 + 11.5)


def test_pixels_come_in_the_range_and_shape_that_is_promised():
    seen = []

    class Spy(Averages):
        def forward(self, pixels):
            seen.append(pixels)
            return super().forward(pixels)

    picture = render_picture(64, 64)
    Spy().extract([picture])
    (pixels,) = seen
    assert pixels.dtype == torch.float32
    assert pixels.shape == (1, 3, 64, 64)
    assert np.allclose(pixels[0].permute(1, 2, 0), picture / 255, atol=1e-6)


class Windows(Averages):
    """Mean colours of windows that are wider than their cells."""

    margin = 8

    def forward(self, pixels):
        self.batches.append(tuple(pixels.shape))
        return {"fine": F.avg_pool2d(pixels, 24, 8), "wide": F.avg_pool2d(pixels, 40, 8)}


def test_a_margin_is_seen_and_gives_no_cells():
    # On a square of 64 the image is 64 x 32 of it, or 64 x 13; black would darken the means.
    describe = Windows()
    for height, rows in ((50, 4), (20, 2)):
        tree = describe.extract([np.full((height, 100, 3), 255, np.uint8)])[0]
        fine = tree["windows/fine"]["features"]
        assert fine.shape == (3, rows, 8)
        assert np.allclose(fine, 1)
    assert describe.batches == [(1, 3, 80, 80)] * 2
    check_descriptor(Windows(fit="aspect", size=96))
    with pytest.raises(InvalidFeaturesError, match=r"expected .*on a canvas of 64 x 64"):
        type("Cropped", (Windows,), {"margin": 4})().extract([render_picture(64, 64)])


def test_canvases_of_one_shape_go_together_whatever_lies_between_them():
    landscape, portrait = np.zeros((40, 80, 3), np.uint8), np.zeros((80, 40, 3), np.uint8)
    describe = Averages(fit="aspect", size=64)
    trees = describe.extract([landscape] * 6 + [portrait] * 2 + [landscape])
    assert describe.batches == [(4, 3, 32, 64), (3, 3, 32, 64), (2, 3, 64, 32)]
    assert [tree.attrs["image_width"] for tree in trees] == [80] * 6 + [40] * 2 + [80]


def test_provenance_goes_into_the_layers():
    tree = Averages(gain=2.5).extract([render_picture(64, 64)])[0]
    for path, layer in tree_layers(tree).items():
        assert path == f"averages/{layer.attrs['layer']}"
        assert layer.attrs["settings"] == '{"fit": "pad", "gain": 2.5, "size": 64}'
        assert layer.attrs["model"].endswith(":Averages")
        assert "components" not in layer.attrs
    assert tree.attrs["descriptor"] == "Averages(size=64, fit='pad', gain=2.5)"


class Doubled(Averages):
    """Other features, and nothing said of them."""

    def forward(self, pixels):
        return {name: grid * 2 for name, grid in super().forward(pixels).items()}


class Renamed(Doubled):
    source = "renamed"
    model = "mine"


class Larger(Renamed):
    def __init__(self):
        super().__init__(size=96)


class Replaced(Renamed):
    def forward(self, pixels):
        return super().forward(pixels)


@pytest.mark.parametrize(
    ("kind", "source", "model"),
    [
        (Averages, "averages", ":Averages"),
        (Doubled, "doubled", ":Doubled"),
        (Renamed, "renamed", "mine"),
        (Larger, "renamed", "mine"),
        (Replaced, "renamed", ":Replaced"),
    ],
)
def test_another_network_does_not_pass_for_its_parent(kind, source, model):
    assert kind.source == source
    assert kind.model.endswith(model)


def test_a_setting_that_is_not_kept_is_named():
    class Forgetful(Averages):
        def __init__(self, *, k=1):
            super().__init__()
            self._k = k

    with pytest.raises(OptionError, match=r"does not keep its setting 'k'.*self\.k = k"):
        Forgetful().extract([render_picture(64, 64)])


def test_a_setting_that_a_file_has_no_place_for_is_named():
    class Filed(Averages):
        def __init__(self, *, file=None):
            super().__init__()
            self.file = file

    with pytest.raises(OptionError, match="setting 'file' of filed is a PosixPath"):
        Filed(file=Path("a")).extract([render_picture(64, 64)])


def test_a_class_without_layers_is_told_to_state_them():
    class Bare(Backbone):
        def forward(self, pixels):
            return {}

    with pytest.raises(OptionError, match="Bare states no layers"):
        Bare().extract([render_picture(64, 64)])


@pytest.mark.usefixtures("half_precision")
def test_where_features_were_made_does_not_part_them():
    class Plain(Backbone):
        layers = (Layer("mean", 8),)

        def forward(self, pixels):
            return {"mean": F.avg_pool2d(pixels, 8)}

    trees = [
        Plain(size=64, device="cpu", dtype=dtype).extract([render_picture(64, 64, seed=seed)])[0]
        for seed, dtype in enumerate(("float32", "bfloat16"))
    ]
    assert trees[1]["plain/mean"]["features"].dtype == np.float32
    assert len(combine(trees)) == 2
    assert [tree["plain/mean"].attrs["precision"] for tree in trees] == ["float32", "bfloat16"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "a dict of nothing, expected a mapping of layer name to tensor"),
        ({"meen": torch.zeros(1, 3, 8, 8), 2: None}, "a dict of meen, 2, expected a mapping"),
        (torch.zeros(1, 3, 8, 8), "a Tensor, expected a mapping of layer name to tensor"),
        ([torch.zeros(1, 3, 8, 8)], r"a list, expected .* \(write return {'mean': features}\)"),
        (None, "a NoneType, expected a mapping"),
        ({"mean": np.zeros((1, 3, 8, 8))}, "a ndarray of mean, expected"),
        (
            {"mean": torch.zeros(1, 3, 9, 8)},
            r"shape \(1, 3, 9, 8\), expected \(1, channels, 8, 8\)",
        ),
        ({"mean": torch.zeros(3, 8, 8)}, r"shape \(3, 8, 8\)"),
        ({"mean": torch.full((1, 3, 8, 8), torch.nan)}, "'mean' with NaN or infinite values"),
    ],
)
def test_a_forward_that_breaks_its_word_is_named(answer, message):
    class Broken(Backbone):
        layers = (Layer("mean", 8),)

        def forward(self, pixels):
            return answer

    with pytest.raises(InvalidFeaturesError, match=rf"Broken\.forward gave .*{message}"):
        Broken(size=64).extract([np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 2.5}, "size must be an integer"),
        ({"fit": "crop"}, "fit must be one of pad, stretch, aspect, short"),
        ({"device": "tpu"}, "unknown device: 'tpu'"),
        ({"device": "meta"}, "unknown device: 'meta'"),
        ({"device": "cuda:99"}, "this machine has no 'cuda:99'"),
        ({"dtype": "int8"}, "dtype must be one of auto, float32, bfloat16, float16"),
    ],
)
def test_bad_settings_are_named_where_they_are_given(options, message):
    class Plain(Backbone):
        layers = (Layer("mean", 8),)

        def forward(self, pixels):
            return {}

    with pytest.raises(OptionError, match=message):
        Plain(**options)


def test_a_square_canvas_must_hold_whole_strides():
    with pytest.raises(OptionError, match=r"size must be a multiple of 8.*not 60.*56 and 64"):
        Averages(size=60).extract([np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", 8), "a layer's name"),
        (("a/b", 8), "a layer's name"),
        (("a", 0), "stride must be"),
    ],
)
def test_bad_layers_are_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        Layer(*arguments)


def test_a_way_of_resampling_that_there_is_not_is_refused():
    with pytest.raises(OptionError, match="resampling must be one of cascade, direct"):
        Layer("a", 8, resampling="nearest")


def test_a_layer_says_which_weights_it_is_of_and_how_it_is_resampled():
    class Direct(Averages):
        layers = (Layer("fine", 8, resampling="direct"), Layer("wide", 8, patch=24))
        weights_variant = "float16"

    describe = Direct()
    layers = tree_layers(describe.extract([render_picture(64, 64)])[0])
    for path, node in layers.items():
        assert node.attrs == describe.recipe[path]
    assert layers["direct/fine"].attrs["weights_variant"] == "float16"
    assert layers["direct/fine"].attrs["resampling"] == "direct"
    assert "resampling" not in layers["direct/wide"].attrs
    assert "weights_variant" not in Averages().recipe["averages/fine"]


def test_a_canvas_that_takes_more_than_is_free_is_refused_before_it_is_made(monkeypatch):
    describe = Averages()
    needed = describe.working_memory(64, 64)
    monkeypatch.setattr(memory, "free_memory", lambda device: needed - 1)
    with pytest.raises(
        OutOfMemoryError, match=r"Averages at size=64 \(a canvas of 64 x 64 "
    ) as caught:
        describe.extract([render_picture(48, 64)])
    assert "lower its size" in caught.value.hint
    assert describe.batches == []


def test_no_more_canvases_go_at_once_than_fit_into_memory(monkeypatch):
    images = [render_picture(48, 64, seed=seed) for seed in range(5)]
    whole, fewer = Averages(), Averages()
    needed = whole.working_memory(64, 64)
    monkeypatch.setattr(memory, "free_memory", lambda device: 100 * needed)
    expected = whole.extract(images)
    monkeypatch.setattr(memory, "free_memory", lambda device: 2 * needed)
    trees = fewer.extract(images)
    assert [shape[0] for shape in whole.batches] == [4, 1]
    assert [shape[0] for shape in fewer.batches] == [2, 2, 1]
    for one, other in zip(trees, expected, strict=True):
        xr.testing.assert_equal(one["averages/fine"].ds, other["averages/fine"].ds)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SIFT, {}),
        (DINOv2, {"model": models.DINOV2, "device": "cpu"}),
        (StableDiffusion, {"model": models.STABLE_DIFFUSION, "device": "cpu"}),
    ],
)
def test_what_a_network_takes_beside_the_pixels_counts(kind, options, monkeypatch):
    describe = kind(size=448, **options)
    pixels = Backbone.working_memory(describe, 448, 448)
    monkeypatch.setattr(memory, "free_memory", lambda device: pixels)
    with pytest.raises(OutOfMemoryError, match=kind.__name__):
        describe.extract([render_picture(448, 448)])


def test_the_stream_takes_images_as_it_needs_them_and_keeps_their_order():
    taken = []

    def images():
        for number in range(200):
            taken.append(number)
            shape = (40, 80, 3) if number % 3 else (80, 40, 3)
            yield np.full(shape, number, np.uint8)

    describe = Averages(fit="aspect", size=64)
    for number, features in enumerate(describe.features(images())):
        fine = features.layers["averages/fine"].features
        assert np.allclose(fine, number / 255, atol=1e-6)
        # Two batches that wait, one that is decoded, and one of results.
        assert len(taken) - number <= 4 * describe.batch_size
    assert number == 199
    # Full ones would be 50; runs of one shape are 133.
    assert len(describe.batches) < 75


def test_one_bad_image_is_no_end_of_the_others(tmp_path):
    good = render_picture(64, 64)
    images = [good, tmp_path / "none.png", good, np.zeros((2, 900, 3), np.uint8), good]
    describe = Averages(fit="pad")
    attempts = list(describe.attempts(images))
    assert [type(one).__name__ for one in attempts] == [
        "Features",
        "ImageError",
        "Features",
        "ImageError",
        "Features",
    ]
    assert "none.png" in str(attempts[1])
    with pytest.raises(ImageError, match=r"none\.png"):
        list(describe.features(images))


def test_tensors_become_trees_and_come_back():
    describe = Averages()
    (features,) = describe.features([render_picture(50, 100)])
    (tree,) = describe.extract([render_picture(50, 100)])
    tree.attrs["created"] = features.image["created"]
    assert features.to_tree().identical(tree)
    assert Features.from_tree(tree).to_tree().identical(tree)
    layer = features.layers["averages/fine"]
    assert (
        layer.features.data_ptr() == features.to_tree()["averages/fine"].features.values.ctypes.data
    )


@pytest.mark.parametrize("one", ["a.png", Path("a.png"), b"bytes", render_picture(8, 8)])
def test_a_single_image_is_no_stream_of_them(one):
    with pytest.raises(OptionError, match="takes a list of images"):
        Averages().features(one).__next__()


def test_the_batch_size_is_a_setting_that_features_do_not_depend_on():
    class Plain(Backbone):
        layers = (Layer("fine", 8),)

        def forward(self, pixels):
            assert len(pixels) <= 2
            return {"fine": F.avg_pool2d(pixels, 8)}

    pictures = [render_picture(64, 64, seed=seed) for seed in range(5)]
    trees = Plain(size=64, batch_size=2).extract(pictures)
    assert "batch_size" not in trees[0]["plain/fine"].attrs["settings"]
    with pytest.raises(OptionError, match="batch_size must be an integer of at least 1"):
        Plain(batch_size=0)
