"""Instruments of the memory probe."""
