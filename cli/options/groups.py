"""Groups of options that several commands share, and the objects that the commands get of them."""

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias, get_args

from ..console.errors import UserError
from . import common as options
from .comparison import How
from .masks import MaskOptions
from .names import AUTO
from .settings import split_settings


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command with groups of options in place of the objects that it gets of them.

    A parameter that is annotated with `Annotated[Kind, parse]` stands for the parameters of the
    function `parse`, which are options of Typer; the command gets what `parse` returns.
    """
    parsers: dict[str, Callable[..., Any]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        _, declared = get_args(parameter.annotation)
        if inspect.isfunction(declared):
            parsers[name] = declared
            parameters += inspect.signature(declared).parameters.values()
        else:
            parameters.append(parameter)

    @functools.wraps(command)
    def run(**values: Any) -> None:
        for name, parse in parsers.items():
            own = inspect.signature(parse).parameters
            values[name] = parse(**{option: values.pop(option) for option in own})
        command(**values)

    spread = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    run.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]
    return run


def parse_masks(
    mask_a: Annotated[
        Path | None,
        options.mask_option(
            metavar="IMAGE",
            help="The object in A is where this image, of the size of A, is bright; in a palette "
            "image every index but 0 counts.",
        ),
    ] = None,
    mask_b: Annotated[
        Path | None,
        options.mask_option(
            metavar="IMAGE",
            help="The object in B is where this image, of the size of B, is bright; likewise.",
        ),
    ] = None,
    segment: options.Segment = None,
    auto_mask: options.AutoMask = False,
    mask_settings: options.MaskSettings = None,
) -> MaskOptions:
    """The masks of a pair; raises `UserError` for a setting that is no pair."""
    return MaskOptions(
        files=(mask_a, mask_b),
        segment=tuple(segment or ()),
        auto=auto_mask,
        settings=split_settings(mask_settings or (), "--mask-set"),
    )


def how_parser(
    default: str | None,
    *,
    help: str = options.MATCHER,
    defaults: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Callable[..., How]:
    """What parses the options under "How", with this matcher unless another is asked for.

    `help` is what --help says of --matcher; `defaults` are settings of matchers, by their names.
    """

    def parse(
        descriptor: options.Descriptor = AUTO,
        settings: options.Settings = None,
        matcher: Annotated[str | None, options.matcher_option(help)] = default,
        matcher_settings: options.MatcherSettings = None,
        device: options.Device = None,
        image_folders: Annotated[
            list[Path] | None,
            options.how_option(
                "--images",
                metavar="FOLDER",
                help="Look for the photographs of feature files below this folder too, not only "
                "where they were and beside the files. Can be repeated.",
            ),
        ] = None,
    ) -> How:
        for folder in image_folders or ():
            if not os.path.isdir(folder):
                raise UserError(f"--images {folder}: no such folder")
        own = split_settings(matcher_settings or (), "--matcher-set")
        return How(
            descriptor=descriptor,
            settings=split_settings(settings or (), "--set"),
            matcher=matcher,
            matcher_settings={**defaults.get(matcher or "", {}), **own},
            device=device,
            images=tuple(image_folders or ()),
        )

    return parse


Masks: TypeAlias = Annotated[MaskOptions, parse_masks]
# Of a dense flow only the best cell's neighbours count: it answers between the cells.
FlowHow: TypeAlias = Annotated[
    How, how_parser("soft-argmax", defaults={"soft-argmax": {"window": "1"}})
]
