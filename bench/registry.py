"""The networks that can be measured: names, factories and display names, as plain data."""

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.errors import UsageError
from bench.own_networks import read_own_network, registered_by_packages, split_requests

SAMPLE_RATE = 8000
"""Hz, of the recorded example, and of networks that name no other."""


@dataclass(frozen=True)
class Entry:
    """A network: ``factory`` is the dotted path of a function without arguments."""

    name: str
    display_name: str
    factory: str  # "package.module:function"
    note: str = ""
    n_src: int | None = None  # that it must return; None: as many as it likes
    sample_rate: int = SAMPLE_RATE  # Hz, of its own audio: a second of it is as many samples

    @property
    def is_registered(self) -> bool:
        """Whether it is this project's, and not one of the user's own."""
        return self.name == NULL.name or self.name in KNOWN


_speakers = partial(Entry, n_src=2)  # the networks for the mixtures of two that Table 1 is about

SUDORMRF_1_0X = _speakers("sudormrf-1.0x", "SuDoRM-RF 1.0x", "models.sudormrf:sudormrf_1_0x")

TABLE1 = (
    _speakers("conv-tasnet", "Conv-TasNet", "baselines.asteroid_models:conv_tasnet"),
    _speakers("demucs", "Demucs", "baselines.demucs:demucs", "version 1, 80 channels"),
    _speakers("dprnn", "DPRNN", "baselines.asteroid_models:dprnn"),
    _speakers("two-step-tdcn", "Two-Step TDCN", "baselines.two_step_tdcn:two_step_tdcn"),
    SUDORMRF_1_0X,
    _speakers("sudormrf-0.5x", "SuDoRM-RF 0.5x", "models.sudormrf:sudormrf_0_5x"),
    _speakers("sudormrf-0.25x", "SuDoRM-RF 0.25x", "models.sudormrf:sudormrf_0_25x"),
)
"""The rows of the paper's Table 1, in its order; ``--models table1``, or ``all``."""

IN_TABLE2 = "Table 2"
TABLE2 = (
    SUDORMRF_1_0X,
    *(
        _speakers(name, display_name, f"models.table2:{name.replace('-', '_')}", IN_TABLE2)
        for name, display_name in (
            ("sudormrf-c128-b16-k17-q4", "SuDoRM-RF C128 B16 K17 Q4"),
            ("sudormrf-improved-c128-b16-k17-q4", "SuDoRM-RF improved C128 B16 K17 Q4"),
            ("sudormrf-improved-c256-b20-k21-q4", "SuDoRM-RF improved C256 B20 K21 Q4"),
            ("sudormrf-improved-c256-b32-k41-q4", "SuDoRM-RF improved C256 B32 K41 Q4"),
            ("sudormrf-improved-c256-b20-k41-q4", "SuDoRM-RF improved C256 B20 K41 Q4"),
            ("sudormrf-improved-c512-b18-k21-q7", "SuDoRM-RF improved C512 B18 K21 Q7"),
            ("sudormrf-improved-c512-b20-k21-q2", "SuDoRM-RF improved C512 B20 K21 Q2"),
            ("sudormrf-improved-c512-b34-k21-q4", "SuDoRM-RF improved C512 B34 K21 Q4"),
        )
    ),
)
"""The rows of the paper's Table 2, in its order; ``--models table2``."""

AS_THE_TEXT = "as the paper's text has it, not the code behind Table 1"
VARIANTS = (
    _speakers(
        "sudormrf-text-1.0x",
        "SuDoRM-RF 1.0x (text)",
        "models.sudormrf:sudormrf_text_1_0x",
        AS_THE_TEXT,
    ),
    _speakers(
        "sudormrf-text-0.5x",
        "SuDoRM-RF 0.5x (text)",
        "models.sudormrf:sudormrf_text_0_5x",
        AS_THE_TEXT,
    ),
    _speakers(
        "sudormrf-text-0.25x",
        "SuDoRM-RF 0.25x (text)",
        "models.sudormrf:sudormrf_text_0_25x",
        AS_THE_TEXT,
    ),
)

NULL = Entry("null", "Null model", "baselines.null:null", "the harness's own cost", n_src=1)
"""Returns its input. Measured in every run, and no row of its tables."""

CAUSAL = tuple(
    _speakers(
        f"sudormrf-causal-{size}x",
        f"SuDoRM-RF causal {size}x",
        f"models.streaming:sudormrf_causal_{size.replace('.', '_')}x",
        "for streams",
    )
    for size in ("1.0", "0.5", "0.25")
)
"""The networks that separate a mixture while it arrives."""


def _of_the_authors(module: str, names: Mapping[str, str], note: str) -> tuple[Entry, ...]:
    """Networks of the authors' repository beside those of the paper, from one module."""
    return tuple(
        _speakers(name, display_name, f"models.{module}:{name.replace('-', '_')}", note)
        for name, display_name in names.items()
    )


IMPROVED = _of_the_authors(
    "published",
    {
        "sudormrf-improved-c256-b16-n512": "SuDoRM-RF improved C256 B16 N512",
        "sudormrf-improved-c256-b16-n2048": "SuDoRM-RF improved C256 B16 N2048",
        "sudormrf-improved-c512-b36-n2048": "SuDoRM-RF improved C512 B36 N2048",
    },
    "published weights",
)
GROUPCOMM = _of_the_authors(
    "groupcomm",
    {
        "sudormrf-groupcomm-c256-b8": "SuDoRM-RF group communication C256 B8",
        "sudormrf-groupcomm-c256-b16": "SuDoRM-RF group communication C256 B16",
        "sudormrf-groupcomm-c512-b8": "SuDoRM-RF group communication C512 B8",
        "sudormrf-groupcomm-c512-b16": "SuDoRM-RF group communication C512 B16",
    },
    "16 groups",
)
CAUSAL_V3 = _of_the_authors(
    "causal_v3",
    {
        "sudormrf-causal-v3-c128": "SuDoRM-RF causal v3 C128",
        "sudormrf-causal-v3-c512": "SuDoRM-RF causal v3 C512",
    },
    "for streams, the authors'",
)

FAMILY = (
    *(entry for entry in TABLE1 if entry.name.startswith("sudormrf-")),
    *VARIANTS,
    *TABLE2[1:],
    *IMPROVED,
    *GROUPCOMM,
    *CAUSAL,
    *CAUSAL_V3,
)
"""Every SuDoRM-RF, in the order of ``family.md``; ``--models family``."""

_ASTEROID, _MUSIC = "of asteroid", 44_100
ZOO = (
    _speakers("dptnet", "DPTNet", "baselines.asteroid_zoo:dptnet", _ASTEROID),
    _speakers("lstm-tasnet", "LSTM-TasNet", "baselines.asteroid_zoo:lstm_tasnet", _ASTEROID),
    _speakers(
        "asteroid-sudormrf", "SuDoRM-RF (asteroid)", "baselines.asteroid_zoo:sudormrf", _ASTEROID
    ),
    _speakers(
        "asteroid-sudormrf-improved",
        "SuDoRM-RF improved (asteroid)",
        "baselines.asteroid_zoo:sudormrf_improved",
        _ASTEROID,
    ),
    _speakers("sepformer", "SepFormer", "baselines.speechbrain_zoo:sepformer", "of speechbrain"),
    _speakers(
        "resepformer", "RE-SepFormer", "baselines.speechbrain_zoo:resepformer", "of speechbrain"
    ),
    Entry("hdemucs", "Demucs v3", "baselines.demucs_zoo:hdemucs", "of demucs", 4, _MUSIC),
    Entry("htdemucs", "Demucs v4", "baselines.demucs_zoo:htdemucs", "of demucs", 4, _MUSIC),
    Entry(
        "bs-roformer", "BS-RoFormer", "baselines.roformers:bs_roformer", "of bs-roformer", 1, _MUSIC
    ),
    Entry(
        "mel-band-roformer",
        "Mel-Band RoFormer",
        "baselines.roformers:mel_band_roformer",
        "of bs-roformer",
        1,
        _MUSIC,
    ),
)
"""Networks of other packages, at the rate of their own audio; ``--models zoo``."""

REGISTRY = {entry.name: entry for entry in (*TABLE1, *FAMILY)}

OPTIONAL = {entry.name: entry for entry in ZOO}
KNOWN = REGISTRY | OPTIONAL
"""All networks that have a name here; those of the zoo need packages that may not be there."""

TABLES = {"all": TABLE1, "table1": TABLE1, "table2": TABLE2, "family": FAMILY, "zoo": ZOO}
"""What a request can name at once."""


def describe_registry() -> str:
    """A line for each network: its name, and what the papers call it."""
    entries = [*KNOWN.values(), *map(_packages_entry, registered_by_packages())]
    width = max(len(entry.name) for entry in entries)
    return "\n".join(
        f"{entry.name:<{width}}  {entry.display_name}{entry.note and f' ({entry.note})'}"
        for entry in entries
    )


def select_entries(requests: Sequence[str]) -> tuple[Entry, ...]:
    """The entries that were asked for, each once, in the registry's order; own ones last.

    A request is ``table1`` (its seven; ``all`` is the same), ``table2`` (its nine), ``family``
    (every SuDoRM-RF), ``zoo`` (those of other packages), a name, a pattern such as ``sudormrf-*``,
    a name that a package has registered, or one of a network of the user's own
    (``bench.own_networks``). Commas separate requests too.

    Raises:
        UsageError: a request that matches nothing (the nearest name is given), or none at all.
    """
    chosen: set[str] = set()
    own: dict[str, Entry] = {}
    for request in (part for text in requests for part in split_requests(text)):
        if ":" in request:
            own[request] = own_entry(request)
        elif request not in KNOWN and request in registered_by_packages():
            own[request] = _packages_entry(request)
        else:
            chosen |= _matching_names(request)
    entries = (*(entry for name, entry in KNOWN.items() if name in chosen), *own.values())
    if not entries:
        raise UsageError("No model was selected. Name one, or `all`; --list shows them.")
    return entries


def own_entry(request: str) -> Entry:
    """A network of the user's own.

    Raises:
        UsageError: the request is not one.
    """
    rate = read_own_network(request).sample_rate or SAMPLE_RATE
    return Entry(request, request, request, "not in the registry", sample_rate=rate)


def _packages_entry(name: str) -> Entry:
    factory, package = registered_by_packages()[name]
    rate = read_own_network(factory).sample_rate or SAMPLE_RATE
    return Entry(name, name, factory, f"registered by {package}", sample_rate=rate)


def _matching_names(request: str) -> set[str]:
    if request in TABLES:
        return {entry.name for entry in TABLES[request]}
    # A pattern means the networks that are always there, unless it fits none of them.
    names = set(fnmatch.filter(REGISTRY, request) or fnmatch.filter(OPTIONAL, request))
    if not names:
        near = difflib.get_close_matches(request.lower(), KNOWN, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"No model matches {request!r}.{hint} --list shows all names.")
    return names
