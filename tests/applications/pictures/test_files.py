import base64
import re
import zlib
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import PIL.ImageFont
import pytest
from descr.applications.pictures import Drawing, files
from descr.applications.pictures.canvas import Canvas
from descr.descriptors.errors import OptionError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawing() -> Drawing:
    ramp = np.indices((60, 90)).sum(axis=0)[:, :, None] + (0, 40, 80)
    page = Canvas.of(ramp.astype(np.uint8))
    for row in (10, 20, 30):
        page.line((5, row), (80, row + 5), (200, 20, 60), 1.5, 0.5)
    page.circle((40, 40), (0, 90, 200), 6)
    page.circle((70, 40), (0, 90, 200), 6, 2)
    page.write([("a < b & 50 $", 45, 55)], size=12, anchor="m")
    return page.finish()


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg", ".webp"])
def test_pixels_are_written_as_the_suffix_says(
    drawing: Drawing, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"figure{suffix}"
    drawing.save(path)
    with PIL.Image.open(path) as picture:
        form = {".jpg": "JPEG", ".jpeg": "JPEG"}.get(suffix, suffix[1:].upper())
        assert (picture.format, picture.size) == (form, (90, 60))
        difference = np.abs(np.asarray(picture).astype(int) - drawing)
    assert difference.max() == 0 if form == "PNG" else difference.mean() < 12
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_an_svg_file_has_the_lines_and_letters_over_the_pixels_beneath(
    drawing: Drawing, tmp_path: Path
) -> None:
    path = tmp_path / "figure.svg"
    drawing.save(str(path))
    root = ElementTree.parse(path).getroot()
    assert root.attrib["viewBox"] == "0 0 90 60"
    assert [len(root.findall(SVG + tag)) for tag in ("image", "line", "circle", "text")] == [
        1, 3, 2, 1,
    ]  # fmt: skip
    data = root.find(SVG + "image").attrib["href"].removeprefix("data:image/png;base64,")
    picture = PIL.Image.open(BytesIO(base64.b64decode(data)))
    np.testing.assert_array_equal(np.array(picture), drawing.canvas.pixels)
    line = root.find(SVG + "line").attrib
    # Half a pixel on: the corner is 0 here.
    assert (line["x1"], line["y1"], line["x2"], line["y2"]) == ("5.50", "10.50", "80.50", "15.50")
    assert (line["stroke"], line["stroke-opacity"]) == ("#c8143c", "0.5")
    assert root.find(SVG + "text").text == "a < b & 50 $"
    assert root.find(SVG + "text").attrib["font-family"].startswith("Aileron,")
    face = re.search("font-family: Aileron; src: .*base64,(.*)\\)", root.find(SVG + "style").text)
    font = PIL.ImageFont.truetype(BytesIO(base64.b64decode(face[1])), 12)
    assert font.getname() == ("Aileron", "Regular")
    disc, ring = (one.attrib for one in root.findall(SVG + "circle"))
    assert (disc["r"], disc["fill"], ring["r"], ring["fill"]) == ("6.00", "#005ac8", "6.00", "none")


def test_a_part_of_a_drawing_is_pixels_alone(drawing: Drawing, tmp_path: Path) -> None:
    drawing[:30].save(tmp_path / "part.svg")
    root = ElementTree.parse(tmp_path / "part.svg").getroot()
    assert [one.tag for one in root] == [SVG + "image"]


def test_a_pdf_file_has_strokes_and_letters(drawing: Drawing, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawing.save(tmp_path / "figure.pdf")
    content = (tmp_path / "figure.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.")
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    pages = []
    for stream in streams:
        try:
            pages.append(zlib.decompress(stream))
        except zlib.error:
            continue
    (page,) = [one for one in pages if b"BT" in one and b" Do" in one]
    assert len(re.findall(rb" l\n", page)) >= 3
    assert len(re.findall(rb" c\n", page)) >= 8  # the curves of disc and ring
    assert page.count(b"BT") == 1
    assert b"/FontFile2" in content
    assert b"+Aileron-Regular" in content
    drawing.save(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == content


def test_axes_of_matplotlib_show_it(drawing: Drawing) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(3, 2), dpi=30)
    ax = figure.add_axes((0, 0, 1, 1))
    assert drawing.plot(ax=ax) is ax
    assert (len(ax.lines), len(ax.patches), len(ax.texts), len(ax.images)) == (3, 2, 1, 1)
    assert ax.get_xlim() == (0, 90)
    assert ax.get_ylim() == (60, 0)
    # One pixel of the picture is one of the figure, a 30th of an inch.
    assert ax.lines[0].get_linewidth() == pytest.approx(1.5 * 72 / 30)
    assert ax.texts[0].get_fontname() == "Aileron"


def test_what_cannot_be_written_is_refused_in_a_line(
    drawing: Drawing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OptionError, match=r"'\.gif' is none of a picture") as fault:
        drawing.save(tmp_path / "figure.gif")
    assert ".png, .jpg, .jpeg, .webp, .svg, .pdf" in fault.value.hint
    with pytest.raises(OptionError, match="16383"):
        files.encode(np.zeros((2, 16_384, 3), np.uint8), ".webp")
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match="a PDF file needs matplotlib") as fault:
        drawing.save(tmp_path / "figure.pdf")
    assert "descr-sdk[figures]" in fault.value.hint
    with pytest.raises(OptionError, match="a plot needs matplotlib"):
        drawing.plot()
    assert not list(tmp_path.iterdir())
