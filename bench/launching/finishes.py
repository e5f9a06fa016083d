"""From how a command on a node ended to what becomes of the part that it measured."""

from collections.abc import Sequence

from bench.errors import EXIT_CELL_FAILED, EXIT_OK
from bench.launching.schedule import Finish
from bench.machine.lock import IS_MEASURING
from bench.results.resumption import MADE_ELSEWHERE

ERROR = "error: "


def judge(code: int, complaint: str, is_whole: bool) -> Finish:
    """What a command's exit code means, and its last words.

    ``is_whole`` says whether every cell of the part has a record. A command that ended for want of
    disk may have the exit code of one whose networks failed.
    """
    if code in (EXIT_OK, EXIT_CELL_FAILED) and is_whole:
        return Finish.DONE
    if IS_MEASURING in complaint:
        return Finish.BUSY
    if MADE_ELSEWHERE in complaint:
        return Finish.STALE
    return Finish.REFUSED


def last_words(code: int, said: Sequence[str]) -> str:
    """The error of a command, or else its last line; always a sentence."""
    lines = [line.strip() for line in said if line.strip()]
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    found = (errors or lines or ["it said nothing"])[-1]
    return found if found.endswith(".") else f"{found} (exit code {code})."
