"""What the machine is, what disturbs it, and whether it is fit to measure on."""
