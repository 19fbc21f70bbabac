"""Dense flow: a displacement for every pixel, files of it, and images warped by it."""
