import io
import pickle
import struct
import tracemalloc
from pathlib import Path

import pytest

from models.checkpoints.error import CheckpointError
from models.checkpoints.inert_pickle import read_inert_pickle

SYSTEM = b"cposix\nsystem\n"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
TENSOR = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("


def text(content: str) -> bytes:
    """The opcode that pushes a text."""
    return b"X" + struct.pack("<I", len(content)) + content.encode()


def read(pickled: bytes) -> object:
    return read_inert_pickle(io.BytesIO(pickled)).value


class Executes:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (self.command,)


def attacks(command: str) -> dict[str, tuple[bytes, str]]:
    """Pickles that run a command, or try to, and what is said of each."""
    line = command.encode() + b"\n"
    module = b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81"
    return {
        "REDUCE": (b"\x80\x02" + SYSTEM + text(command) + b"\x85R.", "posix.system"),
        "the protocol of Python": (pickle.dumps(Executes(command), 2), "posix.system"),
        "STACK_GLOBAL": (pickle.dumps(Executes(command), 4), "FRAME"),
        "STACK_GLOBAL alone": (text("posix") + text("system") + b"\x93.", "STACK_GLOBAL"),
        "eval": (b"\x80\x02cbuiltins\neval\n" + text("1") + b"\x85R.", "builtins.eval"),
        "getattr": (b"\x80\x02c__builtin__\ngetattr\n.", "__builtin__.getattr"),
        "a name alone": (b"\x80\x02" + SYSTEM + b".", "posix.system"),
        "INST": (b"(S'" + command.encode() + b"'\niposix\nsystem\n.", "STRING"),
        "INST alone": (b"(iposix\nsystem\n.", "INST"),
        "OBJ": (b"(" + SYSTEM + text(command) + b"o.", "posix.system"),
        "OBJ of a known class": (b"(ctorch.nn.modules.linear\nLinear\no.", "OBJ"),
        "NEWOBJ": (b"\x80\x02" + SYSTEM + text(command) + b"\x85\x81.", "posix.system"),
        "NEWOBJ with arguments": (
            b"\x80\x02ctorch.nn.modules.linear\nLinear\n" + text(command) + b"\x85\x81.",
            "NEWOBJ",
        ),
        "NEWOBJ of a function": (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "OrderedDict"),
        "NEWOBJ_EX": (b"ctorch.nn.modules.linear\nLinear\n)}\x92.", "NEWOBJ_EX"),
        "REDUCE of a known class": (
            b"\x80\x02ctorch.nn.modules.linear\nLinear\n)R.",
            "torch.nn.modules.linear.Linear",
        ),
        "BUILD with a foreign __setstate__": (
            module + b"}" + text("__setstate__") + SYSTEM + b"sb" + text(command) + b"b.",
            "posix.system",
        ),
        "BUILD with slots": (module + b"N}\x86b.", "BUILD"),
        "BUILD of a name": (b"\x80\x02ctorch.nn.modules.linear\nLinear\n}b.", "BUILD"),
        "EXT1": (b"\x82\x01.", "EXT1"),
        "PERSID": (b"P" + line + b".", "PERSID"),
        "a persistent class": (
            b"\x80\x02(" + text("module") + SYSTEM + text("") + text("") + b"tQ.",
            "posix.system",
        ),
        "a persistent storage": (
            b"\x80\x02(" + text("storage") + SYSTEM + text("0") + text("cpu") + b"K\x01tQ.",
            "posix.system",
        ),
        "another persistent id": (b"\x80\x02" + text(command) + b"Q.", "BINPERSID"),
        "a dotted name": (
            b"\x80\x02ctorch.nn.modules.module\nos.system\n.",
            "torch.nn.modules.module.os.system",
        ),
        "an item set on a name": (b"\x80\x02ccollections\nOrderedDict\nNNs.", "SETITEM"),
    }


def test_the_canary_sings_where_python_unpickles(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    pickle.loads(attacks(f"touch {canary}")["REDUCE"][0])
    assert canary.exists()


@pytest.mark.parametrize("name", attacks(""))
def test_attacks_are_refused_by_name_and_never_run(name: str, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    pickled, reason = attacks(f"touch {canary}")[name]
    with pytest.raises(CheckpointError, match=reason):
        read(pickled)
    assert not canary.exists()


def test_setstate_is_an_attribute_like_any_other() -> None:
    pickled = (
        b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}"
        + text("__setstate__")
        + b"ccollections\nOrderedDict\nsb}"
        + text("bias")
        + b"Nsb."
    )
    instance = read(pickled)
    assert str(getattr(instance, "of", None)) == "torch.nn.modules.linear.Linear"
    assert list(getattr(instance, "attributes", {})) == ["__setstate__", "bias"]


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x02X\xff\xff\xff\xffabc", "truncated"),
        (b"\x80\x02\x8d" + b"\xff" * 8, "BINUNICODE8"),
        (b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f.", "BYTEARRAY8"),
        (b"\x80\x02Nr\xff\xff\xff\xff", "truncated"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f", "LONG4"),
        (TENSOR + STORAGE + b"K\x01tQK\x00J\xff\xff\xff\x7f\x85K\x00\x85\x89NtR.", "beyond"),
        (TENSOR + STORAGE + b"K\x04tQK\x03K\x02\x85K\x01\x85\x89NtR.", "beyond"),
        (TENSOR + STORAGE + b"K\x04tQJ\xff\xff\xff\xffK\x02\x85K\x01\x85\x89NtR.", "REDUCE"),
        (TENSOR + STORAGE + b"K\x04tQK\x00K\x02\x85K\x01K\x01\x86\x89NtR.", "REDUCE"),
        (
            TENSOR + STORAGE + b"K\x01tQK\x00(" + b"K\x01" * 9 + b"t(" + b"K\x01" * 9 + b"ttR",
            "REDUCE",
        ),
        (b"\x80\x02" + STORAGE + b"\x8a\x08" + b"\xff" * 7 + b"\x7ftQ.", "BINPERSID"),
        (b"\x80\x02(" * 3 + b".", "one value"),
        (b"\x80\x02h\x07.", "BINGET"),
        (b"\x80\x02N0.", "POP"),
        (b"\x80\x02}(Ns.", "SETITEM"),
        (b"\x80\x02})Ns.", "SETITEM"),
        (b"\x80\x02}Na.", "APPEND"),
        (b"\x80\x02(" + text("storage") + b"NNNNtQ.", "BINPERSID"),
        (b"\x80\x02NN.", "one value"),
        (b"\x80\x02\xff.", "not an opcode"),
        (b"\x80\x02\x85.", "TUPLE1"),
        (b"", "truncated"),
    ],
    ids=str,
)
def test_claims_cost_nothing_and_damage_is_named(pickled: bytes, reason: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=reason):
            read(pickled)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_containers_are_read_as_python_writes_them() -> None:
    value = {"a": [1, -2, 300, 70_000, 2**40, 0.5], "b": (None, True, False, ()), 3: {"c": "é"}}
    assert read(pickle.dumps(value, 2)) == value


def test_the_backend_of_old_modules_is_nothing() -> None:
    assert read(b"\x80\x02ctorch.nn.backends.thnn\n_get_thnn_function_backend\n)R.") is None


def test_every_cut_is_an_error() -> None:
    pickled = pickle.dumps({"a": [1, 2.5, "text"], "b": (None, {"c": 70_000})}, 2)
    for n_bytes in range(len(pickled)):
        with pytest.raises(CheckpointError):
            read(pickled[:n_bytes])
