"""Training a separation network."""
