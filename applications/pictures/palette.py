"""Colours that tell places apart, for people with and without colour blindness."""

import cv2
import numpy as np
import numpy.typing as npt

# Stops of one path through OKLab (lightness, green-red, blue-yellow): from blue over pale to
# orange and on to a dark pink. Along it either the blue-yellow side or the lightness changes,
# and these are what people who don't tell red from green see. Nothing is darker than L = 0.65,
# so that it shows on a photograph.
_STOPS = np.array(
    [
        (0.66, -0.03, -0.17),
        (0.80, -0.09, -0.06),
        (0.95, -0.06, 0.08),
        (0.84, 0.05, 0.15),
        (0.70, 0.17, 0.08),
        (0.66, 0.22, -0.06),
    ]
)
# The corners of a plane in OKLab: top left, top right; bottom left, bottom right.
_CORNERS = np.array(
    [[(0.84, -0.11, -0.08), (0.95, -0.03, 0.17)], [(0.42, 0.05, -0.22), (0.58, 0.17, 0.11)]]
)
# What is added in the middle, which would be grey: green.
_MIDDLE = np.array((0.0, -0.085, 0.02))
_HEX = "0072b2 e69f00 009e73 cc79a7 f0e442 d55e00 56b4e9 790d3f f3d2fa 4616a1 3ee29f 896df7"
CLUSTER_COLORS = np.frombuffer(bytes.fromhex(_HEX), dtype=np.uint8).reshape(-1, 3)
"""Colours that tell a dozen things apart, uint8 (12, 3) RGB.

The first seven are those of Okabe and Ito, "Color Universal Design", 2008; each of the others lies
as far as can be from all before it, with and without red or green cones.
"""
VERIFIED, REJECTED = CLUSTER_COLORS[6], CLUSTER_COLORS[5]
"""Sky blue, and vermilion, which people tell apart without red or green cones too."""
# Björn Ottosson, "A perceptual color space for image processing", 2020.
_LMS = np.array(
    [
        (1.0, 0.3963377774, 0.2158037573),
        (1.0, -0.1055613458, -0.0638541728),
        (1.0, -0.0894841775, -1.2914855480),
    ]
)
_LINEAR_RGB = np.array(
    [
        (4.0767416621, -3.3077115913, 0.2309699292),
        (-1.2684380046, 2.6097574011, -0.3413193965),
        (-0.0041960863, -0.7034186147, 1.7076147010),
    ]
)


def position_colors(
    points: npt.NDArray[np.float64], width: int, height: int
) -> npt.NDArray[np.uint8]:
    """A colour for each point, uint8 (point, 3) RGB, that changes evenly over the points.

    Points (x, y) that lie near each other on an image of this width and height in pixels get
    colours near each other.
    """
    across = points[:, 0] / width + points[:, 1] / height
    ranks = np.argsort(np.argsort(across, kind="stable"), kind="stable")
    position, stops = ranks / max(1, len(points) - 1), np.linspace(0, 1, len(_STOPS))
    return _to_srgb(np.stack([np.interp(position, stops, one) for one in _STOPS.T], axis=-1))


def score_colors(
    values: npt.NDArray[np.floating], low: float, high: float
) -> npt.NDArray[np.uint8]:
    """The colours of values between two ends, uint8 (..., 3) RGB, of even steps to the eye.

    Viridis (Smith and van der Walt, 2015): from dark violet over green to yellow. All have the
    brightest where both ends are one.
    """
    share = np.clip((values - low) / (high - low), 0, 1) if high > low else np.ones(values.shape)
    levels = np.arange(256, dtype=np.uint8)[None]
    table = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[0, :, ::-1]
    return np.asarray(table[np.rint(share * 255).astype(int)])


def plane_colors(
    across: npt.NDArray[np.float64], down: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """The colours of places in a rectangle, from 0 to 1 across and down, uint8 (..., 3) RGB.

    Blue turns to yellow from left to right, and light to dark from top to bottom: people who don't
    tell red from green see both.
    """
    u, v = np.clip(across, 0, 1)[..., None], np.clip(down, 0, 1)[..., None]
    (top_left, top_right), (bottom_left, bottom_right) = _CORNERS
    top = top_left * (1 - u) + top_right * u
    bottom = bottom_left * (1 - u) + bottom_right * u
    middle = 16 * u * (1 - u) * v * (1 - v) * _MIDDLE
    return _to_srgb(top * (1 - v) + bottom * v + middle)


def _to_srgb(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Colours of OKLab (..., 3) as sRGB."""
    linear = np.clip((lab @ _LMS.T) ** 3 @ _LINEAR_RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255), dtype=np.uint8)
