"""Measures what a verdict costs, side by side with the plain ways to get one; see docs/benchmarks.md."""
