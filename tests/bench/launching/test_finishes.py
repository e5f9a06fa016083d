"""What becomes of a part, by how its command ended."""

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.launching.finishes import judge, last_words
from bench.launching.schedule import Finish
from bench.machine.lock import measuring_alone
from bench.results.resumption import records_to_keep
from tests.bench.example_records import SETTINGS, environment, make_job, make_record


@pytest.mark.parametrize(
    ("code", "complaint", "is_whole", "ending"),
    [
        (0, "Nothing.", True, Finish.DONE),
        (1, "dprnn: oom: Full.", True, Finish.DONE),
        (1, "OSError: [Errno 28] No space left on device.", False, Finish.REFUSED),
        (0, "Nothing.", False, Finish.REFUSED),
        (2, "Only 3 MB are free.", False, Finish.REFUSED),
        (2, "Only 3 MB are free.", True, Finish.REFUSED),
        (143, "Terminated.", False, Finish.REFUSED),
        (-9, "It said nothing.", False, Finish.REFUSED),
    ],
)
def test_exit_codes(code: int, complaint: str, is_whole: bool, ending: Finish) -> None:
    assert judge(code, complaint, is_whole) == ending


def test_the_refusals_of_the_lock_and_of_other_machines_are_known() -> None:
    """As they are worded by those who refuse."""
    with measuring_alone(), pytest.raises(UsageError) as busy, measuring_alone():
        pass
    record = make_record(make_job("dprnn", "operations"))
    elsewhere = environment(machine={"system": "Linux 7.0"})
    with pytest.raises(UsageError) as stale:
        records_to_keep(Path("cpu.jsonl"), [record], SETTINGS.workload, elsewhere)
    assert judge(2, str(busy.value), False) == Finish.BUSY
    assert judge(2, str(stale.value), False) == Finish.STALE


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["[1/2] dprnn", "error: The disk is full.", "bye"], "The disk is full."),
        (["Traceback", "OSError: full", ""], "OSError: full (exit code 1)."),
        ([], "it said nothing (exit code 1)."),
    ],
)
def test_last_words(said: list[str], words: str) -> None:
    assert last_words(1, said) == words
