"""Files of trained networks: our own, and the authors'."""
