"""One section of the page: what every subject hands to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A subject of the page. All text is plain: who writes HTML escapes it."""

    key: str  # the id of its element
    title: str
    sentence: str  # plain text, what one sees
    chart: Mapping[str, object] | None  # a Vega-Lite specification without "$schema" and "config"
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None  # heads and rows, plain text
