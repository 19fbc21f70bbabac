"""Evaluation on the benchmarks of the papers, with every protocol stated."""
