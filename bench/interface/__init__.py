"""What scripts, notebooks and tests of the user's call (docs/python.md)."""
