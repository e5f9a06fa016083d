import sys
from collections.abc import Callable

import pytest
from torch import Tensor, nn

from bench.counting.additions import Addition, Counted, count_with_additions
from bench.counting.other_counters import find_without_formula
from bench.counting.published_rules import THOP, TRANSPOSED_ONCE
from bench.measuring.counted_step import prepare_counted_step
from bench.measuring.probes import counters
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY
from bench.results.measurements import Cause, CounterResult
from bench.results.published import TABLE1
from bench.results.workload import Workload

FORWARD = Workload("inference", "cpu", 800, 1, "float32", 1, 0)


class Filterbank(nn.Module):
    """An encoder and its decoder, without biases, in twelve channels."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 12, 16, stride=8, bias=False)
        self.decoder = nn.ConvTranspose1d(12, 2, 16, stride=8, bias=False)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.decoder(self.encoder(mixture))
        return estimates


class Peeking(Filterbank):
    """The same, and it reads a value, which a tensor without data does not have."""

    def forward(self, mixture: Tensor) -> Tensor:
        assert mixture.abs().max().item() > 0
        return super().forward(mixture)


def without_data(build: Callable[[], nn.Module], workload: Workload) -> Counted:
    """What other rules count of a forward."""
    step = prepare_counted_step(build, workload, "meta")
    return Counted(step.model, step.example.mixture, step.run)


ENCODER_MACS = DECODER_MACS = 99 * 12 * 16


def test_counters_agree_on_plain_convolutions() -> None:
    for package in ("fvcore", "ptflops"):
        pytest.importorskip(package, reason=f"{package} is an optional cross-check")
    measured = counters.measure(Filterbank, FORWARD, 0.0)
    true = ENCODER_MACS + 2 * DECODER_MACS
    for counter in ("ours", "torch", "fvcore"):
        assert measured.inference[counter].macs == true, counter
    for counter in ("ours", "torch"):
        assert measured.update[counter].macs == 3 * true - ENCODER_MACS, counter


def test_thop_multiplies_transposed_convolutions_by_output_positions() -> None:
    counted = without_data(Filterbank, FORWARD)
    at_outputs = 12 * 16 * 2 * 800
    by_thop = count_with_additions(counted, THOP)
    assert by_thop.macs == ENCODER_MACS + at_outputs
    further = at_outputs - 2 * DECODER_MACS
    assert by_thop.causes == (Cause("positions", "convolution", further),)
    once = count_with_additions(counted, TRANSPOSED_ONCE)
    assert (once.macs, once.causes) == (ENCODER_MACS + 2 * DECODER_MACS, ())


def test_a_network_that_needs_data_is_counted_by_all() -> None:
    """The paper's rules and ours with data; how torch and the others fare is their own affair."""
    measured = counters.measure(Peeking, FORWARD, 0.0)
    true = ENCODER_MACS + 2 * DECODER_MACS
    for counter in ("ours", "torch", "transposed_once_rules"):
        assert measured.inference[counter].macs == true, counter
    assert measured.inference["thop_rules"].macs == ENCODER_MACS + 12 * 16 * 2 * 800
    for counter in ("ours", "torch"):
        assert measured.update[counter].macs == 3 * true - ENCODER_MACS, counter


@pytest.mark.parametrize("build", [Filterbank, Peeking])
@pytest.mark.parametrize("name", ["torch", "fvcore", "ptflops"])
def test_what_another_counter_can_not_do_takes_nothing_from_ours(
    monkeypatch: pytest.MonkeyPatch, build: type[nn.Module], name: str
) -> None:
    def refuse(counted: Counted, **_: object) -> CounterResult:
        raise RuntimeError("Not this network.\nAnd a second line.")

    monkeypatch.setattr(counters, f"count_with_{name}", refuse)
    monkeypatch.setattr(counters, "explain_torch", refuse)
    measured = counters.measure(build, FORWARD, 0.0)
    failed = CounterResult(reason="RuntimeError: Not this network.")
    assert measured.inference[name] == failed
    assert measured.inference["ours"].macs == ENCODER_MACS + 2 * DECODER_MACS
    assert measured.update["ours"].macs == 2 * ENCODER_MACS + 6 * DECODER_MACS
    if name == "torch":
        assert measured.update[name] == failed


def test_a_count_stays_where_it_can_not_be_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(counted: Counted, ours: float) -> CounterResult:
        raise TypeError("its formula takes other arguments")

    monkeypatch.setattr(counters, "explain_torch", refuse)
    of_update = counters.measure(Filterbank, FORWARD, 0.0).update["torch"]
    assert of_update == CounterResult(float(2 * ENCODER_MACS + 6 * DECODER_MACS))


@pytest.mark.parametrize("package", ["fvcore", "ptflops"])
def test_a_missing_package_is_a_named_gap(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.nn", None)
    measured = counters.measure(Filterbank, FORWARD, 0.0)
    assert measured.inference[package] == CounterResult(
        reason=f"{package} is not installed: pip install 'separation-bench[crosscheck]'"
    )
    assert measured.inference["ours"].macs == ENCODER_MACS + 2 * DECODER_MACS


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("conv-tasnet", THOP),
        ("two-step-tdcn", THOP),
        ("sudormrf-1.0x", THOP),
        ("sudormrf-1.0x", TRANSPOSED_ONCE),
        ("sudormrf-0.5x", TRANSPOSED_ONCE),
        ("sudormrf-0.25x", TRANSPOSED_ONCE),
    ],
)
def test_the_papers_inference_column_is_reproduced_within_3_percent(
    name: str, rules: tuple[Addition, ...]
) -> None:
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    counted = without_data(resolve_factory(REGISTRY[name].factory), workload)
    assert count_with_additions(counted, rules).macs == pytest.approx(
        TABLE1[name].operations_inference, rel=0.03
    )


@pytest.mark.parametrize(
    ("name", "macs"),
    [
        ("sudormrf-1.0x", 2.470e9),
        ("sudormrf-0.5x", 1.589e9),
        ("sudormrf-0.25x", 1.148e9),
        ("two-step-tdcn", 7.032e9),
        ("demucs", 4.228e9),
    ],
)
def test_thops_rules_give_what_thop_gave(name: str, macs: float) -> None:
    """Figures that thop itself gave for the authors' code, to the digits it was noted with."""
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    counted = without_data(resolve_factory(REGISTRY[name].factory), workload)
    assert count_with_additions(counted, THOP).macs == pytest.approx(macs, abs=0.0005e9)


def test_an_operator_without_a_formula_belongs_to_the_module_that_runs_it() -> None:
    unsupported = {
        "": {"aten::lstm": 2, "aten::mul": 3},
        "masker": {"aten::lstm": 2},
        "masker.rnn": {"aten::lstm": 2},
        "out": {"aten::mul": 1},
    }
    assert find_without_formula(unsupported) == {"masker.rnn": "aten::lstm"}
