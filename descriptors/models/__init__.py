"""The descriptors there are, and the rows of the literature by name."""
