"""The explorer as a widget of notebooks: what is pinned in it can be read and set from Python."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...descriptors.errors import OptionError
from ...descriptors.settings import check_choice, check_float, check_int, unknown
from .page import COLOR_MAPS, MATCHER_NAMES, Page
from .text import static_text

try:
    import anywidget
    import traitlets
except ImportError as error:
    raise OptionError(
        "the explorer as a widget needs anywidget, which is not installed",
        hint='pip install "descr-sdk[notebook]"',
    ) from error

_MOST_POINTS = 500
_FLAGS = ("masks", "lines", "returns", "smooth", "full")
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "matcher": lambda name, value: check_choice(name, value, MATCHER_NAMES),
    "tolerance": lambda name, value: check_int(name, value, minimum=0, maximum=20),
    "temperature": lambda name, value: check_float(name, value, minimum=0.001, maximum=1),
    "window": lambda name, value: (
        None if value is None else check_int(name, value, minimum=0, maximum=30)
    ),
    "margin": lambda name, value: check_int(name, value, minimum=0, maximum=30),
    "view": lambda name, value: check_choice(name, value, ("heat", "pca", "photograph")),
    "colors": lambda name, value: check_choice(name, value, COLOR_MAPS),
    "opacity": lambda name, value: check_float(name, value, minimum=0, maximum=1),
    "theme": lambda name, value: check_choice(name, value, ("auto", "light", "dark")),
    **{name: lambda name, value: check_choice(name, value, (False, True)) for name in _FLAGS},
}


class Explorer(anywidget.AnyWidget):
    """A page in a cell of a notebook, whose traits follow what is done in it, and lead it.

    Made by `Page.widget`. Traits are read, set and observed as those of any widget; what the page
    can't show is an `OptionError`. In the page one `points` list, set from Python, is one step that
    can be undone.

    Attributes:
        points: The pins, at most 500: mappings with `image` (its place among the images), `x` and
            `y` (pixels of the upright image); and, which may be left out, `name` and `targets`:
            mappings with `image`, `x` and `y` for each match that is set by hand.
        pointer: The place that is pointed at (`image`, `x`, `y`), once the pointer rests there for
            a fifth of a second; or None.
        settings: What the controls say, by name; what is not named when it is set stays as it was.
            `matcher` ("nearest", "mutual", "soft-argmax") with `tolerance`, `temperature`,
            `window` (None: all cells) and `margin`, as the matchers define them; `view` ("heat",
            "pca", "photograph"), `colors`, `opacity`; `shares` of the sources in the cosine;
            `theme` ("auto", "light", "dark"); and whether `masks`, `lines`, `returns` (the way
            back), `smooth` cells and the `full` scale are on. All are there once the page is shown.
        height: Of the cell, in pixels of the screen.
    """

    _esm = static_text("widget.js")
    _html = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)
    points: Any = traitlets.List().tag(sync=True)
    pointer = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(self, page: Page, **traits: Any) -> None:
        self.page = page
        super().__init__(_html=page.html, _title=page.title, **traits)

    def points_in(self, image: int) -> npt.NDArray[np.float64]:
        """The pins of one image, as matchers take them: (point, 2), x and y in pixels."""
        check_int("image", image, minimum=0, maximum=len(self.page.features.outlines) - 1)
        places = [(one["x"], one["y"]) for one in self.points if one["image"] == image]
        return np.array(places, dtype=np.float64).reshape(-1, 2)

    def __repr__(self) -> str:
        return f"Explorer of {self.page.title}, {len(self.points)} pinned"

    @traitlets.validate("points")
    def _check_points(self, proposal: Any) -> list[dict[str, Any]]:
        points = proposal["value"]
        check_int("the number of points", len(points), minimum=0, maximum=_MOST_POINTS)
        return [self._point(f"point {number}", one) for number, one in enumerate(points, 1)]

    @traitlets.validate("pointer")
    def _check_pointer(self, proposal: Any) -> dict[str, Any] | None:
        pointer = proposal["value"]
        return None if pointer is None else self._place("the pointer", pointer)

    @traitlets.validate("settings")
    def _check_settings(self, proposal: Any) -> dict[str, Any]:
        checks = {**_CHECKS, "shares": self._check_shares}
        settings = dict(self._trait_values.get("settings", {}))
        for name, value in proposal["value"].items():
            if name not in checks:
                raise unknown("setting of the explorer", name, checks)
            settings[name] = checks[name](name, value)
        return settings

    @traitlets.validate("height")
    def _check_height(self, proposal: Any) -> int:
        return check_int("height", proposal["value"], minimum=120, maximum=10_000)

    def _check_shares(self, name: str, value: Sequence[float]) -> list[float]:
        sources = self.page.features.sources
        check_int(f"the number of {name}", len(value), minimum=len(sources), maximum=len(sources))
        shares = [check_float(name, one, minimum=0) for one in value]
        total = check_float(f"the sum of the {name}", sum(shares), minimum=0, open_minimum=True)
        # Those of the page stay as they are, or it would hear of them again.
        return shares if abs(total - 1) < 1e-9 else [one / total for one in shares]

    def _point(self, what: str, point: Mapping[str, Any]) -> dict[str, Any]:
        """A point with its name and its targets; `OptionError` if one of them is no place."""
        place = self._place(what, point)
        targets = [self._place(f"a target of {what}", one) for one in point.get("targets", ())]
        images = [place["image"], *(one["image"] for one in targets)]
        if len(set(images)) < len(images):
            raise OptionError(
                f"a target of {what} is in image {max(images, key=images.count)} again",
                hint="give one for each of the other images, at most",
            )
        # In the order in which the page has them.
        targets.sort(key=itemgetter("image"))
        return {**place, "name": str(point.get("name", "")), "targets": targets}

    def _place(self, what: str, place: Mapping[str, Any]) -> dict[str, Any]:
        """`image`, `x` and `y` of a place; `OptionError` if it is none of an image."""
        if not isinstance(place, Mapping) or not {"image", "x", "y"} <= place.keys():
            raise OptionError(
                f"{what} is {place!r}", hint='write {"image": 0, "x": 12.5, "y": 30.0}'
            )
        outlines = self.page.features.outlines
        image = check_int(f"{what}: image", place["image"], minimum=0, maximum=len(outlines) - 1)
        attributes = outlines[image].attrs
        across, down = (
            check_float(
                f"{what}: {axis}",
                place[axis],
                minimum=-0.5,
                maximum=int(attributes[f"image_{side}"]) - 0.5,
            )
            for axis, side in (("x", "width"), ("y", "height"))
        )
        return {"image": image, "x": across, "y": down}
