import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from descr.descriptors import (
    SIFT,
    Backbone,
    Descriptor,
    DINOv2,
    Fused,
    Layer,
    StableDiffusion,
    combine,
    read_image,
)
from descr.descriptors.errors import ForeignFileError
from descr.descriptors.image.reading import Image
from descr.descriptors.store import load_features, save_features, why_extract
from support import models
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


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SIFT, "made otherwise (sift/scale_1: step 8 against 4)"),
        (Silent, "made with Silent(step=8"),
    ],
)
def test_a_file_of_the_same_image_and_settings_is_kept(
    kind: type[SIFT], reason: str, image: Image, tmp_path: Path
) -> None:
    path = keep(kind(size=96), image, tmp_path / "a.nc")
    assert why_extract(path, image, kind(size=96)) is None
    message = why_extract(path, image, kind(size=96, step=4))
    assert message is not None
    assert message.startswith(reason)


def test_a_file_of_other_weights_is_not_kept(image: Image, tmp_path: Path) -> None:
    class Trained(SIFT):
        revision = "trained"

    path = keep(SIFT(size=96), image, tmp_path / "a.nc")
    expected = "made otherwise (sift/scale_1: revision '2' against 'trained')"
    assert why_extract(path, image, Trained(size=96)) == expected


def test_a_file_with_its_layers_in_another_order_is_not_kept(image: Image, tmp_path: Path) -> None:
    # Maps of the two have their channels in another order, and are refused by `combine`.
    sift, levels = SIFT(size=96), Levels(size=96)
    path = keep(Fused(sift, levels), image, tmp_path / "a.nc")
    assert why_extract(path, image, Fused(sift, levels)) is None
    assert "made otherwise (the layers" in str(why_extract(path, image, Fused(levels, sift)))


class Levels(Backbone):
    """Grey levels, in whatever precision, with whichever weights."""

    layers = (Layer("grey", stride=8),)
    revision = "1"

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"grey": functional.avg_pool2d(pixels, 8)}


class FromHalf(Levels):
    source, model, weights_variant = "levels", Levels.model, "float16"


class FromFull(FromHalf):
    weights_variant = "float32"


@pytest.mark.usefixtures("half_precision")
def test_the_precision_in_effect_counts(image: Image, tmp_path: Path) -> None:
    half = Levels(size=96, device="cpu", dtype="bfloat16")
    path = keep(half, image, tmp_path / "a.nc")
    assert why_extract(path, image, half) is None
    for dtype in ("auto", "float32"):
        describe = Levels(size=96, device="cpu", dtype=dtype)
        assert why_extract(path, image, describe) == "computed in bfloat16, not in float32"
        whole = keep(describe, image, tmp_path / f"{dtype}.nc")
        assert why_extract(whole, image, Levels(size=96, device="cpu")) is None


def test_the_variant_of_the_weights_counts(image: Image, tmp_path: Path) -> None:
    path = keep(FromHalf(size=96), image, tmp_path / "a.nc")
    assert why_extract(path, image, FromHalf(size=96)) is None
    expected = "computed with float16 weights, not with float32 weights"
    assert why_extract(path, image, FromFull(size=96)) == expected


@pytest.mark.parametrize("key", ["precision", "weights_variant"])
def test_what_an_older_file_does_not_say_counts_as_equal(
    key: str, image: Image, tmp_path: Path
) -> None:
    (tree,) = FromHalf(size=96).extract([image])
    del tree["levels/grey"].attrs[key]
    save_features(tree, tmp_path / "a.nc")
    assert why_extract(tmp_path / "a.nc", image, FromHalf(size=96)) is None


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


@pytest.mark.parametrize("other", [SIFT(size=96), Silent(size=96)])
def test_a_file_tells_folders_of_weights_apart_and_names_none(
    other: SIFT, image: Image, tmp_path: Path
) -> None:
    def fused(name: str) -> Fused:
        return Fused(DINOv2(model=str(tmp_path / name / "secret"), size=42), other)

    for name, source in (("first", models.DINOV2), ("second", models.DINOV2_REGISTERS)):
        shutil.copytree(source, tmp_path / name / "secret")
    path = keep(fused("first"), image, tmp_path / "a.nc")
    assert b"secret" not in path.read_bytes()
    assert load_features(path).attrs["descriptor"].startswith("Fused(DINOv2(model='local-")
    assert why_extract(path, image, fused("first")) is None
    assert why_extract(path, image, fused("second"))
    # It is what the folder holds that counts.
    (tmp_path / "first").rename(tmp_path / "elsewhere")
    assert why_extract(path, image, fused("elsewhere")) is None


def test_features_of_stable_diffusion_do_not_name_its_folder(image: Image, tmp_path: Path) -> None:
    folder = str(models.copy(models.STABLE_DIFFUSION, tmp_path / "secret"))
    sd = StableDiffusion(model=folder, size=64, window=None)
    assert b"secret" not in keep(sd, image, tmp_path / "a.nc").read_bytes()
    assert repr(sd).startswith("StableDiffusion(model='local-")
    assert sd.model == folder
