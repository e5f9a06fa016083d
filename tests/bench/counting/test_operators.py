"""Transforms, complex numbers, scans, tables and norms against formulas from their definition."""

from collections.abc import Callable
from functools import partial
from math import prod

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.results.measurements import Tally
from tests.bench.counting.layer_counts import DEVICES, count, total, unknown
from tests.oracle import operators as oracle

law = settings(max_examples=20, deadline=None, derandomize=True)
several = st.integers(2, 6)
Operator = Callable[[Tensor], Tensor]


def flops_of(tallies: dict[str, Tally], *names: str) -> int:
    return sum(tally.flops for name, tally in tallies.items() if name in names)


def there_and_back(run: Callable[[], Tensor]) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """A forward, and its backward from ones."""
    outs: list[Tensor] = []
    there = count(lambda: outs.append(run()))
    back = count(lambda: outs[0].backward(torch.ones_like(outs[0])))
    assert not unknown(there) | unknown(back)
    return there, back


FFTS = ("_fft_r2c", "_fft_c2c", "_fft_c2r")


@pytest.mark.parametrize("device", DEVICES)
@law
@given(st.integers(1, 3), st.integers(2, 40))
def test_transforms_of_any_length(device: str, n_batch: int, n_points: int) -> None:
    real = torch.ones(n_batch, n_points, device=device, requires_grad=True)
    half, whole = (f(n_points, n_batch) for f in (oracle.real_transform, oracle.complex_transform))
    there, back = there_and_back(lambda: torch.fft.rfft(real))
    # What leads back is the complex transform of a spectrum filled up with zeros.
    assert (flops_of(there, *FFTS), flops_of(back, *FFTS)) == (half, whole)
    there, back = there_and_back(lambda: torch.fft.fft(real.to(torch.complex64)))
    assert (flops_of(there, *FFTS), flops_of(back, *FFTS)) == (whole, whole)
    spectrum = torch.ones(n_batch, n_points // 2 + 1, device=device, dtype=torch.complex64)
    spectrum.requires_grad_()
    there, back = there_and_back(lambda: torch.fft.irfft(spectrum, n_points))
    scaled = n_batch * n_points  # the inverse divides each number by the length
    assert flops_of(there, *FFTS) == half + scaled
    assert flops_of(back, *FFTS) == half + 2 * n_batch * (n_points // 2 + 1)


@pytest.mark.parametrize("device", DEVICES)
@law
@given(several, several, st.integers(1, 3))
def test_transforms_over_two_axes(device: str, rows: int, columns: int, n_batch: int) -> None:
    data = torch.ones(n_batch, rows, columns, device=device)
    tallies = count(lambda: torch.fft.fft2(data.to(torch.complex64), norm="ortho"))
    expected = oracle.complex_transform(rows * columns, n_batch)
    assert total(tallies, "flops") == expected + 2 * n_batch * rows * columns
    assert total(tallies) == 0, "multiply-adds are for matrix products"


@pytest.mark.parametrize("device", DEVICES)
@law
@given(st.integers(1, 3), st.sampled_from([8, 12, 16]), st.integers(17, 60))
def test_stft_and_back(device: str, n_batch: int, n_fft: int, n_samples: int) -> None:
    hop = n_fft // 4
    frames = oracle.n_frames(n_samples, n_fft, hop)
    window = torch.ones(n_fft, device=device)
    data = torch.ones(n_batch, n_samples, device=device, requires_grad=True)
    there, back = there_and_back(
        lambda: torch.stft(data, n_fft, hop, window=window, return_complex=True)
    )
    transforms = n_batch * frames
    windowed = transforms * n_fft
    assert total(there, "flops") == oracle.real_transform(n_fft, transforms) + windowed
    n_padded = n_batch * (n_samples + n_fft)
    added = windowed + n_padded  # frames overlap, then the reflections come home
    expected = oracle.complex_transform(n_fft, transforms) + windowed + added
    assert total(back, "flops") == expected
    spectrum = torch.ones(
        n_batch, n_fft // 2 + 1, frames, device=device, dtype=torch.complex64, requires_grad=True
    )
    there, back = there_and_back(lambda: torch.istft(spectrum, n_fft, hop, window=window))
    assert flops_of(there, *FFTS) == oracle.real_transform(n_fft, transforms) + windowed
    numbers = 2 * transforms * (n_fft // 2 + 1)
    assert flops_of(back, *FFTS) == oracle.real_transform(n_fft, transforms) + numbers


def ones(*shape: int, device: str, is_complex: bool = True) -> Tensor:
    dtype = torch.complex64 if is_complex else torch.float32
    return torch.ones(shape, dtype=dtype, device=device)


COMPLEX: dict[str, tuple[Operator, int]] = {
    # FLOPs for each of the numbers
    "product": (lambda z: z * z, oracle.COMPLEX_PRODUCT),
    "product with a real one": (lambda z: z * z.real, 2),
    "product with a number": (lambda z: z * 2.0, 2),
    "product with a complex number": (lambda z: z * 2j, oracle.COMPLEX_PRODUCT),
    "product in place": (lambda z: z.clone().mul_(z), oracle.COMPLEX_PRODUCT),
    "product with a conjugate": (lambda z: z * z.conj(), oracle.COMPLEX_PRODUCT),
    "square": (lambda z: z**2, oracle.COMPLEX_PRODUCT),
    "quotient": (lambda z: z / z, oracle.COMPLEX_QUOTIENT),
    "quotient by a real one": (lambda z: z / z.real, 2),
    "sum": (lambda z: z + z, 2),
    "sum with a real one": (lambda z: z + z.real, 1),
    "difference": (lambda z: z - z, 2),
    "negative": (lambda z: -z, 2),
    "modulus": (lambda z: z.abs(), 2 + 1 + 1),
    "angle": (lambda z: z.angle(), 1),
    "exponential": (lambda z: z.exp(), 1 + 2 + 2),
    "total": (lambda z: z.sum(), 2),
    "mean": (lambda z: z.mean(0), 2),
    "running sum": (lambda z: z.cumsum(0), 2),
    "real part": (lambda z: z.real, 0),
    "conjugate": (lambda z: z.conj(), 0),
    "made of two": (lambda z: torch.complex(z.real, z.imag), 0),
    "polar": (lambda z: torch.polar(z.real, z.imag), 2 + 2),
    "as two": (lambda z: torch.view_as_real(z), 0),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", COMPLEX)
@law
@given(several, several)
def test_complex_numbers(name: str, device: str, rows: int, columns: int) -> None:
    function, flops = COMPLEX[name]
    data = ones(rows, columns, device=device)
    tallies = count(lambda: function(data))
    assert not unknown(tallies)
    assert total(tallies, "flops") == flops * rows * columns


@pytest.mark.parametrize("device", DEVICES)
@law
@given(several, several, several)
def test_complex_matrices(device: str, rows: int, inner: int, columns: int) -> None:
    left = ones(rows, inner, device=device).requires_grad_()
    right = ones(columns, inner, device=device).requires_grad_()
    macs = oracle.complex_matmul(rows, inner, columns)
    there, back = there_and_back(lambda: F.linear(left, right))
    assert (total(there), total(back)) == (macs, 2 * macs)
    assert total(there, "flops") == 2 * macs
    bias = ones(columns, device=device)
    tallies = count(lambda: F.linear(left, right, bias))
    assert total(tallies, "flops") == 2 * macs + 2 * rows * columns


def test_a_function_without_a_complex_formula_is_listed() -> None:
    assert unknown(count(lambda: ones(3, device="cpu").tanh())) == {"tanh": 1}
    assert not unknown(count(lambda: ones(3, device="cpu", is_complex=False).tanh()))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("equation", ["bts,bsd->btd", "bhqd,bhkd->bhqk", "bct,co->bot"])
@law
@given(st.data())
def test_einsum_of_two_multiplies_over_all_its_letters(
    equation: str, device: str, data: st.DataObject
) -> None:
    size = {letter: data.draw(several) for letter in sorted(set(equation) - set(",->"))}
    shapes = [[size[letter] for letter in term] for term in equation.partition("->")[0].split(",")]
    operands = [torch.ones(shape, device=device, requires_grad=True) for shape in shapes]
    there, back = there_and_back(lambda: torch.einsum(equation, *operands))
    macs = prod(size.values())
    assert (total(there), total(back)) == (macs, 2 * macs)


SCANS: dict[str, tuple[Operator, int]] = {
    "cumsum": (lambda x: x.cumsum(0), 1),
    "cumprod": (lambda x: x.cumprod(1), 1),
    "cummax": (lambda x: x.cummax(0).values, 1),
    "cummin": (lambda x: x.cummin(0).values, 1),
    "logcumsumexp": (lambda x: x.logcumsumexp(0), 4),  # largest, minus it, exp, sum
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SCANS)
@law
@given(several, several)
def test_scans(name: str, device: str, rows: int, columns: int) -> None:
    function, flops = SCANS[name]
    data = torch.ones(rows, columns, device=device, requires_grad=True)
    there, back = there_and_back(lambda: function(data))
    assert total(there, "flops") == flops * rows * columns
    if name == "cumsum":  # the same scan from the end
        assert total(back, "flops") == rows * columns
    if name in ("cummax", "cummin"):  # each gradient is added where its value came from
        assert total(back, "flops") == rows * columns


def index(*rows: int, device: str) -> Tensor:
    return torch.tensor(rows, device=device)


@pytest.mark.parametrize("device", DEVICES)
@law
@given(several, several, st.integers(1, 9))
def test_tables(device: str, n_rows: int, width: int, n_taken: int) -> None:
    """Taking moves; what leads back adds each gradient to its row."""
    table = torch.ones(n_rows, width, device=device, requires_grad=True)
    rows = index(*(n % n_rows for n in range(n_taken)), device=device)
    takes: list[Operator] = [
        lambda table: F.embedding(rows, table),
        lambda table: table[rows],
        lambda table: table.index_select(0, rows),
        lambda table: table.gather(0, rows[:, None].expand(-1, width)),
    ]
    for take in takes:
        table.grad = None
        there, back = there_and_back(partial(take, table))
        assert (total(there, "flops"), total(back, "flops")) == (0, n_taken * width)


@pytest.mark.parametrize("device", DEVICES)
@law
@given(several, several, st.integers(1, 4), st.integers(1, 4))
def test_bags_add_what_they_take(
    device: str, n_rows: int, width: int, n_bags: int, n_each: int
) -> None:
    table = torch.ones(n_rows, width, device=device)
    rows = torch.zeros(n_bags, n_each, dtype=torch.long, device=device)
    tallies = count(lambda: F.embedding_bag(rows, table, mode="sum"))
    assert total(tallies, "flops") == n_bags * n_each * width
    assert not unknown(tallies)


@pytest.mark.parametrize("device", DEVICES)
def test_putting_moves_and_adding_adds(device: str) -> None:
    data, value = torch.zeros(4, 6, device=device), torch.ones(2, 6, device=device)
    rows = (index(0, 1, device=device),)
    assert total(count(lambda: data.index_put(rows, value)), "flops") == 0
    assert total(count(lambda: data.index_put(rows, value, accumulate=True)), "flops") == 12
    added = count(lambda: data.scatter_reduce(0, torch.zeros_like(value).long(), value, "sum"))
    assert total(added, "flops") == 12


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("weighted", [False, True])
@law
@given(several, several)
def test_rms_norm(weighted: bool, device: str, n_groups: int, width: int) -> None:
    data = torch.ones(n_groups, width, device=device)
    weight = torch.ones(width, device=device) if weighted else None
    tallies = count(lambda: F.rms_norm(data, (width,), weight, 1e-6))
    assert not unknown(tallies)
    assert total(tallies, "flops") == oracle.rms_norm(n_groups, width, weight=weighted)
    with torch.inference_mode():  # which lets the operator through whole
        whole = count(lambda: torch.ops.aten._fused_rms_norm(data, [width], weight, 1e-6))
    assert whole.keys() == {"_fused_rms_norm"}
    assert total(whole, "flops") == total(tallies, "flops")
