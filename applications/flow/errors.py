"""What can go wrong with a flow."""

from ...descriptors.errors import DescrError


class FlowError(DescrError):
    """A flow that can't be found, read or written."""
