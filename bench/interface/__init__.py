"""What scripts, notebooks and tests of users call (docs/python.md)."""
