"""Speed, memory and accuracy as ratios of one run: `python -m benchmarks [NAME ...]`.

Each module of `suite` is one benchmark, named after its file: `run(bench, ...)` gives the rows of
a table, and its further arguments are the settings that `--set` changes.
"""
