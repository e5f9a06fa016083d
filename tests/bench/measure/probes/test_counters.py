import sys

import pytest
import torch
from torch import Tensor, nn

from bench.counting.published_rules import THOP, TRANSPOSED_ONCE, Rules, count_by_rules
from bench.measure.contract import as_defined
from bench.measure.probes import counters
from bench.measure.step import prepare_step
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY
from bench.results.published import TABLE1
from bench.results.record import Workload

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


ENCODER_MACS = DECODER_MACS = 99 * 12 * 16


def test_counters_agree_on_plain_convolutions() -> None:
    for package in ("fvcore", "ptflops"):
        pytest.importorskip(package, reason=f"{package} is an optional cross-check")
    measured = counters.measure(Filterbank, FORWARD, 0.0)
    true = ENCODER_MACS + 2 * DECODER_MACS
    for counter in ("ours", "torch", "fvcore"):
        assert measured[counter]["macs"] == true, counter
    assert measured["ours_update"]["macs"] == 3 * true - ENCODER_MACS
    assert measured["torch_update"]["macs"] == 3 * true - ENCODER_MACS


def test_thop_multiplies_transposed_convolutions_by_output_positions() -> None:
    with torch.device("meta"):
        step = prepare_step(Filterbank(), FORWARD, "meta")
    at_outputs = 12 * 16 * 2 * 800
    assert count_by_rules(step.run, THOP) == ENCODER_MACS + at_outputs
    assert count_by_rules(step.run, TRANSPOSED_ONCE) == ENCODER_MACS + 2 * DECODER_MACS


@pytest.mark.parametrize("package", ["fvcore", "ptflops"])
def test_a_missing_package_is_a_named_gap(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.nn", None)
    measured = counters.measure(Filterbank, FORWARD, 0.0)
    assert measured[package] == {
        "reason": f"{package} is not installed: pip install 'separation-bench[crosscheck]'"
    }
    assert measured["ours"]["macs"] == ENCODER_MACS + 2 * DECODER_MACS


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
    name: str, rules: Rules
) -> None:
    workload = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
    with torch.device("meta"):
        network = as_defined(resolve_factory(REGISTRY[name].factory)())
        step = prepare_step(network, workload, "meta")
    counted = count_by_rules(step.run, rules)
    assert counted == pytest.approx(TABLE1[name].operations_inference, rel=0.03)


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
    with torch.device("meta"):
        network = as_defined(resolve_factory(REGISTRY[name].factory)())
        step = prepare_step(network, workload, "meta")
    assert count_by_rules(step.run, THOP) == pytest.approx(macs, abs=0.0005e9)
