"""Recordings and the mixtures that are made of them."""
