"""From names and files to networks."""
