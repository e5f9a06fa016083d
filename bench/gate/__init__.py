"""Verdicts: budgets, comparisons, and the statistics that make a red believable."""
