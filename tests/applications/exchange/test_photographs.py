"""Where the photograph of a feature file is found, and what is not taken for it."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from descr.applications.exchange import find_images, find_photograph
from descr.descriptors import SIFT, load_features, read_image, save_features
from descr.descriptors.errors import ImageError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The features of photos/deep/a.png in features/deep/x.nc, which has another name."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    for name, pixels in zip("ab", noise, strict=True):
        PIL.Image.fromarray(pixels).save(f"{name}.png")
    Path("photos/deep").mkdir(parents=True)
    Path("features/deep").mkdir(parents=True)
    photograph = Path("a.png").rename("photos/deep/a.png")
    path = Path("features/deep/x.nc")
    save_features(SIFT(size=48).extract([photograph])[0], path, image_path=photograph)
    return path


def result(file: Path, *folders: str, **attributes: Any) -> str:
    """The path of the photograph, whose pixels are right."""
    about = {**load_features(file).attrs, **attributes}
    path, image = find_photograph(file, about, [Path(folder) for folder in folders])
    assert image.sha256 == about["image_sha256"] == read_image(path).sha256
    return str(path)


def missed(file: Path, *folders: str, **attributes: Any) -> str:
    with pytest.raises(ImageError) as error:
        result(file, *folders, **attributes)
    assert error.value.hint == "name the folder that holds it"
    return error.value.message


def test_it_is_where_the_file_says_wherever_both_are_moved(file: Path, tmp_path: Path) -> None:
    assert load_features(file).attrs["image_path"] == "../../photos/deep/a.png"
    assert result(file) == "photos/deep/a.png"
    Path("elsewhere").mkdir()
    for name in ("photos", "features"):
        Path(name).rename(f"elsewhere/{name}")
    assert result("elsewhere" / file) == "elsewhere/photos/deep/a.png"
    assert result(tmp_path / "elsewhere" / file) == "elsewhere/photos/deep/a.png"
    # The way begins where the file lies, not at a link to it.
    Path("link").symlink_to("elsewhere/features/deep")
    assert result(Path("link/x.nc")) == "elsewhere/photos/deep/a.png"


def test_the_file_itself_says_what_its_photograph_is(file: Path) -> None:
    path, image = find_photograph(file)
    assert (str(path), image.name) == ("photos/deep/a.png", "a.png")


def test_images_are_found_in_folders(file: Path) -> None:
    folder = Path("photos")
    photograph = folder / "deep" / "a.png"
    Path("photos/deep/notes.txt").touch()
    Path("photos/.hidden.png").touch()
    assert find_images([folder]) == {Path("deep/a.png"): photograph}
    assert find_images([folder, Path("b.png")]) == {
        Path("photos/deep/a.png"): photograph,
        Path("b.png"): Path("b.png"),
    }
    with pytest.raises(ImageError, match="the folder photos holds no image"):
        find_images([folder], output=folder / "deep")
    with pytest.raises(ImageError, match="the folder features holds no image"):
        find_images([Path("features")])


def test_it_is_beside_the_file(file: Path) -> None:
    Path("photos/deep/a.png").rename("features/deep/a.png")
    assert result(file) == "features/deep/a.png"
    Path("features/deep/a.png").rename("features/deep/other.png")
    assert missed(file) == (
        "no photograph of features/deep/x.nc at photos/deep/a.png, features/deep/x, "
        "features/deep/a.png"
    )
    assert result(file.rename("features/deep/other.png.nc")) == "features/deep/other.png"


def test_it_is_in_a_folder_that_is_named(file: Path) -> None:
    Path("photos").rename("moved")
    assert result(file, ".") == "moved/deep/a.png"
    assert result(file, "features", "moved") == "moved/deep/a.png"
    assert missed(file, "features").endswith("features/deep/a.png, below features")
    # Of many by one name, that with the likest path is the first to be looked at.
    for name in ("0", "1", "deep"):
        Path(f"many/{name}").mkdir(parents=True)
        shutil.copy("moved/deep/a.png", f"many/{name}")
    assert result(file, "many") == "many/deep/a.png"
    PIL.Image.new("RGB", (96, 64)).save("many/deep/a.png")
    assert result(file, "many") == "many/0/a.png"


def test_an_image_with_other_pixels_is_another(file: Path) -> None:
    shutil.copy("b.png", "photos/deep/a.png")
    assert missed(file).endswith("(photos/deep/a.png has other pixels)")
    Path("photos/deep/a.png").write_text("notes")
    Path("features/deep/a.png").touch()
    assert missed(file).endswith(
        "(photos/deep/a.png is not an image; features/deep/a.png is empty (0 bytes))"
    )


def test_an_image_that_was_turned_by_exif_is_the_same(file: Path) -> None:
    pixels = np.asarray(PIL.Image.open("photos/deep/a.png"))
    exif = PIL.Image.Exif()
    exif[0x0112] = 3
    PIL.Image.fromarray(pixels[::-1, ::-1]).save("photos/deep/a.png", exif=exif)
    assert result(file) == "photos/deep/a.png"


def test_a_file_leads_nowhere_but_to_its_photograph(file: Path, tmp_path: Path) -> None:
    """A feature file may come from anywhere."""
    photograph = Path("photos/deep/a.png").rename(tmp_path / "bc.png")
    assert str(tmp_path) not in missed(file, image_path=str(photograph))
    assert str(tmp_path) not in missed(file, image_name=str(photograph))
    assert "features/deep/bc.png" in missed(file, image_name="../../bc.png")
    os.mkfifo("pipe")
    for path in ("../../pipe", "../../../../../../../../dev/zero", ".", "", "a\0b", "x.nc"):
        missed(file, image_path=path)
    missed(file, image_path=3)
    assert result(file, image_path="../../bc.png") == "bc.png"
