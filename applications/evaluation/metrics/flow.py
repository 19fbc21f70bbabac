"""Numbers for dense flows: share of right pixels, end-point error, smoothness."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ....descriptors.errors import OptionError
from ....descriptors.settings import check_float
from .arrays import checked
from .keypoints import Comparison, check_alphas, within

_UNKNOWN = 1e9  # from here on the Middlebury format takes a component of the flow as unknown


def endpoint_errors(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, mask: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """How far the flow is off at each pixel that counts, in pixels: float64 (pixel,).

    A pixel counts where `mask`, bool (height, width) of the image that the flow lies on, is true
    and the true flow is known: finite, and below 1e9 as the Middlebury format writes it.
    `predicted` and `truth` are (height, width, 2), displacement along x and y in pixels, NaN where
    there is none; the error is then infinite. Raises `OptionError` for arrays that don't fit.
    """
    true, inside = _on_one_image(truth, mask, "truth")
    answer = checked("predicted", predicted, true.shape)
    with np.errstate(invalid="ignore"):
        counts = inside & np.isfinite(true).all(axis=2) & (np.abs(true) < _UNKNOWN).all(axis=2)
    answer, true = answer[counts], true[counts]
    silent = ~np.isfinite(answer).all(axis=1)
    off = np.where(silent[:, None], np.inf, answer) - true
    return np.asarray(np.hypot(off[:, 0], off[:, 1]))


def flow_pck(
    errors: npt.ArrayLike, length: float, alphas: Sequence[float], *, comparison: Comparison = "<="
) -> npt.NDArray[np.float64]:
    """The share of pixels whose error is within alpha times the length, 0 to 1: float64 (alpha,).

    Taniai, Sinha and Sato, "Joint Recovery of Dense Correspondence and Cosegmentation in Two
    Images" (CVPR 2016), section 5: on TSS with alpha 0.05, the longer side of the source image, and
    `<=`. `errors` (pixel,) is what `endpoint_errors` gives, `length` in pixels, above 0. NaN where
    no pixel counts. Raises `OptionError` for values out of range.
    """
    off = checked("errors", errors, ("pixel",))
    long = check_float("length", length, minimum=0, open_minimum=True)
    right = within(off, np.array(check_alphas(alphas))[:, None] * long, comparison)
    return right.mean(axis=1, dtype=np.float64) if off.size else np.full(len(right), np.nan)


def mean_endpoint_error(errors: npt.ArrayLike) -> float:
    """The mean error in pixels; infinite if a pixel has no prediction, NaN if none counts.

    `errors` (pixel,) is what `endpoint_errors` gives. Baker et al., "A Database and Evaluation
    Methodology for Optical Flow" (IJCV 2011), section 4.1.
    """
    off = checked("errors", errors, ("pixel",))
    return float(off.mean()) if off.size else float("nan")


def flow_smoothness(flow: npt.ArrayLike, mask: npt.ArrayLike, *, border: bool = False) -> float:
    """How much the flow changes from pixel to pixel within the mask, 0 if it is constant.

    The sum of |dx| + |dy| over both components of the flow, divided by the number of pixels of the
    mask that have a flow: dx is the forward difference f(y, x + 1) - f(y, x), dy is
    f(y + 1, x) - f(y, x). Pixels of displacement per pixel; NaN where the mask has no flow.

    Args:
        flow: (height, width, 2), displacement along x and y in pixels; NaN where there is none.
        mask: bool (height, width).
        border: Whether the jump at the border of the mask counts too, from the flow to the 0
            outside, as in the code of Zhang et al., "A Tale of Two Features" (NeurIPS 2023).
            Otherwise a difference counts where both its pixels lie in the mask and have a flow.

    Raises `OptionError`: the arrays don't fit together.
    """
    values, inside = _on_one_image(flow, mask, "flow")
    inside = inside & np.isfinite(values).all(axis=2)
    if not inside.any():
        return float("nan")
    values = np.where(inside[..., None], values, 0.0)
    across, down = (np.abs(np.diff(values, axis=axis)) for axis in (1, 0))
    if not border:
        across, down = across[inside[:, 1:] & inside[:, :-1]], down[inside[1:] & inside[:-1]]
    return float((across.sum() + down.sum()) / inside.sum())


def _on_one_image(
    flow: npt.ArrayLike, mask: npt.ArrayLike, name: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values = checked(name, flow, ("height", "width", 2))
    inside = np.asarray(mask)
    if inside.dtype != np.bool_:
        raise OptionError(
            f"mask holds {inside.dtype}, not bool",
            hint="compare its values first: on TSS only 255 counts",
        )
    return values, checked("mask", inside, values.shape[:2], np.bool_)
