"""The shape of the commands that load the library: check, load, work, write, print."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..console.tables import Fact, Table, print_facts, print_json, print_tables
from .common import Json
from .inputs import check_exist
from .outputs import check_different, check_not_inputs, check_suffixes


@dataclass(frozen=True, kw_only=True)
class WorkCommand:
    """A command whose fields are its options; see `as_function`.

    `SUFFIXES` are the fields of the files that it writes, and what each suffix of theirs means.
    """

    as_json: Json = False
    SUFFIXES: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def written(self, *names: str) -> list[Path]:
        """The files of these fields; by default all that are written, in their order."""
        values = (getattr(self, name) for name in names or self.SUFFIXES)
        lists = (one if isinstance(one, list) else [one] for one in values if one is not None)
        return [path for paths in lists for path in paths]

    @property
    def read(self) -> list[Path]:
        """All files that are read, but for the photographs of feature files."""
        return []

    def check(self) -> None:
        """Refuse what is wrong with the options, before the library is loaded."""

    def work(self) -> None:
        """Do what the command is for."""
        raise NotImplementedError

    def run(self) -> None:
        """Check the options, load the library and do the work."""
        self.check()
        for name, suffixes in self.SUFFIXES.items():
            option = "-o" if name == "output" else f"--{name}"
            check_suffixes(self.written(name), suffixes, option=option)
        check_different(self.written())
        check_exist(self.read)
        check_not_inputs(self.written(), self.read)
        load_library()
        from ...descriptors.runtime.atomic import check_target

        for path in self.written():
            check_target(path)
        self.work()

    def print_result(
        self, document: Any, facts: Sequence[Fact], tables: Sequence[Table] = ()
    ) -> None:
        """Print the document as JSON if that is what is wanted, else tables, facts and files."""
        if self.as_json:
            print_json(document)
            return
        print_tables(tables)
        print_facts([*facts, *(("written", str(path)) for path in self.written())])


def load_library() -> None:
    """Import what every descriptor and matcher needs, which ends `uncollected`."""
    from ...descriptors import Descriptor  # noqa: F401
    from ...matchers import Matcher  # noqa: F401

    # What was loaded stays: it need not be looked at.
    gc.freeze()
    gc.enable()
