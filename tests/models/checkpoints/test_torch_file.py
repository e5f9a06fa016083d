import io
import random
import struct
import sys
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.checkpoints.error import CheckpointError
from models.checkpoints.reference import load_reference_state_dict
from models.checkpoints.torch_file import read_state_dict, read_torch_file
from tests.models.checkpoints.reference_examples import (
    MINIMAL,
    as_network,
    make_state_dict,
    saved,
    stream_of,
    zip_of,
)
from tests.models.checkpoints.test_inert_pickle import attacks, text

both_containers = pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
WEIGHTS = make_state_dict(MINIMAL, is_improved=False)


def read(content: bytes) -> dict[str, Tensor]:
    return read_state_dict(io.BytesIO(content))


def minimal(is_zip: bool) -> bytes:
    """A pickled network inside DataParallel."""
    return saved(nn.DataParallel(as_network(WEIGHTS, "sudormrf")), is_zip)


def storage(key: str, n_items: int) -> bytes:
    return (
        b"("
        + text("storage")
        + b"ctorch\nFloatStorage\n"
        + text(key)
        + text("cpu")
        + b"J"
        + struct.pack("<i", n_items)
        + b"tQ"
    )


def tensor(key: str, n_stored: int, n_items: int) -> bytes:
    size = b"J" + struct.pack("<i", n_items) + b"\x85"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage(key, n_stored)
        + b"K\x00"
        + size
        + b"K\x01\x85\x89NtR"
    )


def state_dict_of(*tensors: bytes) -> bytes:
    items = b"".join(text(f"w{index}") + item for index, item in enumerate(tensors))
    return b"\x80\x02}(" + items + b"u."


@both_containers
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64], ids=str
)
def test_tensors_are_what_torch_reads(dtype: torch.dtype, is_zip: bool, tmp_path: Path) -> None:
    numbers = torch.arange(24).reshape(2, 3, 4).to(dtype)
    view = numbers.clone()[:, 1:].mT
    saved_dict = {"whole": numbers, "view": view, "empty": torch.empty(0, 3, dtype=dtype)}
    path = tmp_path / "saved.pt"
    torch.save(saved_dict, path, _use_new_zipfile_serialization=is_zip)
    result = read_torch_file(path)
    assert result.keys() == saved_dict.keys()
    for name, expected in saved_dict.items():
        assert result[name].dtype == expected.dtype or not expected.numel()
        assert torch.equal(result[name].to(dtype), expected)


@both_containers
def test_a_network_has_torchs_names(is_zip: bool) -> None:
    result = read(minimal(is_zip))
    assert result.keys() == {f"module.{name}" for name in WEIGHTS}


@both_containers
def test_every_cut_is_an_error(is_zip: bool) -> None:
    content = minimal(is_zip)
    cuts = [*range(0, len(content), 101), *range(len(content) - 60, len(content))]
    for n_bytes in cuts:
        with pytest.raises(CheckpointError):
            read(content[:n_bytes])


@pytest.mark.parametrize("name", attacks(""))
@both_containers
def test_attacks_in_a_file_never_run(name: str, is_zip: bool, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    pickled, _ = attacks(f"touch {canary}")[name]
    path = tmp_path / "attack.pt"
    path.write_bytes(zip_of(pickled, {}) if is_zip else stream_of(pickled))
    with pytest.raises(CheckpointError, match=r"attack\.pt"):
        read_torch_file(path)
    assert not canary.exists()


def test_attacks_at_the_head_of_a_stream_never_run(tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    with pytest.raises(CheckpointError, match="not a file of torch"):
        read(attacks(f"touch {canary}")["REDUCE"][0])
    assert not canary.exists()


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zip_of(state_dict_of(tensor("0", 1000, 1000)), {"0": bytes(50_000_000)}, 8)
    small = zip_of(state_dict_of(tensor("0", 1000, 1000)), {"0": bytes(4000)}, 8)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="more bytes than the file"):
            read(bomb)
        with pytest.raises(CheckpointError, match=r"compressed|more bytes"):
            read(small)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_compressed_member_is_refused() -> None:
    noise = random.Random(0).randbytes(4000)
    content = zip_of(state_dict_of(tensor("0", 1000, 1000)), {"0": noise}, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed"):
        read(content)


def test_claimed_sizes_are_compared_with_the_file() -> None:
    pickled = state_dict_of(tensor("0", 2**31 - 1, 2**31 - 1))
    for content in (zip_of(pickled, {"0": bytes(8)}), stream_of(pickled)):
        with pytest.raises(CheckpointError, match=r"truncated|list of tensors"):
            read(content)


def test_many_views_of_one_run_are_refused() -> None:
    pickled = state_dict_of(*[tensor("0", 1000, 1000)] * 100)
    with pytest.raises(CheckpointError, match=r"100000 numbers.*1000"):
        read(zip_of(pickled, {"0": bytes(4000)}))


@pytest.mark.parametrize("key", ["../../../../etc/hostname", "/etc/hostname", "..\\x", ""])
def test_keys_are_names_in_the_archive_and_no_paths(key: str) -> None:
    pickled = state_dict_of(tensor(key, 1, 1))
    with pytest.raises(CheckpointError, match="has no saved/data/"):
        read(zip_of(pickled, {"0": bytes(4)}))


def test_a_run_of_another_length_is_refused() -> None:
    with pytest.raises(CheckpointError, match="takes 40 bytes, and 36"):
        read(zip_of(state_dict_of(tensor("0", 10, 10)), {"0": bytes(36)}))


ONE_KEY = b"\x80\x02]" + text("0") + b"a."


def test_a_stream_by_hand_is_read() -> None:
    runs = ONE_KEY + struct.pack("<q2f", 2, 0.5, -3.0)
    result = read(stream_of(state_dict_of(tensor("0", 2, 2)), runs))
    assert result["w0"].tolist() == [0.5, -3.0]


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        (b"\x80\x02].", "not that of its pickle"),
        (b"\x80\x02]K\x00a.", "list of tensors is damaged"),
        (ONE_KEY + struct.pack("<q2f", 3, 0.5, -3.0), "another length"),
        (ONE_KEY + struct.pack("<q1f", 2, 0.5), "takes 8 bytes, and 4"),
    ],
    ids=range(4),
)
def test_the_runs_of_a_stream_must_be_its_pickles(runs: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        read(stream_of(state_dict_of(tensor("0", 2, 2)), runs))


def module(parts: bytes) -> bytes:
    return b"ctorch.nn.modules.container\nSequential\n)\x81}" + text("_modules") + parts + b"sb"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (module(b"}" + text("a") + b"K\x01s"), "no module"),
        (module(b"K\x01"), "_modules .*damaged"),
        (module(b"}K\x01" + module(b"}") + b"s"), "not text"),
        (
            b"ctorch.nn.modules.container\nSequential\n)\x81q\x00}"
            + text("_modules")
            + b"}"
            + text("a")
            + b"h\x00ssb",
            "not part of a tree",
        ),
        (
            module(
                b"}(" + text("a") + module(b"}") + b"q\x00" + text("b") + b"h\x00u",
            ),
            "not part of a tree",  # it may be, many times over, and then again
        ),
        (b"K\x05", "neither a network nor a state dict"),
        (b"}" + text("epoch") + b"K\x05s", "'epoch' is not a tensor"),
        (b"}K\x01" + tensor("0", 1, 1) + b"s", "not text"),
        (b"}" + text("a" * 300) + tensor("0", 1, 1) + b"s", "longer than 256"),
    ],
    ids=range(9),
)
def test_what_is_no_network_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        read(zip_of(b"\x80\x02" + value + b".", {"0": bytes(4)}))


def test_modules_within_modules_have_an_end() -> None:
    value = b"}"
    for _ in range(3000):
        value = b"}" + text("a") + module(value) + b"s"
    with pytest.raises(CheckpointError, match="not part of a tree"):
        read(zip_of(b"\x80\x02" + module(value) + b".", {}))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x00" * 100, b"RIFF....WAVE", b"PK\x05\x06"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"other\.bin: "):
        read_torch_file(path)


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_torch_file(tmp_path / "missing.pt")


def mutated(content: bytes, choose: random.Random) -> bytes:
    """One to four bytes changed, cut out, repeated or put in."""
    mutant = bytearray(content)
    for _ in range(choose.randint(1, 4)):
        place = choose.randrange(len(mutant))
        reach = place + choose.randint(1, 20)
        change = choose.randrange(5)
        if change <= 1:
            mutant[place] = choose.randrange(256)
        elif change == 2:
            del mutant[place : min(reach, len(mutant) - 1)]
        elif change == 3:
            mutant[place:place] = mutant[place:reach]
        else:
            mutant[place:place] = choose.choice([b"R", b"b", b"\x81", b"Q", b"cposix\nsystem\n"])
    return bytes(mutant)


def repacked(content: bytes, choose: random.Random) -> bytes:
    """An archive whose pickle is mutated and whose checksums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    folder = next(iter(members)).partition("/")[0]
    numbers = {
        name.removeprefix(f"{folder}/data/"): data
        for name, data in members.items()
        if name.startswith(f"{folder}/data/")
    }
    return zip_of(mutated(members[f"{folder}/data.pkl"], choose), numbers)


@pytest.mark.parametrize("form", ["zip", "stream", "pickle in a zip"])
def test_damage_gives_tensors_or_our_error_and_nothing_runs(form: str, tmp_path: Path) -> None:
    canary = tmp_path / "ran"
    attack = attacks(f"touch {canary}")["REDUCE"][0][2:-1]
    content = minimal(is_zip=form != "stream")
    choose = random.Random(form)  # imports a hash at first use
    modules = set(sys.modules)
    load_reference_state_dict(read(content))  # what is damaged was whole
    for round_ in range(250):
        mutant = (
            repacked(content, choose) if form == "pickle in a zip" else mutated(content, choose)
        )
        if round_ % 4 == 0:
            mutant = mutant.replace(b"_backward_hooksq", attack + b"X\x01\x00\x00\x00aq", 1)
        with suppress(CheckpointError):
            tensors = read(mutant)
            assert all(isinstance(tensor, Tensor) for tensor in tensors.values())
            load_reference_state_dict(tensors)
    assert not canary.exists()
    imported = set(sys.modules) - modules
    assert all(name.startswith(("torch.", "encodings.")) for name in imported)  # at first use
