"""Which of the driver's GPUs is the one that CUDA uses.

The driver (NVML) counts boards by their place on the bus. CUDA leaves out what CUDA_VISIBLE_DEVICES
does not name, puts the fastest first unless CUDA_DEVICE_ORDER says otherwise, and sees one part (a
MIG instance) of a board that is split: "the NVML device index may not correlate with other APIs,
such as the CUDA device index" (NVML, nvmlDeviceGetHandleByIndex). The UUID is the same for both.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

PREFIXES = ("GPU-", "MIG-")
"""Of the driver's UUIDs. torch gives them bare, of whole GPUs and of MIG instances."""


class Device(NamedTuple):
    """The driver's handle of what CUDA uses, and of the board that it is or is a part of."""

    handle: Any
    board: Any


def ask(nvml: Any, function: str, *arguments: Any) -> Any:
    """What a function of the driver answers; None where it, or its answer, is not there.

    The library raises more than its NVMLError: one that is newer than the driver raises
    NVMLLibraryMismatchError, which is none.
    """
    try:
        return getattr(nvml, function)(*arguments)
    except Exception:
        return None


def find_device(nvml: Any, uuid: str | None, variables: Mapping[str, str]) -> Device | None:
    """The device of a UUID as torch gives it; without one, the first that CUDA may use.

    ``variables`` are those of the environment. None where there is no such device, or where it
    can't be told which of several it is.
    """
    visible = variables.get("CUDA_VISIBLE_DEVICES")
    first = None if visible is None else visible.split(",")[0].strip()
    if uuid:
        return _of_torch(nvml, uuid, first)
    if first is not None and first.startswith(PREFIXES):
        return _by_name(nvml, first)
    return _by_number(nvml, "0" if first is None else first, variables.get("CUDA_DEVICE_ORDER"))


def _of_torch(nvml: Any, uuid: str, first: str | None) -> Device | None:
    """Of a MIG instance torch may give the instance's UUID, or (before CUDA 12) the board's.

    The variable then says which instance of the board it is, where it names one.
    """
    bare = uuid.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1])
    instance = ask(nvml, "nvmlDeviceGetHandleByUUID", f"MIG-{bare}")
    if instance is not None:
        return _part(nvml, instance)
    board = ask(nvml, "nvmlDeviceGetHandleByUUID", f"GPU-{bare}")
    if board is None:
        return None
    if first is not None and first.startswith("MIG-"):
        return _by_name(nvml, first) or _whole(nvml, board)
    return _whole(nvml, board)


def _by_name(nvml: Any, name: str) -> Device | None:
    """By a UUID of the driver's, or by a beginning that no other has: CUDA takes that too."""
    handle = ask(nvml, "nvmlDeviceGetHandleByUUID", name)
    if handle is None:
        found = [each for each in _all(nvml, name) if _is_named(nvml, each, name)]
        handle = found[0] if len(found) == 1 else None
    if handle is None:
        return None
    return _part(nvml, handle) if name.startswith("MIG-") else _whole(nvml, handle)


def _is_named(nvml: Any, handle: Any, name: str) -> bool:
    return (ask(nvml, "nvmlDeviceGetUUID", handle) or "").startswith(name)


def _all(nvml: Any, name: str) -> Iterator[Any]:
    """All boards, or all MIG instances where the name is one's."""
    for board in _boards(nvml):
        if name.startswith("MIG-"):
            yield from _instances(nvml, board)
        else:
            yield board


def _by_number(nvml: Any, number: str, order: str | None) -> Device | None:
    """By CUDA's number, where it is the driver's too: in the bus's order, or of equal boards."""
    if not number.isdecimal():
        return None
    boards = list(_boards(nvml))
    names = {ask(nvml, "nvmlDeviceGetName", board) for board in boards}
    if int(number) >= len(boards) or (order != "PCI_BUS_ID" and len(names) > 1):
        return None
    return _whole(nvml, boards[int(number)])


def _boards(nvml: Any) -> Iterator[Any]:
    for index in range(ask(nvml, "nvmlDeviceGetCount") or 0):
        board = ask(nvml, "nvmlDeviceGetHandleByIndex", index)
        if board is not None:
            yield board


def _instances(nvml: Any, board: Any) -> Iterator[Any]:
    """The MIG instances of a board; none where it is whole. Their numbers have gaps."""
    mode = ask(nvml, "nvmlDeviceGetMigMode", board)
    if mode is None or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
        return
    for index in range(ask(nvml, "nvmlDeviceGetMaxMigDeviceCount", board) or 0):
        instance = ask(nvml, "nvmlDeviceGetMigDeviceHandleByIndex", board, index)
        if instance is not None:
            yield instance


def _whole(nvml: Any, board: Any) -> Device:
    """A board; of one that is split, CUDA takes the first instance that it may use."""
    return Device(next(_instances(nvml, board), board), board)


def _part(nvml: Any, instance: Any) -> Device:
    """A MIG instance; where the driver does not tell its board, that answers for itself."""
    board = ask(nvml, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", instance)
    return Device(instance, instance if board is None else board)
