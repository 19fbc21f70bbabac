"""`descr basis`: a PCA that is fitted once, and kept."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import typer

from ..console.errors import UserError
from ..console.help import Command, Group
from ..console.tables import facts_of
from ..options import common as options
from ..options.cluster import ClusterOptions
from ..options.command import WorkCommand
from ..options.groups import argument, as_function

app = typer.Typer(cls=Group, help="Fit a PCA once to many images, for maps that stay comparable.")


@dataclass(frozen=True, kw_only=True)
class Fit(WorkCommand):
    """Fit a basis to the features that `descr extract` has kept in a folder.

    Maps through one basis can be compared whenever they are made: --basis takes it in place of a
    joint PCA of the images of one call.
    """

    EXAMPLES: ClassVar[str] = """\
descr extract photographs -o features
descr basis fit features -o birds.nc --components 128
descr match a.jpg b.jpg --basis birds.nc"""

    folder: Path = argument("FOLDER", "A folder of feature files, and those below.")
    output: Path = options.result_field(
        "FILE", "The basis: a .nc file.", "--output", "-o", default=...
    )
    components: int | None = options.how_field(
        "N",
        "To how many components each layer that has more channels is reduced. By default what the "
        "features ask for.",
    )
    cells: int | None = options.how_field(
        "N", "Look at about so many cells of each layer, drawn evenly from all images."
    )
    seed: int = options.how_field("N", "Which cells are drawn.", default=0)
    cluster: ClusterOptions
    SUFFIXES: ClassVar = {"output": {".nc": "basis"}}

    def check(self) -> None:
        """Refuse a folder that is none."""
        if not self.folder.is_dir():
            raise UserError(f"{self.folder} is not a folder", hint="name one of `descr extract`")

    def work(self) -> None:
        """Go through the folder, write the basis and print what it is."""
        from ...descriptors import Basis, FeatureStore
        from ..console.progress import progress_bar

        start = time.perf_counter()
        store = FeatureStore(self.folder)
        count = len(store)
        if not count:
            raise UserError(
                f"{self.folder} holds no feature file", hint="make some with `descr extract`"
            )
        with self.cluster.client() as client, progress_bar(count, "images") as advance:
            basis = Basis.fit(
                store,
                components=self.components,
                cells=self.cells,
                seed=self.seed,
                client=client,
                progress=advance,
            )
        basis.save(self.output)
        about: dict[str, Any] = {
            "images": count,
            "channels": len(basis.sources),
            "layers": {path: basis.components(path) for path in basis.layers},
            "identity": basis.identity,
            "seconds": round(time.perf_counter() - start, 3),
        }
        self.print_result({**about, "written": str(self.output)}, facts_of(about))


app.command("fit", cls=Command, epilog=Fit.EXAMPLES)(as_function(Fit))
