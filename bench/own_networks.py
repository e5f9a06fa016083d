"""What users write to name a network of their own, taken apart without importing anything.

    package.module:factory           path/to/file.py:factory
    file.py:build(n_blocks=8)        with keyword arguments, literals of Python
    file.py:build@16000              at its own sample rate, in Hz

Packages name theirs by entry points of the group ``separation_bench.networks``, whose values are
such names.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points

from bench.errors import UsageError

GROUP = "separation_bench.networks"
"""Of entry points by which installed packages name their networks."""
FORM = re.compile(
    r"(?P<place>[^:()]+):(?P<function>[^\W\d][\w.]*)(?P<call>\(.*\))?(@(?P<rate>\d+))?", re.S
)
FORMS = (
    "package.module:factory or path/to/file.py:factory, with arguments as in "
    "file.py:build(n_blocks=8), and a sample rate as in file.py:build@16000"
)


@dataclass(frozen=True)
class OwnNetwork:
    """A factory: where it is, what it is called with, and the rate of its audio in Hz."""

    place: str  # a dotted path, or that of a file
    function: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    sample_rate: int | None = None

    @property
    def is_file(self) -> bool:
        """Whether the place is a file, and no module by its dotted path."""
        return self.place.endswith(".py")


def read_own_network(name: str) -> OwnNetwork:
    """What a name says.

    Raises:
        UsageError: it is none, or its arguments are not literals given by keyword.
    """
    found = FORM.fullmatch(name.strip())
    if found is None:
        raise UsageError(f"{name!r} names no network. Write {FORMS}.")
    rate = found["rate"] and int(found["rate"])
    if rate == 0:
        raise UsageError(f"{name!r} has a sample rate of 0 Hz. Write {FORMS}.")
    return OwnNetwork(
        found["place"], found["function"], _read_arguments(found["call"], name), rate or None
    )


def _read_arguments(call: str | None, name: str) -> dict[str, object]:
    if call is None:
        return {}
    try:
        parsed = ast.parse(f"f{call}", mode="eval").body
        assert isinstance(parsed, ast.Call)
        if parsed.args:
            raise ValueError("an argument has no name")
        return {str(k.arg): ast.literal_eval(k.value) for k in parsed.keywords if _is_named(k)}
    except (AssertionError, SyntaxError, ValueError) as error:
        raise UsageError(
            f"The arguments of {name!r} can't be read ({_first_line(error)}): give each by its "
            "name and as a literal of Python, such as (n_blocks=8, norm='gln', sizes=[1, 2])."
        ) from error


def _is_named(keyword: ast.keyword) -> bool:
    if keyword.arg is None:
        raise ValueError("** is no literal")
    return True


def _first_line(error: Exception) -> str:
    text = str(error).partition(":")[0] or "no call"
    return "not a literal" if text.startswith("malformed") else text


def split_requests(text: str) -> list[str]:
    """Names that commas separate; those within brackets or quotes belong to arguments."""
    parts, depth, quote, is_escaped = [""], 0, "", False
    for letter in text:
        if quote:
            quote = "" if letter == quote and not is_escaped else quote
            is_escaped = letter == "\\" and not is_escaped
        elif letter in "'\"" and depth:
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


@cache
def registered_by_packages() -> Mapping[str, tuple[str, str]]:
    """The networks that installed packages name: the factory of each, and the package."""
    return {
        point.name: (point.value, point.dist.name if point.dist else "")
        for point in entry_points(group=GROUP)
    }
