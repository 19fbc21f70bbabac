"""Matches kept only where they agree: the options, and what is told of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..console.errors import UserError
from ..console.tables import Fact
from . import common as options
from .groups import Panel
from .names import check_verifier, complete_verifier
from .settings import split_settings

if TYPE_CHECKING:
    import xarray as xr

    from ...applications.verification import Verifier
    from .choice import Choice

filter_field = Panel("Which matches")


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Raises `UserError` for a setting that is no pair, and for options without --verify."""

    verify: str | None = filter_field(
        "NAME",
        "Keep the matches that agree with each other: homography, fundamental or affine for one "
        "scene, neighbours for different objects too; a name of `descr verifiers`, or "
        f"{options.OWN}.",
        callback=check_verifier,
        autocompletion=complete_verifier,
    )
    verify_settings: list[str] | None = filter_field(
        "KEY=VALUE",
        f"An option of --verify, as in threshold=5. {options.AGAIN}",
        "--verify-set",
    )
    rejected: bool = filter_field.flag(
        "Keep the others as well, told apart by the column `inlier`, and by grey lines."
    )

    def __post_init__(self) -> None:
        settings = split_settings(self.verify_settings or (), "--verify-set")
        for option, is_given in (("--verify-set", settings), ("--rejected", self.rejected)):
            if is_given and self.verify is None:
                raise UserError(f"{option} has nothing to do without --verify", hint="leave it out")

    @cached_property
    def verifier(self) -> "Choice[Verifier] | None":
        """The verifier; `OptionError` if it can't be made."""
        from .choice import make_verifier

        if self.verify is None:
            return None
        return make_verifier(
            self.verify, split_settings(self.verify_settings or (), "--verify-set")
        )

    def apply(self, matches: "xr.Dataset") -> "tuple[xr.Dataset, dict[str, Any], list[Fact]]":
        """The matches to go on with, and what is told of them: as JSON, and to be read."""
        verifier = self.verifier
        if verifier is None:
            return matches, {}, []
        with verifier.at_work():
            verified = verifier.item(matches)
        sentence = verified.attrs["verification"]
        model = verified["model"].values.tolist() if "model" in verified else None
        about = {
            "name": verifier.name,
            "settings": verifier.item.settings,
            "matches": int(matches["matched"].sum()),
            "inliers": int(verified["inlier"].sum()),
            "model": model,
        }
        rows = ["  ".join(f"{value:>12.6g}" for value in row) for row in model or ()]
        facts = [(verifier.name, sentence), *zip(("model", "", ""), rows, strict=False)]
        if not self.rejected:
            verified = verified.assign(matched=verified["inlier"]).drop_vars("inlier")
        return verified, {"verification": about}, facts
