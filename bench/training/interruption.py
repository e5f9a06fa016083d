"""Ctrl-C and SIGTERM as a wish that is granted between two steps, never within one."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from bench.errors import EXIT_INTERRUPTED, EXIT_TERMINATED

EXIT_CODES = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}


class Interruption:
    """``exit_code`` is 0 until one of the signals arrives."""

    def __init__(self) -> None:
        self.exit_code = 0

    def note(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler; the next Ctrl-C is Python's again, for one who can't wait."""
        self.exit_code = EXIT_CODES[signal.Signals(number)]
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def notice_interruption() -> Iterator[Interruption]:
    """Handle the two signals for as long as the block runs."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption.note) for number in EXIT_CODES}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
