"""Small data sets in the original layouts, with exactly known truth."""
