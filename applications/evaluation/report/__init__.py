"""Numbers out of predictions, and the pages that show them."""
