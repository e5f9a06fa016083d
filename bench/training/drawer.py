"""Where mixtures come from, whatever makes them."""

from typing import Protocol

from bench.corpora.mixing import Mixture


class Drawer(Protocol):
    """Any mixture of any epoch, always the same for the same two numbers."""

    def draw(self, epoch: int, index: int) -> Mixture:
        """Mixture number ``index`` of an epoch."""
