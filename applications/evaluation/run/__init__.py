"""The run of an evaluation: features, matches and predictions, resumable."""
