"""Benchmarks: one folder per question."""
