"""Which of the driver's GPUs is CUDA's: on made-up machines with several boards and split ones.

What the stand-in answers is in NVIDIA's documentation: nvmlDeviceGetHandleByIndex ("may not
correlate with other APIs, such as the CUDA device index"), nvmlDeviceGetHandleByUUID (GPUs and MIG
instances), nvmlDeviceGetMigDeviceHandleByIndex (numbers may have gaps), and of CUDA: the variables
CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER (CUDA C++ Programming Guide) and cuDeviceGetUuid_v2 (of a
MIG instance its own).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from bench.machine.gpu_lookup import Device, find_device

SMALL, LARGE, LARGE_TOO = "1a2b3c4d-0000", "1a2b9999-0000", "5e6f0000-0000"
FIRST_PART, SECOND_PART = "aaaa0000-0001", "aaaa1111-0002"


class NvmlError(Exception):
    """Any error of NVML."""


@dataclass(frozen=True)
class Board:
    """A GPU of the stand-in; ``parts`` are MIG instances by their numbers, None: it is whole."""

    uuid: str
    name: str = "Large GPU"
    parts: Mapping[int, str] | None = None


@dataclass(frozen=True)
class Part:
    uuid: str


Boards = Sequence[Board]
"""Of a machine, in the order of the bus."""


def handle_by_index(boards: Boards, index: int) -> Board:
    if index >= len(boards):
        raise NvmlError
    return boards[index]


def handle_by_uuid(boards: Boards, uuid: str) -> Board | Part:
    for board in boards:
        if uuid == f"GPU-{board.uuid}":
            return board
        for part in (board.parts or {}).values():
            if uuid == f"MIG-{part}":
                return Part(part)
    raise NvmlError


def mig_mode(boards: Boards, board: Board) -> list[int]:
    """Now, and after the next start."""
    if board.name == "Small GPU":
        raise NvmlError  # it can't be split
    return [int(board.parts is not None)] * 2


def mig_handle(boards: Boards, board: Board, index: int) -> Part:
    if board.parts is None or index not in board.parts:
        raise NvmlError
    return Part(board.parts[index])


def board_of_part(boards: Boards, part: Part) -> Board:
    for board in boards:
        if part.uuid in (board.parts or {}).values():
            return board
    raise NvmlError


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "nvmlDeviceGetCount": len,
    "nvmlDeviceGetHandleByIndex": handle_by_index,
    "nvmlDeviceGetHandleByUUID": handle_by_uuid,
    "nvmlDeviceGetUUID": lambda boards, handle: (
        f"{'GPU' if isinstance(handle, Board) else 'MIG'}-{handle.uuid}"
    ),
    "nvmlDeviceGetName": lambda boards, handle: handle.name,
    "nvmlDeviceGetMigMode": mig_mode,
    "nvmlDeviceGetMaxMigDeviceCount": lambda boards, board: 7,
    "nvmlDeviceGetMigDeviceHandleByIndex": mig_handle,
    "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": board_of_part,
}
"""What the stand-in answers about its boards, by the library's names."""


def driver(boards: Boards, **others: Any) -> SimpleNamespace:
    """A driver that knows these boards."""
    functions = {name: partial(function, boards) for name, function in FUNCTIONS.items()}
    basics = {"NVMLError": NvmlError, "NVML_DEVICE_MIG_ENABLE": pynvml.NVML_DEVICE_MIG_ENABLE}
    return SimpleNamespace(**(functions | basics | others))


TWO_KINDS = (Board(SMALL, "Small GPU"), Board(LARGE))
"""CUDA counts them the other way round: the fastest first."""
TWO_EQUAL = (Board(LARGE), Board(LARGE_TOO))
SPLIT = (Board(LARGE_TOO), Board(LARGE, parts={1: FIRST_PART, 4: SECOND_PART}))
SPLIT_ALONE = SPLIT[1:]
NOTHING_SPLIT_OFF = (Board(LARGE, parts={}),)


def whole(boards: Boards, number: int) -> Device:
    return Device(boards[number], boards[number])


def part(boards: Boards, number: int, uuid: str) -> Device:
    return Device(Part(uuid), boards[number])


def find(boards: Boards, uuid: str | None, visible: str | None) -> Device | None:
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return find_device(driver(boards), uuid, variables)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stand_in_takes_what_the_library_takes(name: str) -> None:
    """The boards come first."""
    n_expected = 1 + len(inspect.signature(getattr(pynvml, name)).parameters)
    assert len(inspect.signature(FUNCTIONS[name]).parameters) == n_expected


@pytest.mark.parametrize("visible", [None, "0", "1,0", f"GPU-{LARGE}"])
def test_with_torchs_uuid_no_number_decides(visible: str | None) -> None:
    """CUDA's first is the large one, the driver's the small one."""
    assert find(TWO_KINDS, LARGE, visible) == whole(TWO_KINDS, 1)
    assert find(TWO_KINDS, f"GPU-{LARGE}", visible) == whole(TWO_KINDS, 1)


@pytest.mark.parametrize("visible", [None, "1", f"MIG-{SECOND_PART}"])
def test_a_part_is_found_by_its_own_uuid(visible: str | None) -> None:
    assert find(SPLIT, SECOND_PART, visible) == part(SPLIT, 1, SECOND_PART)


@pytest.mark.parametrize(
    ("visible", "uuid"),
    [(None, FIRST_PART), ("1", FIRST_PART), (f"MIG-{SECOND_PART}", SECOND_PART)],
)
def test_a_part_is_found_where_torch_gives_its_boards_uuid(visible: str | None, uuid: str) -> None:
    assert find(SPLIT, LARGE, visible) == part(SPLIT, 1, uuid)


def test_a_uuid_that_the_driver_does_not_have_is_nobodys() -> None:
    """Not the first card in its place."""
    assert find(TWO_EQUAL, "ffffffff-0000", None) is None


ORDERED = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
CASES: dict[str, tuple[Boards, dict[str, str], Device | None]] = {
    "unset, equal cards": (TWO_EQUAL, {}, whole(TWO_EQUAL, 0)),
    "unset, different cards": (TWO_KINDS, {}, None),
    "unset, different cards in the bus's order": (TWO_KINDS, ORDERED, whole(TWO_KINDS, 0)),
    "unset, split": (SPLIT_ALONE, {}, part(SPLIT_ALONE, 0, FIRST_PART)),
    "unset, split into nothing": (NOTHING_SPLIT_OFF, {}, whole(NOTHING_SPLIT_OFF, 0)),
    "number, equal cards": (TWO_EQUAL, {"CUDA_VISIBLE_DEVICES": "1,0"}, whole(TWO_EQUAL, 1)),
    "number, different cards": (TWO_KINDS, {"CUDA_VISIBLE_DEVICES": "1"}, None),
    "number, in the bus's order": (
        TWO_KINDS,
        {"CUDA_VISIBLE_DEVICES": " 1"} | ORDERED,
        whole(TWO_KINDS, 1),
    ),
    "number of a split one": (
        SPLIT,
        {"CUDA_VISIBLE_DEVICES": "1"},
        part(SPLIT, 1, FIRST_PART),
    ),
    "number of none": (TWO_EQUAL, {"CUDA_VISIBLE_DEVICES": "2"}, None),
    "uuid": (TWO_KINDS, {"CUDA_VISIBLE_DEVICES": f"GPU-{LARGE},0"}, whole(TWO_KINDS, 1)),
    "uuid, its beginning": (TWO_KINDS, {"CUDA_VISIBLE_DEVICES": "GPU-1a2b9"}, whole(TWO_KINDS, 1)),
    "uuid, a beginning of two": (TWO_KINDS, {"CUDA_VISIBLE_DEVICES": "GPU-1a2b"}, None),
    "uuid of a part": (
        SPLIT,
        {"CUDA_VISIBLE_DEVICES": f"MIG-{SECOND_PART}"},
        part(SPLIT, 1, SECOND_PART),
    ),
    "uuid of a part, its beginning": (
        SPLIT,
        {"CUDA_VISIBLE_DEVICES": "MIG-aaaa1"},
        part(SPLIT, 1, SECOND_PART),
    ),
    "uuid of a part, a beginning of two": (SPLIT, {"CUDA_VISIBLE_DEVICES": "MIG-aaaa"}, None),
    "none": (TWO_EQUAL, {"CUDA_VISIBLE_DEVICES": ""}, None),
    "none by -1": (TWO_EQUAL, {"CUDA_VISIBLE_DEVICES": "-1"}, None),
    "a word": (TWO_EQUAL, {"CUDA_VISIBLE_DEVICES": "all"}, None),
    "no card": ((), {}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_without_torch_it_is_the_first_that_cuda_may_use_or_unknown(case: str) -> None:
    boards, variables, expected = CASES[case]
    assert find_device(driver(boards), None, variables) == expected


def test_a_part_whose_board_is_hidden_answers_for_itself() -> None:
    def hide(part: Part) -> Board:
        raise NvmlError

    hiding = driver(SPLIT, nvmlDeviceGetDeviceHandleFromMigDeviceHandle=hide)
    found = find_device(hiding, FIRST_PART, {})
    assert found == Device(Part(FIRST_PART), Part(FIRST_PART))
