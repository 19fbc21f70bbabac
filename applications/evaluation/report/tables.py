"""A report as tables of words and numbers, for the terminal, and as a page of Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...text import markdown
from ..protocols.conventions import CONVENTIONS
from ..protocols.protocol import written

Cells: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under the titles of columns, of which the first `words` hold no numbers."""

    title: str
    columns: Cells
    rows: tuple[Cells, ...]
    words: int = 1

    @classmethod
    def of_facts(cls, facts: Sequence[tuple[str, str]], title: str = "") -> "Table":
        """Names and values side by side."""
        return cls(title, ("", ""), tuple(facts), words=2)

    def markdown(self, note: str = "") -> str:
        """The table in Markdown below its title and the note, its numbers aligned to the right."""
        marks = ["---" if place < self.words else "---:" for place in range(len(self.columns))]
        rows = [[markdown(cell) for cell in row] for row in (self.columns, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in (rows[0], marks, *rows[1:])]
        title = f"## {markdown(self.title)}" if self.title else ""
        return "\n\n".join(part for part in (title, note, "\n".join(lines)) if part)


def report_tables(document: Mapping[str, Any]) -> list[Table]:
    """The numbers of a report: by the protocol, by category and flag, all variants, published."""
    numbers, protocol, what = document["numbers"], document["protocol"], document["pairs"]["what"]
    labels = tuple(one["label"] for one in numbers)
    whole = document["counts"]["pairs"] == document["dataset"]["published_pairs"]
    counted = (what, "points") if "points" in document["counts"] else (what,)

    def cells(row: Mapping[str, Any], words: Sequence[str], counts: Sequence[str] = ()) -> Cells:
        values = map(shown, row["values"], (one["unit"] for one in numbers))
        return (*(row[name] for name in words), *(f"{row[name]:,}" for name in counts), *values)

    categories = [cells(row, ("category",), counted) for row in document["by_category"]]
    flags = [
        cells({"flag": flag, **row}, ("flag", "value"), ("pairs", "points"))
        for flag, rows in document["by_flag"].items()
        for row in rows
    ]
    variant = ("threshold", "average", "comparison")
    measured = [
        (one["label"], shown(one["value"], unit), interval(one["low"], one["high"], unit))
        for one, unit in ((one, one["unit"]) for one in numbers)
    ]
    published = [
        (row["method"], _protocol(row, protocol), row["source"], _percent(row["percent"]))
        for row in document["published"]
    ]
    tables = (
        (1, protocol["line"], ("measure", "value", "95% interval"), measured),
        (1, "By category", ("category", *counted, *labels), categories if categories[1:] else []),
        (2, "By difficulty", ("flag", "value", "pairs", "points", *labels), flags),
        (
            3,
            "The same answers by every protocol",
            ("threshold", "average", "edge", *labels),
            [cells(row, variant) for row in document["variants"]],
        ),
        (
            3,
            "Published" if whole else "Published, for the whole data set",
            ("method", "protocol", "source", "percent"),
            published,
        ),
    )
    return [Table(title, names, tuple(rows), words) for words, title, names, rows in tables if rows]


def report_facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, and what was counted, as names and values."""
    dataset, counts, settings = document["dataset"], document["counts"], document["settings"]
    chosen = ", ".join(
        f"{name}={value}" for name, value in dataset["settings"].items() if value is not None
    )
    pairs = f"{counts['pairs']:,} of {dataset['pairs']:,}"
    if settings["sample"] is not None:
        pairs += f", sampled with seed {settings['seed']}"
    if dataset["published_pairs"] not in (None, dataset["pairs"]):
        pairs += f"; the published data set has {dataset['published_pairs']:,}"
    facts = [
        ("data set", f"{dataset['title']} ({chosen})" if chosen else dataset["title"]),
        ("pairs", pairs),
    ]
    if "points" in counts:
        count = counts["skipped_pairs"]
        which = "1 pair" if count == 1 else f"{count:,} pairs"
        skipped = f"{which} without a common point {'does' if count == 1 else 'do'} not count"
        facts.append(("points", f"{counts['points']:,}; {skipped}"))
        if counts["unmatched_points"]:
            facts.append(("unmatched", f"{counts['unmatched_points']:,} points, counted as wrong"))
        if outside := counts["points_outside_their_image"]:
            where = f"{outside:,} points of sources, read at the nearest edge of their image"
            facts.append(("outside", where))
    if document["recipe"] is not None:
        facts.append(("recipe", f"{document['recipe']['name']}: {document['recipe']['source']}"))
    if document["note"]:
        facts.append(("differs", document["note"]))
    facts += [
        ("descriptor", document["descriptor"]),
        *(
            ("weights", f"{layer['layer']}: {layer['model']} at {layer['revision']}")
            for layer in document["layers"]
        ),
        ("precision", _precision(document["layers"])),
    ]
    if "basis" in document:
        facts.append(("basis", document["basis"]))
    facts.append(("propagation" if dataset["truth"] == "masks" else "matcher", document["matcher"]))
    if dataset["truth"] == "points":
        points = settings["points"]
        facts.append(("reading", f"{points}: {CONVENTIONS[points]}"))
        if points == "half-pixel":
            facts.append(("interpolation", settings["interpolation"]))
    if settings["align_pose"]:
        parts = ", mirrored parts accepted" if settings["accept_mirrored_parts"] else ""
        facts.append(("pose", f"aligned{parts}"))
    return facts


def _precision(layers: Sequence[Mapping[str, Any]]) -> str:
    """In what the features were computed, and with which files of the weights; by source."""
    ways: dict[str, dict[str, None]] = {}
    for layer in layers:
        variant = layer.get("weights_variant")
        way = layer.get("precision") or "not recorded"
        way += f" with {variant} weights" if variant else ""
        ways.setdefault(way, {})[layer["layer"].partition("/")[0]] = None
    named = len(ways) > 1
    return "; ".join(f"{', '.join(of)} {way}" if named else way for way, of in ways.items())


def _protocol(row: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """The protocol of a published row, in few words where it is that of the report."""
    if not row["same_protocol"]:
        return str(row["line"])
    alphas = "/".join(map(written, row["alphas"]))
    at = f"{ours['metric']}@{alphas}" if alphas else ours["metric"]
    return " ".join(part for part in (row["subset"], at, "as above") if part)


def _percent(values: Sequence[float]) -> str:
    return " / ".join(f"{value:.1f}" for value in values)


def shown(value: float | None, unit: str) -> str:
    """A number as it is printed: shares in percent, pixels with their unit."""
    if value is None:
        return "-"
    if unit == "%":
        return f"{100 * value:.1f}"
    return f"{value:.2f}{' px' if unit == 'px' else ''}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Two bounds as they are printed."""
    return f"{shown(low, unit)} to {shown(high, unit)}"


def report_markdown(document: Mapping[str, Any]) -> str:
    """The report with its tables, what was run, and the versions that it was run with."""
    length = document["protocol"]["length"]
    note = f"Right is what lies within alpha times the {length}." if length else ""
    first, *others = report_tables(document)
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    parts = [
        f"# {markdown(document['dataset']['title'])}",
        Table.of_facts(report_facts(document)).markdown(),
        first.markdown(note),
        *(table.markdown() for table in others),
        "## Versions",
        markdown(f"{versions}; run on {document['created']}."),
    ]
    return "\n\n".join(parts) + "\n"
