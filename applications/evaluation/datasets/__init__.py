"""Readers of the data sets in their original folder layouts."""
