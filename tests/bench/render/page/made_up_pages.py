"""Runs for tests of the page, and the page read back as elements."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

from bench.registry import TABLE1, Entry
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import complete_run, fail

ONE_PROCESS = "dprnn"
NO_MEMORY = "demucs"
REASON = "The allocator refused <7 GB> & gave up."
VOID = frozenset(("meta", "input", "br", "link"))
IMPLIED = {"td": ("td", "th"), "th": ("td", "th"), "tr": ("td", "th", "tr"), "option": ("option",)}
"""What an element that begins ends, where its end was left out."""


def troubled_records() -> Iterator[Record]:
    """The seven; one ran out of memory in every cell, one has a single process's times."""
    for record in complete_run():
        job = record.job
        if job.model == NO_MEMORY:
            yield fail(record, Status.OOM, REASON)
        elif (job.model, job.probe) != (ONE_PROCESS, "latency") or job.round == 0:
            yield record


def troubled_run() -> RunSummary:
    return summarize(list(troubled_records()))


def failed_run(entries: Sequence[Entry] = TABLE1) -> RunSummary:
    """Every cell failed."""
    return summarize([fail(record, Status.KILLED, REASON) for record in complete_run(entries)])


def enlarge(summary: RunSummary, n_networks: int) -> RunSummary:
    """The same with so many networks, whose values are those of the first again and again."""
    models = summary.models
    many = (
        replace(
            models[number % len(models)],
            entry=Entry(f"my/net_{number}.py:build", f"Network number {number}", "my.net:build"),
        )
        for number in range(n_networks)
    )
    return replace(summary, models=tuple(many))


@dataclass
class Element:
    """An element of a page; ``text`` is all that is in it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, tag: str) -> list["Element"]:
        """Those of a tag in it, in their order."""
        found = [child for child in self.children if child.tag == tag]
        return [*found, *(one for child in self.children for one in child.all(tag))]

    def everything(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            yield from child.everything()


class Reader(HTMLParser):
    """Reads a page, with the ends that HTML lets one leave out."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        while self.open[-1].tag in IMPLIED.get(tag, ()):
            self.open.pop()
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


@dataclass(frozen=True)
class Page:
    """A page that was read back."""

    root: Element

    @property
    def ids(self) -> dict[str, Element]:
        found = (one for one in self.root.everything() if one.attributes.get("id"))
        return {str(one.attributes["id"]): one for one in found}

    @property
    def data(self) -> Any:
        return json.loads(self.ids["data"].text)

    @property
    def heads(self) -> list[str]:
        return [head.text for head in self.ids["networks"].all("tr")[0].children]

    @property
    def rows(self) -> list[list[Element]]:
        return [row.children for row in self.ids["networks"].all("tr")[1:]]


def read_page(text: str) -> Page:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return Page(reader.root)
