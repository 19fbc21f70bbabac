"""The errors that descr raises for what a user can mend, each with a message that says how."""


class DescrError(Exception):
    """Something in the user's input, with a message that names it and a hint of what to do.

    Args:
        message: One line: the thing, and what is wrong with it.
        hint: One line: what to do about it, where that is not plain from the message.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"


class ImageError(DescrError):
    """An image or a mask that can't be read or used."""


class FeatureFileError(DescrError):
    """A feature file that is not one, is damaged, or has another schema."""


class ForeignFileError(FeatureFileError):
    """A file of something else where a feature file was expected."""


class IndexFileError(DescrError):
    """An index of a corpus that is not one, is damaged, or has another schema."""


class InvalidFeaturesError(DescrError):
    """Feature trees or maps that break the schema: wrong dimensions, NaN, no cells."""


class IncomparableFeaturesError(DescrError):
    """Features that say nothing about each other: other layers, settings or bases."""


class WeightsNotFoundError(DescrError):
    """Model weights that are not on this machine."""


class OptionError(DescrError, ValueError):
    """An option that doesn't exist, or a value that it can't take."""


class OutOfMemoryError(DescrError, MemoryError):
    """Work that needs more memory than is free on its device."""


class PointError(DescrError, ValueError):
    """Points that lie outside their image or are not pairs of numbers."""


class OutputError(DescrError):
    """A result that can't be written where it was asked to be."""


class ClusterError(DescrError):
    """Worker processes that can't be reached, lack what they need, or die of their work."""
