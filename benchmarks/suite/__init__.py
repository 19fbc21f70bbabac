"""The benchmarks, each a module with a function `run` that gives its rows."""
