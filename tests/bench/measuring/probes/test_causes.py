"""Networks of a few lines, each with what other counters miss or add, by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.measuring.probes import counters
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY
from bench.results.measurements import Cause, CounterComparison
from bench.results.workload import Workload

for package in ("fvcore", "ptflops"):
    pytest.importorskip(package, reason=f"{package} is an optional cross-check")

N_SAMPLES = 400
FORWARD = Workload("inference", "cpu", N_SAMPLES, 1, "float32", 1, 0)


class OwnMatmuls(nn.Module):
    """Frames times a matrix, once by the operator ``@`` and once by a function; one bias."""

    def __init__(self) -> None:
        super().__init__()
        self.analysis = nn.Parameter(torch.ones(32, 16))
        self.synthesis = nn.Parameter(torch.ones(32, 32))
        self.norm = nn.GroupNorm(1, 32)
        self.filter = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, mixture: Tensor) -> Tensor:
        frames = self.filter(mixture).view(-1, N_SAMPLES // 16, 16).transpose(1, 2)
        features = functional.relu(self.norm(self.analysis @ frames))
        estimates = torch.matmul(self.synthesis, features).transpose(1, 2)
        return estimates.reshape(-1, N_SAMPLES, 2).transpose(1, 2)


class OwnConvolutions(nn.Module):
    """A filterbank of functions with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.analysis = nn.Parameter(torch.ones(12, 1, 16))
        self.synthesis = nn.Parameter(torch.ones(12, 2, 16))

    def forward(self, mixture: Tensor) -> Tensor:
        encoded = functional.conv1d(mixture, self.analysis, stride=8)
        return functional.conv_transpose1d(encoded, self.synthesis, stride=8)


class Recurrent(nn.Module):
    """Two layers of LSTM and one of GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(10, 16, batch_first=True)

    def forward(self, mixture: Tensor) -> Tensor:
        frames = mixture.view(-1, N_SAMPLES // 8, 8)
        estimates: Tensor = self.gru(self.lstm(frames)[0])[0]
        return estimates.reshape(-1, N_SAMPLES, 2).transpose(1, 2)


class Attentive(nn.Module):
    """A layer that torch runs as one operator, where nothing keeps it from doing so."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.out = nn.Linear(8, 16, bias=False)

    def forward(self, mixture: Tensor) -> Tensor:
        frames = mixture.view(-1, N_SAMPLES // 8, 8)
        estimates: Tensor = self.out(self.layer(frames))
        return estimates.reshape(-1, N_SAMPLES, 2).transpose(1, 2)


class Spectral(nn.Module):
    """A mask on a spectrogram, and a value that is read: it needs data and can't be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Conv1d(17, 34, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        if torch._C._get_tracing_state():
            raise RuntimeError("No graph of this network.")
        window = torch.hann_window(32, device=mixture.device)
        scale = mixture.abs().amax().item()
        stft = torch.stft(mixture[:, 0] / scale, 32, 8, window=window, return_complex=True)
        masks = self.mask(stft.abs()).unflatten(1, (2, 17)).sigmoid()
        masked = (masks * stft.unsqueeze(1)).flatten(0, 1)
        estimates = torch.istft(masked, 32, 8, window=window, length=N_SAMPLES)
        return scale * estimates.view(-1, 2, N_SAMPLES)


FRAMES = N_SAMPLES // 16
ANALYSIS, SYNTHESIS, FILTER = 32 * 16 * FRAMES, 32 * 32 * FRAMES, 3 * N_SAMPLES
FEATURES = 32 * FRAMES
LSTM = 50 * 2 * (4 * 5 * (8 + 5) + 4 * 5 * (10 + 5))
GRU = 50 * 3 * 16 * (10 + 16)


def compare(build: type[nn.Module]) -> CounterComparison:
    return counters.measure(build, FORWARD, 0.0)


def assert_all_is_explained(comparison: CounterComparison) -> None:
    for results in (comparison.inference, comparison.update):
        ours = results["ours"].macs
        assert ours
        for name, theirs in results.items():
            assert theirs.macs is not None, theirs.reason
            explained = sum(cause.macs for cause in theirs.causes or ())
            assert theirs.macs - ours == explained, name


def test_functions_that_ptflops_does_not_know_are_no_biases() -> None:
    comparison = compare(OwnMatmuls)
    assert comparison.inference["ours"].macs == ANALYSIS + SYNTHESIS + FILTER
    assert set(comparison.inference["ptflops"].causes or ()) == {
        Cause("less", "OwnMatmuls", -ANALYSIS),
        Cause("bias", "Conv1d", N_SAMPLES),
        Cause("no matmul", "GroupNorm", 2 * FEATURES),
        Cause("no matmul", "relu", FEATURES),
    }
    assert comparison.inference["fvcore"].causes == (
        Cause("no matmul", "group_norm", 5 * FEATURES),
    )
    assert comparison.inference["thop_rules"].causes == (Cause("bias", "convolution", N_SAMPLES),)
    assert_all_is_explained(comparison)


def test_functional_convolutions_are_missed_as_such() -> None:
    comparison = compare(OwnConvolutions)
    ours = comparison.inference["ours"].macs
    assert ours == 49 * 12 * 16 * 3
    assert comparison.inference["ptflops"].macs == 0
    assert comparison.inference["ptflops"].causes == (Cause("none", "OwnConvolutions", -ours),)
    assert comparison.inference["fvcore"].macs == ours
    assert_all_is_explained(comparison)


def test_recurrent_layers_are_missed_by_the_name_of_their_operator() -> None:
    comparison = compare(Recurrent)
    assert comparison.inference["ours"].macs == LSTM + GRU
    assert set(comparison.inference["fvcore"].causes or ()) == {
        Cause("no formula", "aten::lstm", -LSTM),
        Cause("no formula", "aten::gru", -GRU),
    }
    # On the CPU, torch takes a GRU apart into matmuls, which its counter knows.
    assert comparison.inference["torch"].causes == (Cause("no formula", "mkldnn_rnn_layer", -LSTM),)
    kinds = {(cause.kind, cause.where) for cause in comparison.inference["ptflops"].causes or ()}
    assert kinds == {("more", "LSTM"), ("more", "GRU")}
    assert_all_is_explained(comparison)


def test_an_operator_that_hides_others_is_not_taken_for_them() -> None:
    """In a forward with data, attention runs inside an operator of which others have no formula."""
    comparison = compare(Attentive)
    n_frames = N_SAMPLES // 8
    projections = n_frames * (3 * 8 * 8 + 8 * 8 + 2 * 8 * 16)
    attention = 2 * n_frames * n_frames * 8
    assert comparison.inference["ours"].macs == projections + attention + n_frames * 8 * 16
    hidden = Cause("no formula", "_transformer_encoder_layer_fwd", -projections - attention)
    assert comparison.inference["torch"].causes == (hidden,)
    assert Cause("no formula", "aten::scaled_dot_product_attention", -attention) in (
        comparison.inference["fvcore"].causes or ()
    )
    assert_all_is_explained(comparison)


def test_a_batch_is_so_many_mixtures_but_not_for_fvcore() -> None:
    """It counts a matrix times a batch of matrices as if the batch were one."""
    batch = replace(FORWARD, batch=3)
    single, triple = compare(OwnMatmuls), counters.measure(OwnMatmuls, batch, 0.0)
    for name in set(single.inference) - {"fvcore"}:
        of_one = single.inference[name].macs
        assert of_one is not None
        assert triple.inference[name].macs == 3 * of_one, name
    missed = Cause("less", "OwnMatmuls", -2.0 * (ANALYSIS + SYNTHESIS))
    assert missed in (triple.inference["fvcore"].causes or ())
    assert_all_is_explained(triple)


def test_a_spectral_network_that_reads_values_is_counted_without_a_gap() -> None:
    comparison = compare(Spectral)
    n_frames = N_SAMPLES // 8 + 1
    ours = comparison.inference["ours"]
    assert ours.macs == 17 * 34 * n_frames
    assert ours.unknown_operators == ()
    assert comparison.update["ours"].macs == 2 * 17 * 34 * n_frames
    assert comparison.inference["torch"].macs == ours.macs
    assert comparison.inference["fvcore"].reason == "RuntimeError: No graph of this network."
    assert comparison.inference["ptflops"].causes == (Cause("bias", "Conv1d", 34 * n_frames),)


@pytest.mark.parametrize(
    "name", [pytest.param("conv-tasnet", marks=pytest.mark.thorough), "dprnn", "sudormrf-0.25x"]
)
def test_differences_on_the_papers_networks_are_explained(name: str) -> None:
    comparison = counters.measure(resolve_factory(REGISTRY[name].factory), FORWARD, 0.0)
    assert_all_is_explained(comparison)
