"""The error for data sets that are not where they were said to be, or not whole."""

from ....descriptors.errors import DescrError


class DatasetError(DescrError):
    """A data set that is missing, half copied or damaged; the message names what."""
