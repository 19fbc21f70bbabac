"""Where masks come from: a file, a text, or the features of both images."""
