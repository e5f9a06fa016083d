"""Exact operations: a formula for every operator, and other people's counters."""
