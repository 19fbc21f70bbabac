"""`descr evaluate`: how right the matches are, on the data sets of the papers."""

import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from ..console.errors import UserError, say
from ..options import common as options
from ..options.cluster import ClusterOptions
from ..options.groups import argument, same_option
from ..options.method import ImageMethod, MethodOptions
from ..options.names import AUTO, complete_dataset, complete_recipe
from ..options.outputs import check_suffixes
from ..options.runs import RunCommand, RunOptions, data_field, show_progress
from ..options.settings import parse_settings, split_settings, takes_option

if TYPE_CHECKING:
    from ...applications.evaluation import Dataset, Recipe
    from ...descriptors import Descriptor
    from ...matchers import Matcher
    from ..options.choice import Choice

    Parts: TypeAlias = tuple[Descriptor | Callable[[str], Descriptor], Matcher]

COMPARISONS = {".json": "the comparison", ".md": "the comparison as a page"}


@dataclass(frozen=True, kw_only=True)
class Evaluate(RunCommand):
    """Measure how accurate matches are on a data set.

    Every variant of the measure is printed, beside what was published, each with its protocol.
    Features are extracted once for each image and kept. A run that was stopped goes on where it
    was when the same command is given again. Data sets are never downloaded.
    """

    EXAMPLES: ClassVar[str] = """\
descr evaluate spair-71k SPair-71k --recipe tale -o tale.json
descr evaluate spair-71k SPair-71k --descriptor dinov2 --sample 500 -o dinov2.json -o dinov2.md
descr evaluate pf-pascal PF-Pascal --descriptor mine:Network --matcher soft-argmax
descr evaluate --compare tale.json dinov2.json"""

    dataset: str | None = argument(
        "DATASET",
        f"spair-71k, pf-pascal, pf-willow, tss, ap-10k, davis-2017, or {options.OWN}.",
        default=None,
        autocompletion=complete_dataset,
    )
    root: Path | None = argument("ROOT", "The folder that it was unpacked to.", default=None)
    reports: tuple[Path, Path] | None = data_field(
        "A.json B.json",
        "Put two reports side by side instead, with intervals of the difference.",
        "--compare",
    )
    recipe: str | None = data_field(
        "NAME",
        "A row of a paper: descriptor, matcher and protocol by one name. tale, tale-text, "
        "tale-sd, tale-dinov2, dift, dift-davis or geoaware.",
        autocompletion=complete_recipe,
    )
    split: str | None = data_field("NAME", "The split, where there are several.")
    category: list[str] | None = data_field(
        "NAME", f"Only pairs of this category, subset or video. {options.AGAIN}"
    )
    dataset_settings: list[str] | None = data_field(
        "KEY=VALUE",
        f"Another option of the data set, as in layout=small. {options.AGAIN}",
        "--dataset-set",
    )
    method: Annotated[MethodOptions, {"matcher": "nearest"}]
    points: str | None = options.how_field(
        "NAME",
        "How points are read and answered: half-pixel, or as the code of a paper does, original, "
        "geoaware or dift.",
    )
    interpolation: str | None = options.how_field(
        "NAME", "How features are read at points: nearest, as in most papers, or bilinear."
    )
    basis: Path | None = same_option(ImageMethod, "basis")
    align_pose: bool = options.how_field.flag(
        "Mirror the source where that brings it nearer to the target."
    )
    accept_mirrored_parts: bool = options.how_field.flag(
        "Do so also where the data set doesn't tell left points from right ones."
    )
    run_options: RunOptions
    cluster: ClusterOptions
    output: list[Path] | None = options.output_field(
        "Write the report as .json or .md, or the predictions as .nc."
    )
    SUFFIXES: ClassVar = {
        "output": {
            ".json": "the report, with the numbers of each pair",
            ".md": "the report as a page",
            ".nc": "the predictions of each pair",
        }
    }

    @property
    def read(self) -> list[Path]:
        """See `WorkCommand.read`."""
        return [*(self.reports or ()), *filter(None, [self.basis])]

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""
        if self.reports is not None:
            if self.dataset is not None or self.root is not None:
                raise UserError(
                    "--compare takes two reports, and no data set",
                    hint="as in descr evaluate --compare a.json b.json",
                )
            check_suffixes(self.written(), COMPARISONS)
            return
        if self.dataset is None or self.root is None:
            raise UserError(
                "evaluate takes a data set and the folder that it lies in",
                hint="as in descr evaluate spair-71k SPair-71k; see descr evaluate --help",
            )
        for flag, has_value in (
            ("--matcher", self.method.matcher != "nearest"),
            ("--descriptor", self.method.descriptor != AUTO),
            ("--matcher-set", bool(self.method.matcher_settings)),
        ):
            if self.recipe is not None and has_value:
                raise UserError(
                    f"{flag} and --recipe exclude each other: the recipe says what is taken",
                    hint="leave out one of them",
                )
        # A recipe may align poses without being told to.
        if self.accept_mirrored_parts and not self.align_pose and self.recipe is None:
            raise UserError(
                "--accept-mirrored-parts has nothing to do without --align-pose", hint="give both"
            )
        self._of_dataset()
        super().check()

    def _of_dataset(self) -> dict[str, str]:
        return split_settings(self.dataset_settings or (), "--dataset-set")

    def work(self) -> None:
        """Evaluate a data set, or compare two reports."""
        if self.reports is None:
            self._evaluate()
        else:
            self._compare(*self.reports)

    def _evaluate(self) -> None:
        from ...applications.evaluation import Settings, build_report, find_recipe, predict
        from ...applications.evaluation.report.tables import (
            report_facts,
            report_markdown,
            report_tables,
        )
        from ...descriptors import Basis

        basis = None if self.basis is None else Basis.load(self.basis)
        assert self.dataset is not None
        recipe = None if self.recipe is None else find_recipe(self.recipe, self.dataset)
        data = self._open(recipe)
        settings = Settings() if recipe is None else recipe.settings(data.truth)
        settings = replace(
            settings,
            points=self.points or settings.points,  # type: ignore[arg-type]
            interpolation=self.interpolation or "nearest",  # type: ignore[arg-type]
            sample=self.run_options.sample,
            seed=self.run_options.seed,
            align_pose=self.align_pose or settings.align_pose,
            accept_mirrored_parts=self.accept_mirrored_parts,
        )
        describe, match = self._parts() if recipe is None else self._parts_of(recipe)
        with self.run_options.kept(), self.cluster.client() as client:
            predictions = predict(
                data,
                describe,
                match,
                settings=settings,
                basis=basis,
                client=client,
                **self.run_options.of_library(),
            )
        report = build_report(predictions, data, recipe=recipe, progress=show_progress)
        if recipe is not None and (changes := self._changes()):
            report["note"] = "; ".join(part for part in (changes, report["note"]) if part)
        self.write_report(report, lambda: report_markdown(report), predictions)
        counts = report["counts"]
        features = f"{counts['extracted'] + counts['redone']:,} extracted, {counts['kept']:,} kept"
        work = [("features", features), ("seconds", f"{report['seconds']:.1f}")]
        self.print_report(report, [*report_facts(report), *work], report_tables(report))

    def _compare(self, first: Path, second: Path) -> None:
        """Compare two reports, write and print the comparison."""
        from ...applications.evaluation import compare_reports, load_report
        from ...applications.evaluation.report.compare import comparison_tables
        from ...applications.evaluation.report.tables import Table

        comparison = compare_reports(load_report(first), load_report(second))
        tables = comparison_tables(comparison)
        alone = [
            f"{comparison[f'only_{which}']:,} only in the {which}"
            for which in ("first", "second")
            if comparison[f"only_{which}"]
        ]
        facts = [
            ("first", str(first)),
            ("second", str(second)),
            (comparison["what"], ", ".join([f"{comparison['common']:,} in common", *alone])),
            *((f"{one['what']} differ", _both(one)) for one in comparison["differ"]),
        ]
        parts = [Table.of_facts(facts), *tables]
        self.write_report(comparison, lambda: "\n\n".join(part.markdown() for part in parts))
        self.print_report(comparison, facts, tables)

    def _open(self, recipe: "Recipe | None") -> "Dataset":
        """The data set, listed, with the options of the recipe and, before them, its own."""
        from ...applications.evaluation import DATASETS, open_dataset
        from ..options.choice import Choice, faults

        settings, name, root = self._of_dataset(), self.dataset, self.root
        assert name is not None
        assert root is not None
        own: dict[str, Any] = {} if self.split is None else {"split": self.split}
        own |= {"category": tuple(self.category)} if self.category else {}
        for option in ("root", *own):
            if option in settings:
                flag = "ROOT" if option == "root" else f"--{option}"
                raise UserError(
                    f"--dataset-set gives the {option}, which {flag} gives",
                    hint="leave out one of them",
                )
        of_recipe = {} if recipe is None else recipe.dataset_options.get(name, {})
        values = {**of_recipe, **parse_settings(settings, DATASETS.find(name)), **own}
        with faults(name, f"the data set {name!r} can't be listed"):
            dataset = open_dataset(name, root, **values)
            len(dataset)
        _guarded(Choice(dataset, name, "data set", takes_device=False), "_read")
        return dataset

    def _parts(self) -> "Parts":
        """The descriptor and the matcher of the options."""
        from ..options.choice import check_device_is_taken, make_descriptor, make_matcher

        how = self.method
        assert how.matcher is not None
        describe = make_descriptor(how.descriptor, how.of_descriptor(), how.device)
        match = make_matcher(how.matcher, how.of_matcher(), how.device)
        check_device_is_taken(how.device, describe, match)
        return _guarded(describe, "attempts"), _guarded(match, "match")

    def _parts_of(self, recipe: "Recipe") -> "Parts":
        """The descriptor of a recipe, or what makes one for each category; and its matcher."""
        from ...descriptors import REGISTRY
        from ...matchers import create
        from ..options.choice import parts_of

        say(f"descriptor: {recipe.descriptor} (recipe {recipe.name})")
        device = {} if self.method.device is None else {"device": self.method.device}
        kind = REGISTRY.find(recipe.descriptor)
        values = parse_settings(self.method.of_descriptor(), kind, parts_of(kind))
        if takes_option(kind, "device"):
            values = {**device, **values}
        if recipe.captioner_option is not None:
            say(recipe.captioner_line(values))
        matcher = create(recipe.matcher, **recipe.matcher_options, **device)
        return recipe.describe(values), matcher

    def _changes(self) -> str:
        """What is changed of a recipe."""
        values = {
            **self.method.of_descriptor(),
            "points": self.points,
            "interpolation": self.interpolation,
        }
        changes = [
            f"{key}={'local' if os.path.isdir(os.path.expanduser(value)) else value}"
            for key, value in values.items()
            if value is not None
        ]
        changes += ["a basis in place of the PCA of each pair"] if self.basis else []
        return f"changed: {', '.join(changes)}" if changes else ""


def _guarded(part: "Choice[Any]", method: str) -> Any:
    """A descriptor, matcher or data set with faults of a class of the user's own told as such."""
    work = getattr(part.item, method)

    @functools.wraps(work)
    def guarded(*arguments: Any, **values: Any) -> Any:
        with part.at_work():
            result = work(*arguments, **values)
        return stream(result) if isinstance(result, Iterator) else result

    def stream(items: Iterator[Any]) -> Iterator[Any]:
        while True:
            with part.at_work():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    setattr(part.item, method, guarded)
    return part.item


def _both(one: Mapping[str, Any]) -> str:
    """What both runs say under a name, where that is short."""
    first, second = (
        value if isinstance(value, str) else json.dumps(value)
        for value in (one["first"], one["second"])
    )
    return f"{first} and {second}" if len(first) + len(second) < 400 else "see the reports"
