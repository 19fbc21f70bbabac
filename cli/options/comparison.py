"""What every command on several images begins with: the images read, and their feature maps."""

import gc
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...descriptors.errors import DescrError
from ..console.errors import UserError, say
from .inputs import Input, content_bytes, read_input
from .method import ImageMethod
from .names import AUTO

if TYPE_CHECKING:
    import xarray as xr

    from ...descriptors import Basis, Descriptor
    from ...matchers import Matcher
    from .choice import Choice


_ROOM = 1 << 26
"""Bytes of inputs, and of features extracted from them, that are held; others are read again."""
_AT_ONCE = 4  # photographs that are extracted at once

Recipe = Mapping[str, Mapping[Any, Any]]
"""What layers of features say of themselves, by "source/layer"."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Images that are to be compared, and what with.

    `describe` is the descriptor, None if every input is a feature file; `matcher` is None for a
    command that matches nothing. `basis` is one that was fitted before, if there is.
    """

    inputs: list[Input]
    describe: "Choice[Descriptor] | None"
    matcher: "Choice[Matcher] | None"
    basis: "Basis | None" = None

    def trees(self) -> "list[xr.DataTree]":
        """The feature trees, in the order of the inputs; those of photographs are extracted."""
        rest = iter(self.extract([one for one in self.inputs if not one.has_features]))
        return [next(rest) if one.tree is None else one.tree for one in self.inputs]

    def maps(self) -> "list[xr.DataArray]":
        """The feature maps, in the order of the inputs: of files that hold them, or combined."""
        from ...descriptors import combine

        kept = [one.fmap for one in self.inputs if one.fmap is not None]
        return kept or combine(self.trees(), basis=self.basis)

    def extract(self, inputs: Sequence[Input]) -> "list[xr.DataTree]":
        """The feature trees of these inputs, which are photographs."""
        if self.describe is None:
            return []
        with self.describe.at_work():
            return self.describe.item.extract([one.image for one in inputs])

    @property
    def descriptor(self) -> "Descriptor | None":
        """What describes the photographs, if there are any."""
        return None if self.describe is None else self.describe.item


class Trees(Sequence["xr.DataTree"]):
    """The feature trees of inputs, in their order, each extracted or read when it is asked for.

    A photograph is extracted once; its tree is kept in memory where there is room, else in a
    temporary file, which ends with the process whatever ends that. A context, which frees all.
    """

    def __init__(self, comparison: Comparison) -> None:
        self._comparison, self._inputs = comparison, comparison.inputs
        self._offsets: dict[int, int] = {}
        self._file = tempfile.SpooledTemporaryFile(_ROOM)  # noqa: SIM115

    def __enter__(self) -> Self:
        # Frozen, what the process is made of takes no time to be gone through.
        gc.freeze()
        return self

    def __exit__(self, *_: object) -> None:
        gc.unfreeze()
        self._file.close()

    def __len__(self) -> int:
        return len(self._inputs)

    def __getitem__(self, index: Any) -> Any:
        one = self._inputs[index]
        # The nodes of a tree refer to each other, so that those before are freed by this alone.
        gc.collect()
        if one.has_features:
            return one.tree
        if index not in self._offsets:
            rest = range(index, len(self))
            batch = [at for at in rest if not self._inputs[at].has_features][:_AT_ONCE]
            try:
                trees = self._comparison.extract([self._inputs[at] for at in batch])
            except DescrError:
                if len(batch) == 1:
                    raise
                # Of one of them, perhaps not of this one.
                batch = batch[:1]
                trees = self._comparison.extract([self._inputs[index]])
            for at, tree in zip(batch, trees, strict=True):
                self._keep(at, tree)
        self._file.seek(self._offsets[index])
        return pickle.load(self._file)

    def _keep(self, index: int, tree: "xr.DataTree") -> None:
        try:
            self._offsets[index] = self._file.seek(0, os.SEEK_END)
            pickle.dump(tree, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"no place for the features of {len(self)} images: {error.strerror}",
                hint="name a folder with room in the environment variable TMPDIR",
            ) from error


def prepare(
    paths: Sequence[Path], method: ImageMethod, failures: dict[Path, DescrError] | None = None
) -> Comparison:
    """Read the inputs and make the descriptor and the matcher.

    What can't be read is put into `failures`, if they are given, and left out. Says which
    descriptor it is, and if features are compared of different precision. Raises a `DescrError` for
    what can't be read, made or used.
    """
    from ...descriptors import Basis
    from ...descriptors.features.tree import tree_layers
    from .choice import check_device_is_taken, make_matcher

    basis = None if method.basis is None else Basis.load(method.basis)
    matcher = None
    if method.matcher is not None:
        matcher = make_matcher(method.matcher, method.of_matcher(), method.device)
    inputs: list[Input] = []
    layers: dict[Path, Recipe] = {}
    room = _ROOM
    for path in paths:
        try:
            one = read_input(path, method.folders or ())
        except DescrError as error:
            if failures is None:
                raise
            failures[path] = error
            continue
        if one.has_features:
            nodes = {} if one.tree is None else tree_layers(one.tree)
            layers[path] = {name: node.attrs for name, node in nodes.items()}
        room -= content_bytes(one.content)
        inputs.append(one if room >= 0 else replace(one, content=None))
    if failures and not inputs:
        return Comparison([], None, matcher, basis)
    if method.folders and not layers:
        raise UserError("--images has nothing to do: no input is a feature file")
    _check_maps(inputs, basis)
    describe, recipe = None, None
    if len(layers) < len({one.path for one in inputs}):
        describe, recipe = _descriptor(inputs, layers, method)
    elif method.descriptor != AUTO or method.settings:
        which = "both inputs are feature files" if len(inputs) == 2 else "no input is an image"
        raise UserError(
            f"--descriptor and --set have nothing to do: {which}",
            hint="leave them out, or give the images",
        )
    parts: list[Choice[Any]] = [one for one in (matcher, describe) if one is not None]
    check_device_is_taken(method.device, *parts)
    _say_unlike({one.path: layers.get(one.path, recipe or {}) for one in inputs})
    return Comparison(inputs, describe, matcher, basis)


def _check_maps(inputs: Sequence[Input], basis: "Basis | None") -> None:
    """Refuse a feature map beside something else."""
    fmap = next((one for one in inputs if one.has_map), None)
    other = next((one for one in inputs if not one.has_map), None)
    if fmap is not None and other is not None:
        raise UserError(
            f"{fmap.path} is a feature map, and {other.path} is not",
            hint="give maps of one basis, or the images with --basis",
        )
    if fmap is not None and basis is not None:
        raise UserError("--basis has nothing to do: the inputs are feature maps")


def _descriptor(
    inputs: Sequence[Input], layers: Mapping[Path, Recipe], method: ImageMethod
) -> "tuple[Choice[Descriptor], Recipe | None]":
    """The descriptor of the photographs: that of the feature files, unless another is named.

    With it comes its recipe, where there are files that it has to go with; `UserError` if it
    doesn't.
    """
    from ...descriptors.combination.recipe import difference
    from .choice import descriptor_of_file, make_descriptor

    first = next((one for one in inputs if one.has_features), None)
    if first is None or method.descriptor != AUTO or method.settings:
        descriptor = make_descriptor(method.descriptor, method.of_descriptor(), method.device)
        other = descriptor.name
        hint = "leave out --descriptor and --set to take the recipe of the file"
    else:
        assert first.tree is not None
        descriptor = descriptor_of_file(first.path, first.tree, method.device)
        other, hint = str(first.path), "extract both with the same descriptor and settings"
    with descriptor.at_work():
        recipe = descriptor.item.recipe if layers else None
    for path, own in layers.items():
        unlike = None if recipe is None else difference(own, recipe)
        if unlike is not None:
            raise UserError(f"{path} does not go with {other}: {unlike}", hint=hint)
    return descriptor, recipe


def _say_unlike(recipes: Mapping[Path, Recipe]) -> None:
    """Say which the first two inputs are that are not computed in the same precision."""
    from ...descriptors.combination.recipe import computations

    # Thousands of inputs have a few recipes between them.
    unlike: dict[str, tuple[Path, Recipe]] = {}
    for path, recipe in recipes.items():
        unlike.setdefault(repr(recipe), (path, recipe))
    for (first, ours), (second, theirs) in combinations(unlike.values(), 2):
        if ways := computations(ours, theirs):
            say(f"note: {first} is computed {ways[0]}, {second} {ways[1]}")
            break
