"""Pictures as files: which forms there are, and how each is written."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Pillow's JPEG otherwise halves the resolution of the colours, which blurs what is drawn.
_JPEG: dict[str, Any] = {"format": "JPEG", "quality": 95, "subsampling": 0}
# PNG is not optimized: that takes seconds, several times the rest of the work, for 6 % of the size.
_FORMS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": {"format": "WEBP", "quality": 95},
}
_LARGEST = {"JPEG": 65_500, "WEBP": 16_383}
"""Pixels along a side that a form can hold."""

PICTURES = dict.fromkeys(_FORMS, "picture")
TRANSPARENT = dict.fromkeys((".png", ".webp"), "picture")
"""The forms that can be transparent in places."""


def write_picture(pixels: "npt.NDArray[np.uint8]", target: Path) -> None:
    """Write pixels (height, width, 3 or 4) in the form that the suffix of `target` asks for.

    Raises `UserError` for a picture that is too large for its form.
    """
    from io import BytesIO

    import PIL.Image

    options = _FORMS[target.suffix.lower()]
    height, width = pixels.shape[:2]
    largest = _LARGEST.get(options["format"], max(height, width))
    if max(height, width) > largest:
        raise UserError(
            f"the picture is {width} x {height} pixels, and a {target.suffix} file holds {largest} "
            "at most along a side",
            hint="write .png, or a smaller picture",
        )
    # In memory: Pillow takes it for done when the system has written a part of the last bytes.
    picture = BytesIO()
    PIL.Image.fromarray(pixels).save(picture, **options)
    target.write_bytes(picture.getbuffer())
