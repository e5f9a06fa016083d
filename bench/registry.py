"""The networks that can be measured: names, factories and display names, as plain data."""

import difflib
import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.errors import UsageError

SAMPLE_RATE = 8000
"""Hz, of all registered networks and of the recorded example."""


@dataclass(frozen=True)
class Entry:
    """A network: ``factory`` is the dotted path of a function without arguments."""

    name: str
    display_name: str
    factory: str  # "package.module:function"
    note: str = ""
    n_src: int | None = None  # that it must return; None: as many as it likes

    @property
    def is_registered(self) -> bool:
        """Whether it is this project's, and not one of the user's own."""
        return self.name == NULL.name or self.name in REGISTRY


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

REGISTRY = {entry.name: entry for entry in (*TABLE1, *FAMILY)}

TABLES = {"all": TABLE1, "table1": TABLE1, "table2": TABLE2, "family": FAMILY}
"""What a request can name at once."""


def describe_registry() -> str:
    """A line for each network: its name, and what the papers call it."""
    width = max(map(len, REGISTRY))
    return "\n".join(
        f"{entry.name:<{width}}  {entry.display_name}{entry.note and f' ({entry.note})'}"
        for entry in REGISTRY.values()
    )


def select_entries(requests: Sequence[str]) -> tuple[Entry, ...]:
    """The entries that were asked for, each once, in the registry's order; own ones last.

    A request is ``table1`` (its seven; ``all`` is the same), ``table2`` (its nine), ``family``
    (every SuDoRM-RF), a name, a pattern such as ``sudormrf-*``, or the dotted path
    ``package.module:function`` of a network of the user's own. Commas separate requests too.

    Raises:
        UsageError: a request that matches nothing (the nearest name is given), or none at all.
    """
    chosen: set[str] = set()
    own: dict[str, Entry] = {}
    for request in filter(None, (part.strip() for text in requests for part in text.split(","))):
        if ":" in request:
            own[request] = Entry(request, request, request, "not in the registry")
        else:
            chosen |= _matching_names(request)
    entries = (*(REGISTRY[name] for name in REGISTRY if name in chosen), *own.values())
    if not entries:
        raise UsageError("No model was selected. Name one, or `all`; --list shows them.")
    return entries


def _matching_names(request: str) -> set[str]:
    if request in TABLES:
        return {entry.name for entry in TABLES[request]}
    names = set(fnmatch.filter(REGISTRY, request))
    if not names:
        near = difflib.get_close_matches(request.lower(), REGISTRY, n=1, cutoff=0.4)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"No model matches {request!r}.{hint} --list shows all names.")
    return names
