"""The one error of everything that reads a checkpoint."""


class CheckpointError(ValueError):
    """The file is no checkpoint that can be read: says which file or name, and what was wrong."""
