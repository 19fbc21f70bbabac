"""The kinds of files that descr writes."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ..errors import FeatureFileError, ForeignFileError
from ..features.schema import SCHEMA
from .groups import Group, Schema


@dataclass(frozen=True)
class Form:
    """A kind of file: its name, what it holds, and how to make one, the first time and again."""

    name: str
    schema: Schema
    make: str
    again: str

    def root(self, attributes: Mapping[str, Any]) -> Group:
        """The root group of a file of this kind, with these attributes besides.

        Its own go before them, and marks of other kinds are left out.
        """
        marks = {one.schema.attribute for one in FORMS}
        others = {key: value for key, value in attributes.items() if key not in marks}
        about = {
            "Conventions": "CF-1.11",
            self.schema.attribute: self.schema.number,
            "descr_version": version("descr-sdk"),
        }
        return Group("/", others | about)

    def check(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Raise `FeatureFileError` unless these are of the root of a file of this kind."""
        attribute, number, *_ = self.schema
        if attribute not in attributes:
            other = next((one for one in FORMS if one.schema.attribute in attributes), None)
            what = f"is not a {self.name}: it has no attribute {attribute}"
            if other:
                what = f"is a {other.name}, not a {self.name}"
            raise ForeignFileError(f"{name}: {what}", hint=self.make)
        if attributes[attribute] != number:
            raise FeatureFileError(
                f"{name}: has schema {reprlib.repr(attributes[attribute])}, and this version of "
                f"descr reads schema {number}",
                hint=f"{self.again}, or use the version of descr that wrote it "
                f"({reprlib.repr(attributes.get('descr_version'))})",
            )


FEATURES = Form(
    "feature file",
    Schema("descr_schema", SCHEMA, ("features", "y", "x")),
    make="make a feature file with `descr extract` or save_features",
    again="extract it again",
)
MAPS = Form(
    "feature map",
    Schema("descr_map", 1, ("features", "y", "x")),
    make="make one with `descr extract --basis` or save_map",
    again="extract it again",
)
BASES = Form(
    "basis",
    Schema("descr_basis", 1, ("axes", "mean"), is_little=True),
    make="make one with `descr basis fit` or Basis.fit(...).save",
    again="fit it again",
)
FORMS = FEATURES, MAPS, BASES
