"""What every descriptor promises, as checks to run over one's own.

    from descr.descriptors.testing import check_descriptor

    def test_my_descriptor():
        check_descriptor(MyDescriptor())

A check that fails raises `AssertionError` and says what was promised. No test framework is needed.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from .backbone import Backbone
from .base import Descriptor
from .combination.combine import combine
from .combination.recipe import computations, difference
from .errors import ImageError, OptionError
from .features.tree import check_tree, tree_layers
from .settings import Configurable
from .store import load_features, save_features

# Features of one image may differ this much with the batch it is in: a float32 sum in another
# order. Relative to the largest feature of the layer.
_ROUNDING = 1e-4


def check_descriptor(descriptor: Descriptor) -> None:
    """Run every check over a descriptor; `AssertionError` names the promise that is broken.

    The pictures are small and rendered here: landscape, portrait, square, grey and blank.
    """
    for check in CHECKS:
        check(descriptor)


def render_picture(height: int, width: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A picture (height, width, 3), uint8, of blobs and edges in colour, without symmetry."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    picture = np.zeros((height, width, 3))
    for _ in range(24):
        centre_y, centre_x = generator.uniform(size=2) * (y.max(), x.max())
        radius, sharpness = generator.uniform(0.02, 0.25), generator.uniform(20, 200)
        distance = np.hypot(y - centre_y, x - centre_x) - radius
        blob = 1 / (1 + np.exp(np.clip(sharpness * distance, -50, 50)))
        picture += blob[:, :, None] * generator.uniform(-0.6, 1.0, size=3)
    picture -= picture.min()
    return np.asarray(picture / picture.max() * 255, dtype=np.uint8)


def check_one_tree_per_image(descriptor: Descriptor) -> None:
    """One valid feature tree per image, in order, of that image."""
    pictures = [render_picture(96, 128), render_picture(128, 96, seed=1), render_picture(96, 96)]
    trees = descriptor.extract(pictures)
    assert isinstance(trees, list), f"extract gave a {type(trees).__name__}, not a list"
    assert len(trees) == len(pictures), f"extract gave {len(trees)} trees for 3 images"
    for tree, picture in zip(trees, pictures, strict=True):
        check_tree(tree)
        size = (tree.attrs["image_height"], tree.attrs["image_width"])
        assert size == picture.shape[:2], f"an image of {picture.shape[:2]} became one of {size}"
    layers = [list(tree_layers(tree)) for tree in trees]
    assert layers[0] == layers[1] == layers[2], f"the layers differ from image to image: {layers}"


def check_features_follow_the_image(descriptor: Descriptor) -> None:
    """Same image, same features; another image, others; whatever the batch and the order."""
    first, second = render_picture(96, 128), render_picture(96, 128, seed=1)
    together = descriptor.extract([first, second])
    swapped = descriptor.extract([second, first])
    alone = descriptor.extract([first])
    _assert_same_features(together[0], swapped[1], "the order of the images")
    _assert_same_features(together[0], alone[0], "the other images of the call")
    layers, others = (tree_layers(tree).values() for tree in together)
    same = [
        np.array_equal(layer["features"], other["features"])
        for layer, other in zip(layers, others, strict=True)
    ]
    assert not all(same), "two different images have the same features"


def check_the_stream_gives_the_same(descriptor: Descriptor) -> None:
    """`features` of any iterable gives what `extract` gives, in order, and `attempts` goes on."""
    pictures = [render_picture(96, 128), render_picture(128, 96, seed=1), render_picture(96, 128)]
    streamed = list(descriptor.features(picture for picture in pictures))
    assert len(streamed) == len(pictures), f"features gave {len(streamed)} of 3 images"
    for features, tree in zip(streamed, descriptor.extract(pictures), strict=True):
        _assert_same_features(features.to_tree(), tree, "whether images come as a stream")
    attempts = list(descriptor.attempts([pictures[0], "no such file.png", pictures[1]]))
    kinds = [type(one).__name__ for one in attempts]
    assert kinds == ["Features", "ImageError", "Features"], f"attempts gave {kinds}"


def check_coordinates_follow_the_image(descriptor: Descriptor) -> None:
    """Cells cover the image, evenly, and mirror with it: no half pixel is lost on either side."""
    tree = descriptor.extract([render_picture(96, 160)])[0]
    for path, layer in tree_layers(tree).items():
        for axis, side in (("y", 96), ("x", 160)):
            centres = layer[axis].values
            margins = centres[0] + 0.5, side - 0.5 - centres[-1]
            if len(centres) > 1:
                steps = np.diff(centres)
                assert np.allclose(steps, steps[0]), f"{path}: uneven {axis} coordinates"
                assert max(margins) <= 1.5 * steps[0], (
                    f"{path}: {axis} leaves {max(margins):g} pixels of the image uncovered"
                )


def check_images_in_every_form(descriptor: Descriptor) -> None:
    """Every form of the same pixels gives the same features; grey works."""
    from PIL import Image

    picture = render_picture(96, 128)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        Image.fromarray(picture).save(path)
        with path.open("rb") as file:
            from_path, *others = descriptor.extract([path, str(path), path.read_bytes(), file])
    assert from_path.attrs["image_name"] == "picture.png", "image_name is not the base name"
    for other in (*others, *descriptor.extract([picture, tensor, Image.fromarray(picture)])):
        _assert_same_features(from_path, other, "the form in which the image is given")
        same = from_path.attrs["image_sha256"] == other.attrs["image_sha256"]
        assert same, "image_sha256 depends on the form in which the image is given"
    descriptor.extract([picture[:, :, 0]])


def check_input_is_left_alone(descriptor: Descriptor) -> None:
    """The caller's array keeps its pixels and stays writeable."""
    picture = render_picture(96, 128)
    before = picture.copy()
    descriptor.extract([picture])
    assert np.array_equal(picture, before), "extract changed the caller's array"
    assert picture.flags.writeable, "extract froze the caller's array"


def check_maps_are_comparable(descriptor: Descriptor) -> None:
    """Calling the descriptor gives unit cells in one basis; a blank image gives them too."""
    pictures = [render_picture(96, 128), np.full((80, 96, 3), 128, dtype=np.uint8)]
    maps = descriptor(*pictures)
    assert len(maps) == 2, f"calling gave {len(maps)} maps for 2 images"
    assert maps[0].attrs["basis"] == maps[1].attrs["basis"], "maps of one call differ in basis"
    for fmap in maps:
        assert fmap.dims == ("channel", "y", "x"), f"a map has the dimensions {fmap.dims}"
        assert fmap.dtype == np.float32, f"a map has the type {fmap.dtype}"
        length = np.linalg.norm(fmap.values, axis=0)
        assert np.allclose(length, 1, atol=1e-5), "a cell of a map is not of unit length"


def check_features_survive_a_file(descriptor: Descriptor) -> None:
    """A lossless file gives back the tree, and combining loaded trees gives the same maps."""
    trees = descriptor.extract([render_picture(96, 128), render_picture(96, 128, seed=1)])
    with tempfile.TemporaryDirectory() as folder:
        loaded = []
        for index, tree in enumerate(trees):
            save_features(tree, Path(folder) / f"{index}.nc", lossless=True)
            loaded.append(load_features(Path(folder) / f"{index}.nc"))
    for before, after in zip(trees, loaded, strict=True):
        assert before.identical(after), "a tree changed on its way through a lossless file"
    for before_map, after_map in zip(combine(trees), combine(loaded), strict=True):
        assert before_map.identical(after_map), "maps changed on their way through a file"


def check_settings(descriptor: Descriptor) -> None:
    """Settings show in `repr`, go into JSON, and are frozen."""
    check_frozen(descriptor)
    descriptor.check_settings_kept()
    for layer in _layers(descriptor).values():
        recorded = json.loads(layer.attrs["settings"])
        assert isinstance(recorded, dict), "the settings of a layer are not a JSON object"


def check_recipe(descriptor: Descriptor) -> None:
    """What the descriptor says of its layers beforehand is what its trees say, in order."""
    recipe = descriptor.recipe
    if recipe is None:
        return
    layers = {path: layer.attrs for path, layer in _layers(descriptor).items()}
    assert list(layers) == list(recipe), f"trees have the layers {list(layers)}, not {list(recipe)}"
    unlike = difference(layers, recipe) or computations(layers, recipe)
    assert unlike is None, f"layers and recipe say of themselves {unlike}"


def check_bad_images_are_refused(descriptor: Descriptor) -> None:
    """A missing file, an empty array and no image at all are errors of their own kind."""
    bad: list[tuple[Any, type[Exception]]] = [
        (["no such file.png"], ImageError),
        ([np.zeros((0, 0, 3), np.uint8)], ImageError),
        ([np.zeros((1, 1, 3), np.uint8)], ImageError),
        ([], OptionError),
        ("one.png", OptionError),
    ]
    for images, kind in bad:
        try:
            descriptor.extract(images)
        except kind:
            continue
        raise AssertionError(f"extract({images!r}) did not raise {kind.__name__}")


def check_backbone_layers(descriptor: Descriptor) -> None:
    """A backbone gives the layers that it states, under its source."""
    if not isinstance(descriptor, Backbone):
        return
    paths = list(_layers(descriptor))
    expected = [f"{descriptor.source}/{layer.name}" for layer in descriptor.layers]
    assert paths == expected, f"layers {paths}, stated {expected}"


def check_gradients(descriptor: Descriptor) -> None:
    """A backbone's `forward` takes gradients after `extract` if its network is differentiable."""
    if not isinstance(descriptor, Backbone):
        return
    _layers(descriptor)
    canvas = descriptor.canvas(96, 128)
    pixels = torch.rand(1, 3, canvas.y.length, canvas.x.length, dtype=descriptor.pixel_dtype)
    pixels = pixels.to(descriptor.torch_device).requires_grad_()
    try:
        layers = torch.cat([layer.flatten() for layer in descriptor.forward(pixels).values()])
        if layers.requires_grad:
            torch.autograd.grad(layers.sum(), pixels, allow_unused=True)
    except RuntimeError as error:
        # A network that is not differentiable says so in other words.
        if "nference tensor" in str(error):
            raise AssertionError(f"forward takes no gradients after extract: {error}") from error


CHECKS: tuple[Callable[[Descriptor], None], ...] = (
    check_one_tree_per_image,
    check_features_follow_the_image,
    check_the_stream_gives_the_same,
    check_coordinates_follow_the_image,
    check_input_is_left_alone,
    check_images_in_every_form,
    check_maps_are_comparable,
    check_features_survive_a_file,
    check_settings,
    check_recipe,
    check_bad_images_are_refused,
    check_backbone_layers,
    check_gradients,
)


def check_frozen(configured: Configurable) -> None:
    """Fail unless settings show in `repr`, go into JSON, and can't be changed."""
    assert type(configured).__name__ in repr(configured), "repr does not name the class"
    for name, value in configured.settings.items():
        json.dumps(value)
        assert name in repr(configured), f"repr does not show the setting {name!r}"
        try:
            setattr(configured, name, value)
        except AttributeError:
            continue
        raise AssertionError(f"the setting {name!r} can be changed after construction")


def _layers(descriptor: Descriptor) -> dict[str, xr.Dataset]:
    """The layers of a picture by path."""
    return tree_layers(descriptor.extract([render_picture(96, 128)])[0])


def _assert_same_features(tree: xr.DataTree, other: xr.DataTree, what: str) -> None:
    for path, layer in tree_layers(tree).items():
        ours, theirs = layer["features"].values, tree_layers(other)[path]["features"].values
        assert ours.shape == theirs.shape, f"the shape of {path} depends on {what}"
        difference = np.abs(ours - theirs).max() / max(np.abs(ours).max(), 1e-12)
        assert difference <= _ROUNDING, f"{path} depends on {what}: {difference:g} of its largest"
