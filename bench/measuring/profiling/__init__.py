"""Instruments of the profile probe."""
