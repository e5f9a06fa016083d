"""The two forms of ``torch.save``'s files, read without running anything in them.

Since 2020 a file is a zip archive: ``NAME/data.pkl`` and one member for each run of numbers.
Before, it was one stream: five pickles, then the runs. Nothing is unpacked to the disk, and what
a file says of its sizes is compared with the file before memory is taken. What programs save with
a network (optimiser, epoch, settings) is passed over.
"""

import io
import math
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from models.checkpoints.error import CheckpointError
from models.checkpoints.inert_pickle import (
    Instance,
    Pickled,
    Storage,
    StoredTensor,
    read_inert_pickle,
)

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
WRAPPINGS = ("state_dict", "model_state_dict", "model")
"""Under what programs save a network beside other things; ``state_dict`` also in Lightning."""

TRAINING_STATE = {"settings", "position", "optimiser", "random"}
"""What tells the state.pt of bench.train."""

STREAM_MAGIC = 0x1950A86A20F9469CFC6C
STREAM_PROTOCOL = 1001
COUNT_BYTES = 8  # before each run of a stream
MAX_DEPTH = 16  # modules inside each other; the authors' have six
MAX_NAME = 256  # characters

Runs = dict[str, Tensor]
"""The runs of numbers by their key in the file."""


def read_torch_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The state dict of a file of ``torch.save``: of a pickled network or a state dict.

    Either may stand in a dict beside other things, under a name of ``WRAPPINGS``.

    Raises:
        CheckpointError: it is no such file, is torn, or holds anything else; the file is named.
        OSError: it can't be opened.
    """
    with Path(path).open("rb") as file:
        try:
            return read_state_dict(file)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from error


def read_state_dict(file: BinaryIO) -> dict[str, Tensor]:
    """The same of an open file, whose position is at its beginning.

    Raises:
        CheckpointError: as above; the file is not named.
    """
    is_zip = file.read(2) == b"PK"
    n_file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    value, runs = read_zip(file, n_file_bytes) if is_zip else read_stream(file, n_file_bytes)
    tensors = dict(named_tensors(find_network(value)))
    n_claimed = sum(math.prod(tensor.shape) for tensor in tensors.values())
    n_stored = sum(run.numel() for run in runs.values())
    if n_claimed > n_stored:  # many views of one run
        raise CheckpointError(f"Its tensors have {n_claimed} numbers, and it holds {n_stored}.")
    return {
        name: torch.as_strided(
            runs[tensor.storage.key], tensor.shape, tensor.strides, tensor.offset
        ).clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def check_storages(contents: Pickled, n_file_bytes: int) -> None:
    """Compare what a pickle says of its runs with what the file can hold."""
    n_claimed = sum(storage.n_bytes for storage in contents.storages.values())
    if n_claimed > n_file_bytes:
        raise CheckpointError(
            f"It is truncated: its tensors take {n_claimed} bytes, and it has {n_file_bytes}."
        )


def read_zip(file: BinaryIO, n_file_bytes: int) -> tuple[Any, Runs]:
    """The value and the runs of an archive."""
    archive = open_archive(file)
    members = {member.filename: member for member in archive.infolist()}
    if sum(member.file_size for member in archive.infolist()) > n_file_bytes:
        raise CheckpointError("The archive's members claim more bytes than the file has.")
    pickles = [name for name in members if name.partition("/")[2] == "data.pkl"]
    if len(pickles) != 1:
        raise CheckpointError("It is an archive, but not one of torch.save: it has no data.pkl.")
    folder = pickles[0].partition("/")[0]
    order = f"{folder}/byteorder"
    if order in members and read_member(archive, members, order) != b"little":
        raise CheckpointError("Its numbers are not in little-endian order.")
    contents = read_inert_pickle(io.BytesIO(read_member(archive, members, pickles[0])))
    check_storages(contents, n_file_bytes)
    runs = {
        key: make_run(storage, read_member(archive, members, f"{folder}/data/{key}"))
        for key, storage in contents.storages.items()
    }
    return contents.value, runs


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """The archive's table of contents."""
    try:
        return zipfile.ZipFile(file)
    except Exception as error:  # zipfile raises many kinds on damaged input
        raise CheckpointError(f"The archive is truncated or damaged: {error}") from error


def read_member(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> bytes:
    """The bytes of a member that is stored as it is: torch.save never compresses."""
    if name not in members:
        raise CheckpointError(f"The archive has no {name}.")
    member = members[name]
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise CheckpointError(f"{name} is compressed, which torch.save never does.")
    try:
        return archive.read(member)
    except Exception as error:  # zipfile raises many kinds on damaged input
        raise CheckpointError(f"{name} is truncated or damaged: {error}") from error


def read_stream(file: BinaryIO, n_file_bytes: int) -> tuple[Any, Runs]:
    """The value and the runs of the older form."""
    try:
        magic = read_inert_pickle(file).value
    except CheckpointError as error:
        raise CheckpointError("It is not a file of torch.save, or is damaged.") from error
    if magic != STREAM_MAGIC or read_inert_pickle(file).value != STREAM_PROTOCOL:
        raise CheckpointError("It is not a file of torch.save.")
    system = read_inert_pickle(file).value
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError("Its numbers are not in little-endian order.")
    contents = read_inert_pickle(file)
    check_storages(contents, n_file_bytes)
    keys = read_inert_pickle(file).value
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError("Its list of tensors is damaged.")
    if sorted(keys) != sorted(contents.storages):
        raise CheckpointError("Its list of tensors is not that of its pickle.")
    return contents.value, {key: next_run(file, contents.storages[key]) for key in keys}


def next_run(file: BinaryIO, storage: Storage) -> Tensor:
    """The run at the file's position, which begins with its length."""
    count = file.read(COUNT_BYTES)
    if len(count) == COUNT_BYTES and int.from_bytes(count, "little") != storage.n_items:
        raise CheckpointError(f"Its tensor {storage.key} has another length than its pickle says.")
    return make_run(storage, file.read(storage.n_bytes))


def make_run(storage: Storage, content: bytes) -> Tensor:
    """The numbers of a storage."""
    if len(content) != storage.n_bytes:
        raise CheckpointError(
            f"It is truncated or damaged: tensor {storage.key} takes {storage.n_bytes} bytes, "
            f"and {len(content)} are there."
        )
    dtype = DTYPES[storage.kind]
    return torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.empty(0)


def find_network(value: object) -> object:
    """The network or state dict among what a program saved.

    Raises:
        CheckpointError: it is the state of a training of this project.
    """
    if not isinstance(value, dict):
        return value
    if value.keys() >= TRAINING_STATE:
        raise CheckpointError(
            "It is the state from which bench.train goes on. The weights of the best validation "
            "are in the model.safetensors beside it: give that one."
        )
    found = (value.get(name) for name in WRAPPINGS)
    return next((one for one in found if isinstance(one, dict | Instance)), value)


def named_tensors(value: object) -> Iterator[tuple[str, StoredTensor]]:
    """The tensors of a state dict, or of a network with torch's names for them."""
    if isinstance(value, Instance):
        yield from tensors_of_module(value, "", seen=set())
    elif isinstance(value, dict):
        for name, tensor in value.items():
            if not isinstance(tensor, StoredTensor):
                known = ", ".join(WRAPPINGS)
                raise CheckpointError(
                    f"It is no state dict, and holds none under {known}: its {name!r:.60} is not "
                    "a tensor."
                )
            yield checked_name(name), tensor
    else:
        raise CheckpointError("It holds neither a network nor a state dict.")


def tensors_of_module(
    module: Instance, prefix: str, seen: set[int]
) -> Iterator[tuple[str, StoredTensor]]:
    """A module's parameters and buffers, then those of its parts."""
    if id(module) in seen or prefix.count(".") > MAX_DEPTH:
        raise CheckpointError(f"Its module {prefix:.60}{module.of} is not part of a tree.")
    seen.add(id(module))
    for kind in ("_parameters", "_buffers"):
        for name, tensor in parts_of(module, kind).items():
            if isinstance(tensor, StoredTensor):
                yield checked_name(prefix, name), tensor
            elif tensor is not None:  # a layer without bias has None
                raise CheckpointError(f"In {kind} of {module.of}, {name!r:.60} is no tensor.")
    for name, part in parts_of(module, "_modules").items():
        if isinstance(part, Instance):
            yield from tensors_of_module(part, checked_name(prefix, name) + ".", seen)
        elif part is not None:
            raise CheckpointError(f"In _modules of {module.of}, {name!r:.60} is no module.")


def parts_of(module: Instance, kind: str) -> dict[Any, Any]:
    """One of a module's three tables."""
    parts = module.attributes.get(kind, {})
    if not isinstance(parts, dict):
        raise CheckpointError(f"{kind} of {module.of} is damaged.")
    return parts


def checked_name(prefix: str, name: object = "") -> str:
    """The whole name of a tensor."""
    if not isinstance(name, str) or not isinstance(prefix, str):
        raise CheckpointError(f"A tensor's name is {name!r:.60}, not text.")
    if len(prefix) + len(name) > MAX_NAME:
        raise CheckpointError(f"A tensor's name is longer than {MAX_NAME} characters.")
    return prefix + name
