"""A pickle read as a description: nothing in it is imported, called or built.

``torch.save`` writes pickle protocol 2, with about forty opcodes. They are interpreted here one
by one. A tensor becomes a ``StoredTensor`` (where its numbers lie), an instance of a known class
an inert ``Instance`` (its class's name and attributes), and containers become dicts, lists and
tuples. Every other opcode, class or function ends the reading with its name. The work and the
memory grow with the length of the pickle and with nothing that it says.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple, NoReturn

from models.checkpoints.error import CheckpointError

ITEM_BYTES = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
}
CLASS_MODULES = ("sudo_rm_rf.dnn.models.", "torch.nn.modules.", "torch.nn.parallel.")
OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
MAX_DIMENSIONS = 8
MARK = object()


@dataclass(frozen=True)
class Global:
    """A name that the pickle would import. It stays a name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class Instance:
    """An instance of a class that was never imported."""

    of: Global
    attributes: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Storage:
    """A run of ``n_items`` numbers that the file holds under ``key``."""

    key: str
    kind: str  # a key of ITEM_BYTES
    n_items: int

    @property
    def n_bytes(self) -> int:
        """What it takes in the file."""
        return self.n_items * ITEM_BYTES[self.kind]


@dataclass(frozen=True)
class StoredTensor:
    """A strided view of a storage, in items; checked to lie inside it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Pickled(NamedTuple):
    """A pickle's value, and all storages that it names, by key."""

    value: Any
    storages: dict[str, Storage]


def read_inert_pickle(file: BinaryIO) -> Pickled:
    """What the next pickle of a file describes. The file is left just behind it.

    Raises:
        CheckpointError: the pickle is torn, or holds an opcode, class or function that no
            checkpoint of these networks needs.
    """
    machine = _Machine(file)
    return Pickled(machine.run(), machine.storages)


class _Machine:
    """The pickle's stack machine; ``run`` is its loop."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def run(self) -> Any:
        while (opcode := self.next_opcode()).name != "STOP":
            argument = self.read_argument(opcode)
            try:
                OPERATIONS[opcode.name](self, argument)
            except CheckpointError:
                raise
            except (LookupError, TypeError, ValueError) as error:
                raise CheckpointError(
                    f"The pickle is damaged: the {opcode.name} that ends at byte "
                    f"{self.file.tell()} does not fit what precedes it."
                ) from error
        if len(self.stack) != 1 or self.stack[0] is MARK:
            raise CheckpointError("The pickle is damaged: it does not end with one value.")
        return self.stack.pop()

    def next_opcode(self) -> pickletools.OpcodeInfo:
        code = self.file.read(1)
        if not code:
            raise CheckpointError("The pickle is truncated.")
        opcode = OPCODES.get(code)
        if opcode is None:
            raise CheckpointError(f"The pickle is damaged: {code!r} is not an opcode.")
        if opcode.name != "STOP" and opcode.name not in OPERATIONS:
            raise CheckpointError(
                f"The pickle holds the opcode {opcode.name}, which torch.save does not write."
            )
        return opcode

    def read_argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        if opcode.arg is None:
            return None
        reader: Callable[[BinaryIO], Any] = opcode.arg.reader
        try:
            return reader(self.file)
        except ValueError as error:  # too few bytes, or not the text that it should be
            raise CheckpointError(
                f"The pickle is truncated or damaged at a {opcode.name}."
            ) from error

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise IndexError
        return value

    def pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]

    def push_tuple(self, n_items: int) -> None:
        self.push(tuple([self.pop() for _ in range(n_items)][::-1]))

    def top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise TypeError
        return self.stack[-1]

    def store(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def load(self, index: int) -> None:
        self.push(self.memo[index])

    def append(self, values: list[Any]) -> None:
        self.top(list).extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | int | None):
                raise TypeError  # others could be slow to hash, or deep
            target[key] = value

    def global_(self, argument: str) -> None:
        named = Global(*argument.split(" ", 1))
        is_class = named.module.startswith(CLASS_MODULES) and named.name.isidentifier()
        is_storage = named.module == "torch" and named.name in ITEM_BYTES
        if not (is_class or is_storage or str(named) in CALLS):
            refuse(named)
        self.push(named)

    def reduce(self) -> None:
        arguments, called = self.pop(), self.pop()
        if type(called) is not Global or type(arguments) is not tuple:
            raise TypeError
        if str(called) not in CALLS:
            refuse(called)
        self.push(CALLS[str(called)](*arguments))

    def new_instance(self) -> None:
        arguments, of = self.pop(), self.pop()
        if type(of) is not Global or arguments != ():
            raise TypeError
        if not of.module.startswith(CLASS_MODULES):
            refuse(of)
        self.push(Instance(of))

    def build(self) -> None:
        """Attributes of an instance; those of a dict (a state dict's versions) are dropped."""
        attributes = self.pop()
        if self.stack[-1] is None:  # of something that was ignored
            return
        if type(attributes) is not dict:
            raise TypeError
        if type(self.stack[-1]) is not dict:
            self.top(Instance).attributes.update(attributes)

    def persistent(self) -> None:
        """A storage, or a class that the older format writes with its source code."""
        kind, *rest = self.pop()
        if kind == "module" and len(rest) == 3 and type(rest[0]) is Global:
            self.push(rest[0])
        elif kind == "storage":
            storage = make_storage(*rest)
            if self.storages.setdefault(storage.key, storage) != storage:
                raise ValueError  # one key, two sizes
            self.push(storage)
        else:
            raise TypeError


def refuse(named: Global) -> NoReturn:
    """End the reading."""
    raise CheckpointError(
        f"The file asks for {named}, which no checkpoint of these networks needs. "
        "Nothing in it was run. Of a network of your own, save its state_dict() alone."
    )


def is_size(value: object) -> bool:
    """Whether a number can be a length, an offset or a stride."""
    return type(value) is int and 0 <= value < 2**48


def make_storage(
    kind: Global, key: str, _device: str, n_items: int, view: object = None
) -> Storage:
    """The arguments of a persistent id of torch; the device is not needed."""
    if type(kind) is not Global or type(key) is not str or not is_size(n_items) or view is not None:
        raise TypeError
    if not (kind.module == "torch" and kind.name in ITEM_BYTES):
        refuse(kind)
    return Storage(key, kind.name, n_items)


def make_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> StoredTensor:
    """The arguments of torch's rebuilding function; those about gradients are not needed."""
    if type(storage) is not Storage or type(shape) is not tuple or type(strides) is not tuple:
        raise TypeError
    if not len(shape) == len(strides) <= MAX_DIMENSIONS or not all(
        map(is_size, (offset, *shape, *strides))
    ):
        raise TypeError
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    n_items = 1
    for n in shape:
        n_items *= n
    if n_items > storage.n_items or (n_items and last >= storage.n_items):
        raise CheckpointError(
            f"A tensor {list(shape)} reaches beyond its {storage.n_items} stored numbers."
        )
    return StoredTensor(storage, offset, shape, strides)


def unwrap_parameter(tensor: StoredTensor, *_: object) -> StoredTensor:
    """A parameter is its tensor."""
    return tensor


def make_dict() -> dict[Any, Any]:
    """Torch's ordered dicts begin empty."""
    return {}


def make_list(items: list[Any]) -> list[Any]:
    """A set, whose members nothing here asks for."""
    return items


def ignore(*_: object) -> None:
    """Devices, numbers of numpy (a loss, say), and what modules had before torch 1.4."""


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": make_dict,
    "__builtin__.set": make_list,
    "torch.device": ignore,
    "torch.nn.backends.thnn._get_thnn_function_backend": ignore,
    "_codecs.encode": ignore,  # bytes, as protocol 2 writes them
    "numpy.dtype": ignore,
    "numpy.core.multiarray.scalar": ignore,
    "numpy._core.multiarray.scalar": ignore,
    "torch._utils._rebuild_parameter": unwrap_parameter,
    "torch._utils._rebuild_tensor": make_tensor,
    "torch._utils._rebuild_tensor_v2": make_tensor,
}
"""The functions that checkpoints call, and what stands in for each."""

OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, version: None,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": lambda machine, _: machine.push(MARK),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "APPEND": lambda machine, _: machine.append([machine.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": lambda machine, name: machine.global_(name),
    "REDUCE": lambda machine, _: machine.reduce(),
    "NEWOBJ": lambda machine, _: machine.new_instance(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.persistent(),
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"), _Machine.push
    ),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.store),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.load),
}
"""What each opcode does, with its argument. There are no others."""
