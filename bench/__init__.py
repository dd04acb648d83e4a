"""Benchmarks: whole processes on a simulated line, and functions as ratios to peers in one run."""
