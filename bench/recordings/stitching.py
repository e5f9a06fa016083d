"""A long signal in overlapping chunks, and the estimates of the chunks as one signal again.

A network may name its sources in another order in each chunk. Where two chunks overlap, both have
estimated the same sources; the order that fits best there is kept from chunk to chunk.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Signal = NDArray[np.float32]


def cut_chunks(blocks: Iterable[Signal], n_chunk: int, n_overlap: int) -> Iterator[Signal]:
    """Chunks ``[n_chunk]`` of blocks ``[time]`` of any lengths; the last one may be shorter.

    Each begins with the last ``n_overlap`` samples of the one before, and has more than those.
    """
    held = np.zeros(0, np.float32)
    n_known = 0  # samples of ``held`` that were in the chunk before
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) >= n_chunk:
            yield held[:n_chunk]
            held = held[n_chunk - n_overlap :]
            n_known = n_overlap
    if len(held) > n_known:
        yield held


def stitch_chunks(chunks: Iterable[Signal], n_overlap: int) -> Iterator[Signal]:
    """Blocks ``[n_src, time]`` of the whole, from the chunks' estimates ``[n_src, time]``."""
    tail = None
    for estimates in chunks:
        if tail is None:
            joined = estimates
        else:
            ordered = estimates[best_order(tail, estimates[:, :n_overlap])]
            faded = cross_fade(tail, ordered[:, :n_overlap])
            joined = np.concatenate([faded, ordered[:, n_overlap:]], axis=1)
        yield joined[:, :-n_overlap]
        tail = joined[:, -n_overlap:]
    if tail is not None:
        yield tail


def best_order(before: Signal, after: Signal) -> NDArray[np.intp]:
    """The rows of ``after`` in the order in which they correlate most with those of ``before``.

    Of all orders it has the largest sum of inner products, and so the smallest squared distance.
    """
    products = before.astype(np.float64) @ after.astype(np.float64).T  # [n_src, n_src]
    order: NDArray[np.intp] = linear_sum_assignment(products, maximize=True)[1]
    return order


def cross_fade(before: Signal, after: Signal) -> Signal:
    """From one signal to the other; both weights sum to one, as both estimate the same."""
    n_samples = before.shape[1]
    weights = (np.arange(n_samples, dtype=np.float32) + 0.5) / n_samples
    faded: Signal = before + weights * (after - before)
    return faded
