"""The masks of a command on several images: what was asked for, and how they are found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError
from .inputs import Input, check_photographs
from .settings import parse_settings, takes_option

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.masks.base import Mask, Segmenter


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """The options under "Masks"; raises `UserError` where they exclude each other.

    `files` are those of the images, None for an image without one. `segment` says what to look
    for: one text for all images, or one for each. With `auto` it is what they have in common.
    `settings` are the options of what finds the masks; raw texts.
    """

    files: tuple[Path | None, ...] = ()
    segment: tuple[str, ...] = ()
    auto: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ways = [("--mask-a and --mask-b", bool(self.paths))]
        ways += [("--segment", bool(self.segment)), ("--auto-mask", self.auto)]
        given = [name for name, wanted in ways if wanted]
        if len(given) > 1:
            raise UserError(
                f"{', '.join(given)} exclude each other: each says where the masks come from",
                hint="give one of them",
            )
        if not all(text.strip() for text in self.segment):
            raise UserError("--segment needs a text", hint='as in --segment "cat"')
        if self.settings and given not in (["--segment"], ["--auto-mask"]):
            raise UserError(
                "--mask-set has nothing to do without --segment or --auto-mask",
                hint="leave it out",
            )

    @property
    def paths(self) -> list[Path]:
        """The mask files: inputs like others, to be checked with `check_exist`."""
        return [path for path in self.files if path is not None]

    @property
    def given(self) -> bool:
        """Whether any mask is asked for."""
        return bool(self.paths) or bool(self.segment) or self.auto


@dataclass(frozen=True, eq=False)
class Masks:
    """The masks of the inputs of a command, or the segmenter that will find them.

    `read` has a mask per input, None for an input without one; it is None as a whole where they
    are found. `labels` are how messages call the masks.
    """

    inputs: Sequence[Input]
    read: "list[Mask | None] | None"
    segmenter: "Segmenter | None"
    labels: Sequence[str]

    def find(self, maps: "Sequence[xr.DataArray]") -> "list[Mask | None]":
        """The mask of each input, bool (height, width) with at least one cell of its map in it.

        None for an input without a mask. `maps` are the feature maps of the inputs. Raises
        `ImageError` where nothing is found, or no cell is left.
        """
        masks = self.read
        if masks is not None and all(mask is None for mask in masks):
            return masks
        from ...applications.masks.cells import cells_in_mask
        from ...applications.pictures.scenes import outlines

        if masks is None:
            assert self.segmenter is not None
            images = [one.image for one in self.inputs] if self.segmenter.needs_pixels else None
            grids = list(maps) if self.segmenter.needs_maps else outlines(maps)
            masks = list(self.segmenter(images, grids))
        for mask, fmap, label in zip(masks, outlines(maps), self.labels, strict=True):
            if mask is not None:
                cells_in_mask(mask, fmap, name=label)
        return masks


def prepare_masks(
    options: MaskOptions, inputs: Sequence[Input], *, device: str | None = None
) -> Masks:
    """Read the mask files, or make what finds the masks.

    Load the library first. `device` is handed to what takes one. Raises `UserError` for a text
    that is looked for in a feature file whose photograph is not found; `DescrError` for a mask
    that can't be read, is empty or of another size than its image, for missing weights, and for a
    wrong setting.
    """
    if not options.given:
        return Masks(inputs, [None] * len(inputs), None, [""] * len(inputs))
    if options.paths:
        return Masks(
            inputs, _read(options.files, inputs), None, [f"{one}" for one in options.files]
        )
    segmenter = _make(options, inputs, device)
    labels = ["the mask that --auto-mask finds"] * len(inputs)
    if options.segment:
        labels = [f"what --segment {text!r} finds" for text in _texts(options, inputs)]
    return Masks(inputs, None, segmenter, labels)


def _texts(options: MaskOptions, inputs: Sequence[Input]) -> tuple[str, ...]:
    """The text for each input; raises `UserError` if it isn't plain which is whose."""
    count = len(inputs)
    if len(options.segment) not in (1, count):
        raise UserError(
            f"--segment is given {len(options.segment)} times for {count} images",
            hint="give it once for all images, or once for each",
        )
    return options.segment * count if len(options.segment) == 1 else options.segment


def _read(files: Sequence[Path | None], inputs: Sequence[Input]) -> "list[Mask | None]":
    from ...applications.masks import MaskFiles

    found = MaskFiles(files).read([(one.name, one.height, one.width) for one in inputs])
    return [None if path is None else mask for path, mask in zip(files, found, strict=True)]


def _make(options: MaskOptions, inputs: Sequence[Input], device: str | None) -> "Segmenter":
    from ...applications.masks import JointForeground, TextPrompt
    from ...descriptors.settings import construct

    if not options.segment:
        settings = parse_settings(options.settings, JointForeground)
        return construct(JointForeground, "--auto-mask", settings)
    check_photographs(inputs, "--segment", instead="give mask files or --auto-mask")
    if "text" in options.settings:
        raise UserError("--mask-set gives the text, which --segment gives")
    texts = _texts(options, inputs)
    made: dict[str, Any] = parse_settings(options.settings, TextPrompt)
    if device is not None and takes_option(TextPrompt, "device"):
        made.setdefault("device", device)
    return construct(TextPrompt, "--segment", {"text": texts, **made})
