"""The masks of a command on several images: the options, and how the masks are read or found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from ..console.errors import UserError
from . import common as options
from .groups import Panel, same_option
from .inputs import Input, check_photographs
from .settings import parse_settings, split_settings, takes_option

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.masks import Mask, Segmenter

    FindMasks = Callable[[Sequence[xr.DataArray]], list[Mask | None]]

NO_MASK = "-"
mask_field = Panel("Masks")


class MaskOptions:
    """The options under "Masks"; raises `UserError` where they exclude each other.

    `segment` says what to look for: one text for all images, or one for each. With `auto_mask` it
    is what they have in common. `file_options` are how a message calls the options of files.
    """

    segment: list[str] | None
    auto_mask: bool
    mask_settings: list[str] | None
    file_options: ClassVar[str]

    def __post_init__(self) -> None:
        sources = [(self.file_options, bool(self.paths)), ("--segment", bool(self.segment))]
        sources = [*sources, ("--auto-mask", self.auto_mask)]
        names = [name for name, is_wanted in sources if is_wanted]
        if len(names) > 1:
            raise UserError(
                f"{' and '.join(names)} exclude each other: each says where the masks come from",
                hint="give one of them",
            )
        if not all(text.strip() for text in self.segment or ()):
            raise UserError("--segment needs a text", hint='as in --segment "cat"')
        if self.of_segmenter() and names not in (["--segment"], ["--auto-mask"]):
            raise UserError(
                "--mask-set has nothing to do without --segment or --auto-mask",
                hint="leave it out",
            )

    @property
    def files(self) -> Sequence[Path | None]:
        """The mask file of each image, None for an image without one."""
        raise NotImplementedError

    @property
    def paths(self) -> list[Path]:
        """The mask files: inputs like others, to be checked with `check_exist`."""
        return [path for path in self.files if path is not None]

    @property
    def any(self) -> bool:
        """Whether there is any mask."""
        return bool(self.paths) or bool(self.segment) or self.auto_mask

    def of_segmenter(self) -> dict[str, str]:
        """The settings of what finds the masks, as raw texts."""
        return split_settings(self.mask_settings or (), "--mask-set")


@dataclass(frozen=True, kw_only=True)
class PairMasks(MaskOptions):
    """The masks of two images."""

    mask_a: Path | None = mask_field(
        "IMAGE",
        "The object in A is where this image, of the size of A, is bright; in a palette image "
        "every index but 0 counts.",
    )
    mask_b: Path | None = mask_field(
        "IMAGE",
        "The object in B is where this image, of the size of B, is bright; likewise.",
    )
    segment: list[str] | None = mask_field(
        "TEXT",
        'The object is what this text names, as in --segment "cat"; given once for each '
        "image, each has its own. Needs the weights that `descr models pull clipseg` gets.",
    )
    auto_mask: bool = mask_field.flag(
        "The object is what the images have in common away from their borders."
    )
    mask_settings: list[str] | None = mask_field(
        "KEY=VALUE",
        "An option of --segment, as in threshold=0.3, or of --auto-mask, as in clusters=8. "
        f"{options.AGAIN}",
        "--mask-set",
    )
    file_options: ClassVar[str] = "--mask-a and --mask-b"

    @property
    def files(self) -> Sequence[Path | None]:
        """The mask of A, and that of B."""
        return self.mask_a, self.mask_b


@dataclass(frozen=True, kw_only=True)
class ImageMasks(MaskOptions):
    """The masks of any number of images."""

    mask: list[str] | None = mask_field(
        "IMAGE",
        "The object in the first image is where this image, of the same size, is bright. "
        f"Once per image, in their order; {NO_MASK} for an image without a mask.",
    )
    segment: list[str] | None = same_option(PairMasks, "segment")
    auto_mask: bool = same_option(PairMasks, "auto_mask")
    mask_settings: list[str] | None = same_option(PairMasks, "mask_settings")
    file_options: ClassVar[str] = "--mask"

    @property
    def files(self) -> Sequence[Path | None]:
        """The mask of each image."""
        return tuple(None if file == NO_MASK else Path(file) for file in self.mask or ())

    def check_count(self, images: int) -> None:
        """Raise `UserError` if there are masks, and not as many as images."""
        masks = len(self.files)
        if masks not in (0, images):
            raise UserError(
                f"--mask is given {masks} time{'s' if masks > 1 else ''} for {images} images",
                hint=f"give it once per image, in their order; {NO_MASK} for one without a mask",
            )


def prepare_masks(
    mask_options: MaskOptions, inputs: Sequence[Input], *, device: str | None = None
) -> "FindMasks":
    """Read the mask files, or make what finds the masks: a function of the maps of the inputs.

    The function gives the mask of each input, bool (height, width) with at least one cell of its
    map in it; None for an input without a mask. `device` is handed to what takes one.

    Raises a `DescrError` for a mask that can't be read, is empty or of another size than its image,
    for missing weights or photographs, and for a wrong setting; the function for an empty mask.
    """
    count, settings = len(inputs), mask_options.of_segmenter()
    if not mask_options.any:
        return lambda maps: [None] * count
    from ...applications.masks import JointForeground, MaskFiles, TextPrompt
    from ...descriptors.settings import construct

    if paths := mask_options.files if mask_options.paths else ():
        masks = MaskFiles(paths).read([(one.name, one.height, one.width) for one in inputs])
        files = [None if path is None else mask for path, mask in zip(paths, masks, strict=True)]
        return lambda maps: _checked(files, maps, [str(path) for path in paths])
    if not mask_options.segment:
        values = parse_settings(settings, JointForeground)
        segmenter: Segmenter = construct(JointForeground, "--auto-mask", values)
        labels = ["the mask that --auto-mask finds"] * count
    else:
        check_photographs(inputs, "--segment", instead="give mask files or --auto-mask")
        if "text" in settings:
            raise UserError("--mask-set gives the text, which --segment gives")
        texts = mask_options.segment
        if len(texts) not in (1, count):
            raise UserError(
                f"--segment is given {len(texts)} times for {count} images",
                hint="give it once for all images, or once for each",
            )
        texts = texts * count if len(texts) == 1 else texts
        values = {"text": tuple(texts), **parse_settings(settings, TextPrompt)}
        if device is not None and takes_option(TextPrompt, "device"):
            values.setdefault("device", device)
        segmenter = construct(TextPrompt, "--segment", values)
        labels = [f"what --segment {text!r} finds" for text in texts]

    def find(maps: "Sequence[xr.DataArray]") -> "list[Mask | None]":
        from ...applications.pictures import outlines

        images = [one.image for one in inputs] if segmenter.needs_pixels else None
        grids = list(maps) if segmenter.needs_maps else outlines(maps)
        return _checked(list(segmenter(images, grids)), maps, labels)

    return find


def _checked(
    masks: "Sequence[Mask | None]", maps: "Sequence[xr.DataArray]", labels: Sequence[str]
) -> "list[Mask | None]":
    """The masks, each with a cell of its map in it; `labels` are how messages call them."""
    from ...applications.masks import cells_in_mask
    from ...applications.pictures import outlines

    for mask, fmap, label in zip(masks, outlines(maps), labels, strict=True):
        if mask is not None:
            cells_in_mask(mask, fmap, name=label)
    return list(masks)
