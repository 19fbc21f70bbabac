import os
from pathlib import Path

import numpy as np
import pytest
import torch
from descr.descriptors import SIFT, Backbone, Descriptor, Layer, combine, read_image
from descr.descriptors.errors import ForeignFileError
from descr.descriptors.files import load_features, save_features, why_extract
from descr.descriptors.images import Image
from torch.nn import functional


class Silent(SIFT):
    """Can't tell without extracting what its layers say."""

    @property
    def recipe(self) -> None:  # type: ignore[override]
        return None


@pytest.fixture
def image() -> Image:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return read_image(pixels)


def keep(describe: Descriptor, image: Image, path: Path, **options: bool) -> Path:
    save_features(describe.extract([image])[0], path, **options)
    return path


@pytest.mark.parametrize("kind", [SIFT, Silent])
def test_a_file_of_the_same_image_and_settings_is_kept(
    kind: type[SIFT], image: Image, tmp_path: Path
) -> None:
    path = keep(kind(size=96), image, tmp_path / "a.nc")
    assert why_extract(path, image, kind(size=96)) is None
    said = why_extract(path, image, kind(size=96, step=4))
    assert said is not None
    assert said.startswith(f"made with {kind.__name__}(step=8")


def test_a_file_of_other_weights_is_not_kept(image: Image, tmp_path: Path) -> None:
    class Trained(SIFT):
        revision = "trained"

    path = keep(SIFT(size=96), image, tmp_path / "a.nc")
    assert "other weights" in str(why_extract(path, image, Trained(size=96)))


class Levels(Backbone):
    """Grey levels, in whatever precision."""

    layers = (Layer("grey", stride=8),)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"grey": functional.avg_pool2d(pixels, 8)}


@pytest.mark.usefixtures("half_precision")
def test_a_precision_counts_where_the_user_asks_for_one(image: Image, tmp_path: Path) -> None:
    path = keep(Levels(size=96, device="cpu", dtype="bfloat16"), image, tmp_path / "a.nc")
    assert why_extract(path, image, Levels(size=96)) is None
    assert why_extract(path, image, Levels(size=96, device="cpu", dtype="bfloat16")) is None
    said = why_extract(path, image, Levels(size=96, dtype="float32"))
    assert said is not None
    assert said.endswith("or with other weights, code or precision")


def test_a_file_of_one_pixel_more_or_less_is_not_kept(image: Image, tmp_path: Path) -> None:
    path = keep(SIFT(size=96), image, tmp_path / "a.nc")
    pixels = image.pixels.copy()
    pixels[3, 5, 1] ^= 1
    assert why_extract(path, Image(pixels, image.name), SIFT(size=96)) == "of another image"


def test_what_is_missing_or_damaged_is_told_apart(image: Image, tmp_path: Path) -> None:
    assert why_extract(tmp_path / "none.nc", image, SIFT(size=96)) == ""
    path = keep(SIFT(size=96), image, tmp_path / "a.nc")
    path.write_bytes(path.read_bytes()[:-9])
    assert why_extract(path, image, SIFT(size=96)) == "damaged, or of another schema"


@pytest.mark.parametrize("content", [b"notes of somebody", b"CDF\x01" + bytes(64)])
def test_a_file_of_something_else_is_refused(content: bytes, image: Image, tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_bytes(content)
    with pytest.raises(ForeignFileError, match="is not a feature file"):
        why_extract(path, image, SIFT(size=96))


def test_rounded_features_will_do_unless_every_bit_is_wanted(image: Image, tmp_path: Path) -> None:
    rounded = keep(SIFT(size=96), image, tmp_path / "rounded.nc")
    whole = keep(SIFT(size=96), image, tmp_path / "whole.nc", lossless=True)
    assert why_extract(rounded, image, SIFT(size=96)) is None
    assert why_extract(rounded, image, SIFT(size=96), lossless=True) == "rounded"
    assert why_extract(whole, image, SIFT(size=96), lossless=True) is None


def test_the_way_to_the_photograph_does_not_count(image: Image, tmp_path: Path) -> None:
    describe = SIFT(size=96)
    (tree,) = describe.extract([image])
    (tmp_path / "deep").mkdir()
    path, photograph = tmp_path / "deep" / "a.nc", tmp_path / "photos" / "a.jpg"
    save_features(tree, path, image_path=photograph)
    loaded = load_features(path)
    assert loaded.attrs["image_path"] == "../photos/a.jpg"
    assert why_extract(path, image, describe) is None
    combine([tree, loaded])
    # From another folder it would lead elsewhere.
    save_features(loaded, tmp_path / "b.nc")
    assert "image_path" not in load_features(tmp_path / "b.nc").attrs
    assert loaded.attrs["image_path"] == "../photos/a.jpg"


def test_what_no_text_can_say_is_not_recorded(image: Image, tmp_path: Path) -> None:
    (tree,) = SIFT(size=96).extract([image])
    save_features(tree, tmp_path / "a.nc", image_path=os.fsdecode(b"\xff.png"))
    assert "image_path" not in load_features(tmp_path / "a.nc").attrs
