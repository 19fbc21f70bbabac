"""Networks and descriptors, one file each."""
