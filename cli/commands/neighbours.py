"""`descr neighbours`: which images of an index share an instance."""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ..console.errors import UserError, say
from ..console.tables import Table
from ..options import common as options
from ..options.command import WorkCommand
from ..options.groups import Panel, argument
from ..options.outputs import write_all

_NUMBERS = ("score", "agreement", "scale", "angle")
_LISTED = 10  # how many pairs the table shows
_pair_field = Panel("Which pairs")


@dataclass(frozen=True, kw_only=True)
class Neighbours(WorkCommand):
    """Find the images of an index that share an instance: duplicates, crops, views of one scene.

    Each image is looked for in the others by its own cells, and the others in it. Prints the best
    pairs and how many images hang together. The pairs are the same whatever the order in which
    images were added. With -o, a run that was stopped goes on where it ended.
    """

    EXAMPLES: ClassVar[str] = """\
descr neighbours birds.index -o pairs.csv --clusters clusters.csv
descr neighbours birds.index --min-score 0.5 --top 5 --json
descr match --pairs pairs.csv --images photographs -o report.html"""

    index: Path = argument("INDEX", "The folder of an index.")
    min_score: float | None = _pair_field(
        "SCORE",
        "Drop pairs of a lower score, from 0 to 1: about the share of the one image that lies in "
        "the other; 0.1 by default.",
    )
    top: int | None = _pair_field(
        "N", "Drop pairs that are among the N best ones of neither of their images.", min=1
    )
    candidates: int | None = _pair_field(
        "N",
        "Compare each image with the N that its tiles are most like; 100 by default. More take "
        "longer.",
        min=1,
    )
    output: list[Path] | None = options.output_field(
        "Write the pairs as .csv, which `descr match --pairs` reads, or with the clusters as "
        ".json or .nc."
    )
    clusters: Path | None = options.result_field(
        "FILE",
        "Write a .csv file of all images, cluster by cluster: images that pairs connect. The first "
        "image of each shares most with the others.",
    )
    SUFFIXES: ClassVar = {
        "output": {".csv": "pairs", ".json": "pairs and clusters", ".nc": "the Dataset"},
        "clusters": {".csv": "images and clusters"},
    }

    def check(self) -> None:
        """Refuse a limit that no score has, and a folder that is none."""
        if self.min_score is not None and not 0 <= self.min_score <= 1:
            raise UserError(f"--min-score must be from 0 to 1, not {self.min_score:g}")
        if not self.index.is_dir():
            raise UserError(f"{self.index} is not a folder", hint="name an index")

    def work(self) -> None:
        """Compare the images, write the files and print what came of it."""
        from ...applications.search import Index, neighbour_rows, write_neighbours
        from ..console.progress import progress_bar

        start = time.perf_counter()
        index = Index(self.index)
        settings: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("min_score", "candidates")
            if getattr(self, name) is not None
        }
        written = self.written()
        journal = Path(f"{written[0]}.journal") if written else None
        try:
            with progress_bar(len(index), "images") as advance:
                neighbours = index.neighbours(
                    **settings, top=self.top, journal=journal, progress=advance
                )
        except (KeyboardInterrupt, SystemExit):
            if journal is not None:
                say(f"what was compared is kept in {journal}: the same command goes on from there")
            raise
        write_all(
            {
                path: partial(
                    write_neighbours, neighbours, kind="image" if path == self.clusters else "pair"
                )
                for path in written
            }
        )
        if journal is not None:
            with suppress(OSError):
                journal.unlink()
        pairs = neighbour_rows(neighbours, "pair")
        sizes = neighbours["images"].values
        together = neighbours["cluster"].values[sizes > 1]
        about = {
            "images": len(sizes),
            "pairs": len(pairs),
            "clusters": len(set(together.tolist())),
            "alone": int((sizes == 1).sum()),
            "seconds": round(time.perf_counter() - start, 3),
        }
        facts = [(name, f"{value:,}") for name, value in about.items()]
        document = {"index": str(self.index), **about, "written": [str(path) for path in written]}
        if self.as_json:
            document |= {"pairs": pairs, "clusters": neighbour_rows(neighbours, "image")}
        rows = [
            [row["source"], row["target"], *(f"{row[one]:.3f}" for one in _NUMBERS)]
            for row in pairs[:_LISTED]
        ]
        table = Table(["source", "target", *_NUMBERS], rows, _NUMBERS)
        self.print_result(document, facts, [table] if rows else [])
