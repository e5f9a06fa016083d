"""One run over many machines: which node measures what, and what comes of a node that is lost."""
