"""What every command on several images begins with: the images read, and their feature maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .errors import UserError
from .inputs import Input, extract_missing, read_input
from .names import AUTO
from .settings import split_settings

if TYPE_CHECKING:
    import xarray as xr

    from ..descriptors import Descriptor
    from ..matchers import Matcher
    from .choice import Made

FLOW_MATCHER = "soft-argmax"
"""The matcher for dense flow unless another is asked for: it answers between the cells."""
BETWEEN_CELLS: Mapping[str, Mapping[str, str]] = MappingProxyType({FLOW_MATCHER: {"window": "1"}})
"""The settings of matchers for dense flow, where the best cell's neighbours alone should count."""


@dataclass(frozen=True, kw_only=True)
class How:
    """The options under "How": with which descriptor, matcher and device; raw texts.

    `matcher` is None for a command that matches nothing.
    """

    descriptor: str
    settings: dict[str, str]
    matcher: str | None
    matcher_settings: dict[str, str]
    device: str | None

    @classmethod
    def parse(
        cls,
        *,
        descriptor: str,
        settings: Sequence[str] | None,
        matcher: str | None = None,
        matcher_settings: Sequence[str] | None = None,
        device: str | None = None,
        defaults: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> "How":
        """The options as Typer gives them; raises `UserError` for a setting that is no pair.

        `defaults` are the settings of a matcher, by its name, where none are given.
        """
        given = split_settings(matcher_settings or (), "--matcher-set")
        return cls(
            descriptor=descriptor,
            settings=split_settings(settings or (), "--set"),
            matcher=matcher,
            matcher_settings={**defaults.get(matcher or "", {}), **given},
            device=device,
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Images that are to be compared, and what with.

    Parameters
    ----------
    inputs:
        Photographs and feature files, read.
    describe:
        The descriptor; None if every input is a feature file.
    matcher:
        The matcher; None for a command that matches nothing.
    """

    inputs: list[Input]
    describe: "Made[Descriptor] | None"
    matcher: "Made[Matcher] | None"

    def trees(self) -> "list[xr.DataTree]":
        """The feature trees, in the order of the inputs; those of photographs are extracted."""
        return extract_missing(self.inputs, self.describe)

    def maps(self, trees: "Sequence[xr.DataTree]") -> "list[xr.DataArray]":
        """The feature maps of these trees, mutually comparable.

        If a file and a photograph don't go together, the hint says how they would.
        """
        from ..descriptors import combine
        from ..descriptors.errors import IncomparableFeaturesError

        try:
            return combine(trees)
        except IncomparableFeaturesError as error:
            both = zip(trees, self.inputs, strict=True)
            kept = [tree for tree, one in both if one.tree is not None]
            if len(kept) in (0, len(self.inputs)):
                raise
            raise IncomparableFeaturesError(
                error.message,
                hint=f"the feature file was made with {kept[0].attrs['descriptor']}: ask for the "
                "same with --descriptor and --set",
            ) from error


def prepare(paths: Sequence[Path], how: How) -> Comparison:
    """Read the inputs and make the descriptor and the matcher; says which descriptor it is.

    Load the library first. Raises `UserError` or a `DescrError` for what can't be read, made or
    used.
    """
    from .choice import check_device_is_taken, make_descriptor, make_matcher

    matcher = None
    if how.matcher is not None:
        matcher = make_matcher(how.matcher, how.matcher_settings, how.device)
    inputs = [read_input(path) for path in paths]
    describe = None
    if any(one.image is not None for one in inputs):
        describe = make_descriptor(how.descriptor, how.settings, how.device)
    elif how.descriptor != AUTO or how.settings:
        which = "both inputs are feature files" if len(inputs) == 2 else "no input is an image"
        raise UserError(
            f"--descriptor and --set have nothing to do: {which}",
            hint="leave them out, or give the images",
        )
    made: list[Made[Any]] = [one for one in (matcher, describe) if one is not None]
    check_device_is_taken(how.device, *made)
    return Comparison(inputs, describe, matcher)


def check_photographs(
    inputs: Sequence[Input], outputs: Sequence[Path], what: str, *, instead: str | None = None
) -> None:
    """Raise `UserError` if an output needs pixels and an input has only features.

    `what` names the need, as in "drawing"; `instead` the forms of output that don't have it.
    """
    for one in inputs:
        if outputs and one.image is None:
            otherwise = f", or write {instead}" if instead else ""
            raise UserError(
                f"{outputs[0]}: {what} needs the photographs, and {one.path} is a feature file",
                hint=f"give the image itself{otherwise}",
            )
