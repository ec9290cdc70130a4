"""Benchmarks: ratios measured side by side in one run on one core. `python -m benchmarks --help`."""
