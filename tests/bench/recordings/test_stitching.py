import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.recordings.stitching import Signal, best_match, cut_chunks, stitch_chunks


def noise(*shape: int, seed: int = 0) -> Signal:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def in_blocks(signal: Signal, n_block: int) -> list[Signal]:
    return [signal[..., start : start + n_block] for start in range(0, signal.shape[-1], n_block)]


@settings(max_examples=60, deadline=None)
@given(
    n_samples=st.integers(1, 400),
    n_block=st.integers(1, 90),
    n_overlap=st.integers(1, 30),
    n_more=st.integers(1, 60),
)
def test_chunks_of_an_exact_network_are_the_whole_again(
    n_samples: int, n_block: int, n_overlap: int, n_more: int
) -> None:
    signal = noise(n_samples)
    chunks = list(cut_chunks(in_blocks(signal, n_block), n_overlap + n_more, n_overlap))
    assert all(len(chunk) <= n_overlap + n_more for chunk in chunks)
    assert all(len(chunk) > n_overlap for chunk in chunks[1:])
    estimates = [np.stack([chunk, -0.5 * chunk]) for chunk in chunks]
    whole = np.concatenate(list(stitch_chunks(estimates, n_overlap)), axis=1)
    np.testing.assert_allclose(whole, np.stack([signal, -0.5 * signal]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_src", [1, 2, 3, 5])
def test_sources_keep_their_order_and_sign_whatever_the_chunks_do(n_src: int) -> None:
    sources = noise(n_src, 1000)
    choose = np.random.default_rng(2)
    chunks = [sources[:, start : start + 130] for start in range(0, 970, 100)]
    changed = [
        choose.permutation(chunk * choose.choice([-1, 1], (n_src, 1)), axis=0).astype(np.float32)
        for chunk in chunks
    ]
    whole = np.concatenate(list(stitch_chunks(changed, 30)), axis=1)
    products = changed[0] @ chunks[0].T  # the first chunk decides on orders and signs
    row = np.abs(products).argmax(1)
    expected = sources[row] * np.sign(products[np.arange(n_src), row])[:, None]
    np.testing.assert_allclose(whole, expected[:, : whole.shape[1]], rtol=0, atol=1e-6)


def test_a_sign_stays_where_the_overlap_does_not_clearly_say_that_it_changed() -> None:
    """A source that is silent there has noise in both chunks, which correlates by chance."""
    before, after = noise(1, 30), noise(1, 30, seed=1)
    assert float((before @ after.T)[0, 0]) != 0
    for sign in (-1, 1):
        assert best_match(before, np.float32(sign) * after)[1].tolist() == [1]


@pytest.mark.parametrize("n_src", [1, 2, 3, 5])
def test_sources_keep_their_order_whatever_the_chunks_do(n_src: int) -> None:
    sources = noise(n_src, 1000)
    choose = np.random.default_rng(1)
    chunks = [sources[:, start : start + 130] for start in range(0, 970, 100)]
    shuffled = [chunks[0], *(choose.permutation(chunk, axis=0) for chunk in chunks[1:])]
    whole = np.concatenate(list(stitch_chunks(shuffled, 30)), axis=1)
    np.testing.assert_allclose(whole, sources[:, : whole.shape[1]], rtol=0, atol=1e-6)


def test_the_order_is_the_best_of_all_and_not_each_rows_best() -> None:
    before = np.array([[3.0, 0.0], [2.0, 1.0]], np.float32)
    after = np.array([[0.0, 0.1], [1.0, 0.0]], np.float32)  # both rows like the second more
    order, signs = best_match(before, after)
    assert order.tolist() == [1, 0]
    assert signs.tolist() == [1, 1]


def test_a_cross_fade_goes_from_one_to_the_other() -> None:
    chunks = [np.zeros((1, 100), np.float32), np.ones((1, 100), np.float32)]
    whole = np.concatenate(list(stitch_chunks(chunks, 40)), axis=1)[0]
    assert len(whole) == 160
    assert (whole[:60] == 0).all()
    assert (whole[100:] == 1).all()
    np.testing.assert_allclose([whole[60], 1 - whole[99]], 0.5 / 40, atol=1e-6)  # both ends alike
    np.testing.assert_allclose(np.diff(whole[60:100]), 1 / 40, atol=1e-6)


def test_nothing_gives_nothing() -> None:
    assert list(stitch_chunks(cut_chunks([], 8, 2), 2)) == []
