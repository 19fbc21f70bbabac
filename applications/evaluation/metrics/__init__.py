"""Numbers that say how right correspondences are: pure functions on arrays."""
