"""The options under "How": with which descriptor, matcher and device images are compared."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..console.errors import UserError
from . import common as options
from .names import AUTO, check_descriptor, complete_descriptor
from .settings import split_settings


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """Raises `UserError` for a setting that is no pair.

    `matcher` is None for a command that matches nothing.
    """

    descriptor: str = options.how_field(
        "NAME",
        f"The descriptor: auto, a name of `descr descriptors`, or {options.OWN}.",
        default=AUTO,
        callback=check_descriptor,
        autocompletion=complete_descriptor,
    )
    settings: list[str] | None = options.how_field(
        "KEY=VALUE",
        f"An option of the descriptor, as in step=4 or scales=1,2. {options.AGAIN}",
        "--set",
    )
    matcher: str | None = options.matcher_field()
    matcher_settings: list[str] | None = options.how_field(
        "KEY=VALUE",
        f"An option of the matcher, as in tolerance=1. {options.AGAIN}",
        "--matcher-set",
    )
    device: str | None = options.how_field("DEVICE", "Where to work: auto, cpu, cuda or mps.")

    def __post_init__(self) -> None:
        self.of_descriptor()
        self.of_matcher()

    def of_descriptor(self) -> dict[str, str]:
        """The settings of the descriptor, as raw texts."""
        return split_settings(self.settings or (), "--set")

    def of_matcher(self) -> dict[str, str]:
        """The settings of the matcher, as raw texts."""
        return split_settings(self.matcher_settings or (), "--matcher-set")


@dataclass(frozen=True, kw_only=True)
class ImageMethod(MethodOptions):
    """Those of a command on images; raises `UserError` for a folder that is none as well."""

    folders: list[Path] | None = options.how_field(
        "FOLDER",
        "Look for the photographs of feature files below this folder too, not only where they "
        f"were and beside the files. {options.AGAIN}",
        "--images",
    )
    basis: Path | None = options.how_field(
        "FILE", "A basis of `descr basis fit`, in place of a joint PCA of these images alone."
    )

    def __post_init__(self) -> None:
        check_folders(self.folders or ())
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class MatchMethod(ImageMethod):
    """Those of matches that are listed."""

    margin: int | None = options.how_field(
        "CELLS",
        "Tell by how much the score of each match exceeds the best score of the cells more than "
        "CELLS away from it, along rows or columns.",
    )

    def of_matcher(self) -> dict[str, str]:
        """The settings of the matcher, the margin among them."""
        settings = super().of_matcher()
        if self.margin is None:
            return settings
        if "margin" in settings:
            raise UserError(
                "--margin and --matcher-set margin=... exclude each other", hint="leave out one"
            )
        return settings | {"margin": str(self.margin)}


@dataclass(frozen=True, kw_only=True)
class FlowMethod(ImageMethod):
    """Those of a dense flow, of which only the best cell's neighbours count."""

    def of_matcher(self) -> dict[str, str]:
        """The settings of the matcher; soft-argmax answers between neighbouring cells."""
        window = {"window": "1"} if self.matcher == "soft-argmax" else {}
        return window | super().of_matcher()


def check_folders(folders: Sequence[Path]) -> None:
    """Raise `UserError` for a folder of --images that is none."""
    for folder in folders:
        if not os.path.isdir(folder):
            raise UserError(f"--images {folder}: no such folder")
