"""What a network's forwards tell of a machine before a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trial:
    """Two processes of one network in turns: one with malloc as it is, one that keeps its pages.

    None is not known, and ``problem`` then says why, in a sentence.
    """

    network: str  # as papers call it
    threads: int  # of each process
    thread_gain: float | None = None  # a matrix product's time on one thread over that on all
    time_ratio: float | None = None  # with malloc as it is, over with pages that are kept
    page_faults: float | None = None  # of a forward, with malloc as it is
    kept_page_faults: float | None = None  # of one that keeps its pages
    problem: str = ""
