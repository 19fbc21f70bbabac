"""Pictures as files: of pixels, and of strokes and texts that stay such."""

from base64 import b64encode
from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from ...descriptors.errors import OptionError

if TYPE_CHECKING:
    from .canvas import Canvas
    from .painting import Picture

# Pillow's JPEG otherwise halves the resolution of the colours, which blurs what is drawn.
_JPEG: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
# PNG is not optimized: that takes seconds, several times the rest of the work, for 6 % of the size.
PIXELS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": {"format": "WEBP", "quality": 95},
}
VECTORS = ".svg", ".pdf"
_LARGEST = {"JPEG": 65_500, "WEBP": 16_383}  # pixels along a side that a form can hold
_ANCHORS = {"l": ("start", "left"), "m": ("middle", "center"), "r": ("end", "right")}
_PER_INCH = 200  # pixels of a picture, in a PDF file


def check_suffix(suffix: str) -> None:
    """Raise `OptionError` for a suffix that is none, and for .pdf where matplotlib is missing."""
    if suffix not in PIXELS and suffix not in VECTORS:
        raise OptionError(
            f"the suffix {suffix!r} is none of a picture",
            hint=f"use one of {', '.join((*PIXELS, *VECTORS))}",
        )
    if suffix == ".pdf":
        check_matplotlib("a PDF file")


def check_matplotlib(what: str) -> None:
    """Raise `OptionError` where matplotlib, which `what` needs, is not installed."""
    if find_spec("matplotlib") is None:
        raise OptionError(
            f"{what} needs matplotlib, which is not installed",
            hint='pip install "descr-sdk[figures]"',
        )


def encode(picture: "Picture", suffix: str) -> bytes:
    """The file of a picture (height, width, 3 or 4) in the form that its suffix names.

    Raises `OptionError` as `check_suffix` does, and for a picture that is too large for its form.
    """
    import numpy as np
    import PIL.Image

    check_suffix(suffix)
    if suffix in VECTORS:
        from .canvas import Canvas

        canvas = Canvas.within(picture)
        return _svg(canvas) if suffix == ".svg" else _pdf(canvas)
    options = PIXELS[suffix]
    height, width = picture.shape[:2]
    largest = _LARGEST.get(options["format"], max(height, width))
    if max(height, width) > largest:
        raise OptionError(
            f"the picture is {width} x {height} pixels, and a {suffix} file holds {largest} "
            "at most along a side",
            hint="write .png, or a smaller picture",
        )
    # In memory: Pillow takes it for done when the system has written a part of the last bytes.
    file = BytesIO()
    PIL.Image.fromarray(np.asarray(picture)).save(file, **options)
    return file.getvalue()


def _svg(canvas: "Canvas") -> bytes:
    """The pixels as an image that is embedded, and strokes and texts as such on top."""
    from .letters import baseline, font_bytes, text_width

    height, width = canvas.pixels.shape[:2]
    size = {"width": str(width), "height": str(height)}
    root = ElementTree.Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", **size}
    )
    if canvas.texts:
        face = f"font-family: Aileron; src: url({_data('font/ttf', font_bytes())})"
        ElementTree.SubElement(root, "style").text = f"@font-face {{ {face} }}"
    pixels = _data("image/png", encode(canvas.pixels, ".png"))
    ElementTree.SubElement(root, "image", {**size, "href": pixels})
    for stroke in canvas.strokes:
        (x, y), (u, v) = ((a + 0.5, b + 0.5) for a, b in (stroke.start, stroke.end))
        color, opacity = "#{:02x}{:02x}{:02x}".format(*stroke.color), f"{stroke.opacity:g}"
        thick = f"{stroke.thickness:.2f}"
        line = {"stroke": color, "stroke-opacity": opacity, "stroke-width": thick}
        disc = {"cx": f"{x:.2f}", "cy": f"{y:.2f}", "r": f"{stroke.thickness / 2:.2f}"}
        if stroke.radius:
            ring = {**disc, "r": f"{stroke.radius:.2f}", "fill": "none", **line}
            ElementTree.SubElement(root, "circle", ring)
        elif (x, y) == (u, v):
            ElementTree.SubElement(root, "circle", {**disc, "fill": color, "fill-opacity": opacity})
        else:
            ends = {"x1": f"{x:.2f}", "y1": f"{y:.2f}", "x2": f"{u:.2f}", "y2": f"{v:.2f}"}
            round_ends = {"stroke-linecap": "round"}
            ElementTree.SubElement(root, "line", {**ends, **line, **round_ends})
    for text, x, y, letters, anchor, ink in canvas.texts:
        attributes = {
            "x": f"{x:.2f}",
            "y": f"{y + baseline(letters):.2f}",
            "font-size": f"{letters:.2f}",
            "font-family": "Aileron, Helvetica, Arial, sans-serif",
            "text-anchor": _ANCHORS[anchor][0],
            "fill": "#{:02x}{:02x}{:02x}".format(*ink),
            # The layout stays what it is, whichever font is there.
            "textLength": f"{text_width(text, round(letters)):.2f}",
            "lengthAdjust": "spacingAndGlyphs",
        }
        ElementTree.SubElement(root, "text", attributes).text = text
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _pdf(canvas: "Canvas") -> bytes:
    """The same as a page, 200 pixels to the inch, with its letters embedded."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    height, width = canvas.pixels.shape[:2]
    file = BytesIO()
    with rc_context({"pdf.fonttype": 42}):
        figure = Figure(figsize=(width / _PER_INCH, height / _PER_INCH), dpi=_PER_INCH)
        plot(canvas, figure.add_axes((0, 0, 1, 1)))
        figure.savefig(file, format="pdf", metadata={"CreationDate": None})
    return file.getvalue()


def plot(canvas: "Canvas", ax: Any) -> None:
    """Draw everything on axes of matplotlib, which show the picture alone from then on.

    Lengths are those of the size that the axes have at that time.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle

    from .letters import baseline, font_file

    height, width = canvas.pixels.shape[:2]
    ax.imshow(canvas.pixels, extent=(0, width, height, 0), interpolation="none")
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    ax.apply_aspect()
    point = ax.get_window_extent().width / width * 72 / ax.figure.dpi  # the length of a pixel
    for stroke in canvas.strokes:
        (x, y), (u, v) = ((a + 0.5, b + 0.5) for a, b in (stroke.start, stroke.end))
        look: dict[str, Any] = {
            "color": [one / 255 for one in stroke.color],
            "alpha": stroke.opacity,
            "zorder": 3,
        }
        thick = stroke.thickness * point
        if stroke.radius:
            ax.add_patch(Circle((x, y), stroke.radius, fill=False, linewidth=thick, **look))
        elif (x, y) == (u, v):
            ax.add_patch(Circle((x, y), stroke.thickness / 2, linewidth=0, **look))
        else:
            # Where its ends snap to pixels, a line that is short vanishes.
            ends: dict[str, Any] = {"solid_capstyle": "round", "snap": False}
            ax.add_line(Line2D((x, u), (y, v), linewidth=thick, **ends, **look))
    for text, x, y, letters, anchor, ink in canvas.texts:
        ax.text(
            x,
            y + baseline(letters),
            text,
            font=font_file(),
            fontsize=letters * point,
            color=[one / 255 for one in ink],
            horizontalalignment=_ANCHORS[anchor][1],
            verticalalignment="baseline",
            parse_math=False,
            zorder=4,
        )
