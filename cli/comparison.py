"""What every command on several images begins with: the images read, and their feature maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError, say
from .inputs import Input, read_input
from .names import AUTO

if TYPE_CHECKING:
    import xarray as xr

    from ..descriptors import Descriptor
    from ..matchers import Matcher
    from .choice import Made


Recipe = Mapping[str, Mapping[Any, Any]]
"""What layers of features say of themselves, by "source/layer"."""


@dataclass(frozen=True, kw_only=True)
class How:
    """The options under "How": with which descriptor, matcher and device; raw texts.

    `matcher` is None for a command that matches nothing; `images` are the folders in which the
    photographs of feature files may lie.
    """

    descriptor: str
    settings: dict[str, str]
    matcher: str | None
    matcher_settings: dict[str, str]
    device: str | None
    images: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Images that are to be compared, and what with.

    `describe` is the descriptor, None if every input is a feature file; `matcher` is None for a
    command that matches nothing.
    """

    inputs: list[Input]
    describe: "Made[Descriptor] | None"
    matcher: "Made[Matcher] | None"

    def trees(self) -> "list[xr.DataTree]":
        """The feature trees, in the order of the inputs; those of photographs are extracted."""
        photographs = [one.picture for one in self.inputs if one.picture is not None]
        extracted: list[xr.DataTree] = []
        if self.describe is not None:
            with self.describe.at_work():
                extracted = self.describe.made.extract(photographs)
        rest = iter(extracted)
        return [next(rest) if one.tree is None else one.tree for one in self.inputs]

    def maps(self, trees: "Sequence[xr.DataTree]") -> "list[xr.DataArray]":
        """The feature maps of these trees, mutually comparable."""
        from ..descriptors import combine

        return combine(trees)


def prepare(paths: Sequence[Path], how: How) -> Comparison:
    """Read the inputs and make the descriptor and the matcher; says which descriptor it is.

    Says as well if features are compared that are not computed in the same precision. Load the
    library first. Raises `UserError` or a `DescrError` for what can't be read, made or used.
    """
    from .choice import check_device_is_taken, make_matcher

    matcher = None
    if how.matcher is not None:
        matcher = make_matcher(how.matcher, how.matcher_settings, how.device)
    inputs = [read_input(path, how.images) for path in paths]
    files = {one.path: one.tree for one in inputs if one.tree is not None}
    if how.images and not files:
        raise UserError("--images has nothing to do: no input is a feature file")
    describe, recipe = None, None
    if any(one.tree is None for one in inputs):
        describe, recipe = _descriptor(files, how)
    elif how.descriptor != AUTO or how.settings:
        which = "both inputs are feature files" if len(inputs) == 2 else "no input is an image"
        raise UserError(
            f"--descriptor and --set have nothing to do: {which}",
            hint="leave them out, or give the images",
        )
    made: list[Made[Any]] = [one for one in (matcher, describe) if one is not None]
    check_device_is_taken(how.device, *made)
    layers = {path: _layers(tree) for path, tree in files.items()}
    _say_unlike({one.path: layers.get(one.path, recipe or {}) for one in inputs})
    return Comparison(inputs, describe, matcher)


def _descriptor(
    files: "Mapping[Path, xr.DataTree]", how: How
) -> "tuple[Made[Descriptor], Recipe | None]":
    """The descriptor of the photographs: that of the feature files, unless another is asked for.

    With it comes its recipe, where there are files that it has to go with. Raises `UserError` if
    it doesn't go with one of them.
    """
    from ..descriptors.recipe import difference
    from .choice import descriptor_of_file, make_descriptor

    first = next(iter(files), None)
    if first is None or how.descriptor != AUTO or how.settings:
        descriptor = make_descriptor(how.descriptor, how.settings, how.device)
        other = descriptor.name
        hint = "leave out --descriptor and --set to take the recipe of the file"
    else:
        descriptor = descriptor_of_file(first, files[first], how.device)
        other, hint = str(first), "extract both with the same descriptor and settings"
    with descriptor.at_work():
        recipe = descriptor.made.recipe if files else None
    for path, tree in files.items():
        unlike = None if recipe is None else difference(_layers(tree), recipe)
        if unlike is not None:
            raise UserError(f"{path} does not go with {other}: {unlike}", hint=hint)
    return descriptor, recipe


def _say_unlike(recipes: Mapping[Path, Recipe]) -> None:
    """Say which the first two inputs are that are not computed in the same precision."""
    from ..descriptors.recipe import computations

    for (first, ours), (second, theirs) in combinations(recipes.items(), 2):
        if ways := computations(ours, theirs):
            say(f"note: {first} is computed {ways[0]}, {second} {ways[1]}")
            break


def _layers(tree: "xr.DataTree") -> Recipe:
    """What the layers of a feature tree say of themselves, by "source/layer"."""
    from ..descriptors.tree import tree_layers

    return {path: node.attrs for path, node in tree_layers(tree).items()}
