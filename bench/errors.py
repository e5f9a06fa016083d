"""Errors that are sentences for the user, and the exit codes of every command."""

EXIT_OK = 0
EXIT_CELL_FAILED = 1  # everything that could be measured was, and at least one cell was not
EXIT_UNFIT = 1  # of bench.doctor: times of this machine would mislead
EXIT_STOPPED = 1  # a training can't go on; its last good state is on disk
EXIT_FAIL = 1  # of a gate: a verdict is FAIL
EXIT_USAGE = 2  # nothing was measured
EXIT_INCONCLUSIVE = 3  # of a gate: no verdict is FAIL, and at least one is open
EXIT_INTERRUPTED = 130  # Ctrl-C; what was measured until then is on disk
EXIT_TERMINATED = 143  # SIGTERM; likewise


class UsageError(Exception):
    """The request can't be met: says what was wrong, where, and what to do. Exit code 2."""


class TrainingStoppedError(Exception):
    """A training can't go on: says why, and what its folder holds. Exit code 1."""
