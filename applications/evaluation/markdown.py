"""A report as a page of Markdown."""

from collections.abc import Mapping
from typing import Any

from .tables import markdown_table, report_facts, report_tables


def report_markdown(document: Mapping[str, Any]) -> str:
    """The report with its tables, what was run, and the versions that it was run with."""
    dataset = document["dataset"]
    parts = [f"# {dataset['title']}", markdown_table(("", ""), report_facts(document), words=2)]
    for table in report_tables(document):
        parts += [f"## {table.title}", markdown_table(table.columns, table.rows, table.words)]
    length = document["protocol"]["length"]
    if length:
        parts.insert(3, f"Right is what lies within alpha times the {length}.")
    versions = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    parts += ["## Versions", f"{versions}; run on {document['created']}."]
    return "\n\n".join(parts) + "\n"
