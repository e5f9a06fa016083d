"""Separating a recording of any length."""
