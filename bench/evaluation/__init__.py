"""Scores of estimates, and what is compared with."""
