"""One step: inference changes nothing, an update changes every parameter, once."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.mixture import load_example
from bench.measuring.step import Step, prepare_step
from bench.objective import negative_pit_si_sdr
from bench.results.record import CellError, Status
from bench.results.workload import PHASES, Phase
from tests import fault_models
from tests.bench.example_records import make_job


class Layers(nn.Module):
    """Two layers, something that differs in training, and a parameter that is not trained."""

    def __init__(self, n_src: int = 2) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm1d(4)
        self.decoder = nn.Conv1d(4, n_src, 3, padding=1)
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)
        self.forwards = 0

    def forward(self, mixture: Tensor) -> Tensor:
        self.forwards += 1
        estimates: Tensor = self.decoder(self.norm(self.encoder(mixture))) * self.fixed
        return estimates


def step_of(model: nn.Module, phase: Phase, dtype: str = "float32") -> Step:
    job = make_job(phase=phase, n_samples=1000, batch=2, threads=1, dtype=dtype)
    return prepare_step(model, job.workload)


def fixed_layers(n_src: int) -> Layers:
    """The same weights each time."""
    torch.manual_seed(0)
    return Layers(n_src)


def parameters(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_inference_changes_nothing_and_keeps_no_graph() -> None:
    model = Layers()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    step = step_of(model, "inference")
    estimates = step.run()
    assert estimates.shape == (2, 2, 1000)
    assert estimates.is_inference()
    assert not estimates.requires_grad
    assert not model.training
    assert step.optimiser is None
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_inference_is_the_network_in_evaluation_mode_on_the_mixture() -> None:
    model = Layers()
    estimates = step_of(model, "inference").run()
    with torch.no_grad():
        expected = model.eval()(load_example(1000, 2).mixture.float())
    torch.testing.assert_close(estimates.clone(), expected)


def test_an_update_changes_every_trainable_parameter_by_one_step_of_adam() -> None:
    model = Layers()
    step = step_of(model, "update")
    before = parameters(model)
    step.run()
    for name, parameter in model.named_parameters():
        change = (parameter.detach() - before[name]).abs()
        if name == "fixed":
            assert change == 0
        elif name != "encoder.bias":  # before a normalisation, it has no gradient but for rounding
            torch.testing.assert_close(change, torch.full_like(change, 1e-3), rtol=0.1, atol=0)
    assert model.training


def test_an_update_is_one_forward_and_begins_without_old_gradients() -> None:
    model = Layers()
    step = step_of(model, "update")
    step.run()
    assert model.forwards == 1
    before, forwards = parameters(model), model.forwards
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 1e6) if parameter.requires_grad else None
    step.run()
    assert model.forwards == forwards + 1
    assert all(p.grad is None or p.grad.abs().max() < 1e5 for p in model.parameters())
    assert not torch.equal(parameters(model)["decoder.weight"], before["decoder.weight"])


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_preparing_runs_and_trains_nothing(phase: Phase) -> None:
    model = Layers()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    step = step_of(model, phase)
    assert model.forwards == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    step.run_checked()
    assert model.forwards == 1


@pytest.mark.parametrize("n_src", [1, 2, 3])
def test_the_first_run_learns_the_number_of_sources(n_src: int) -> None:
    step, matched = (step_of(fixed_layers(n_src), "update") for _ in range(2))
    matched.match_beforehand()
    torch.testing.assert_close(step.run_checked(), matched.run())
    torch.testing.assert_close(step.example.sources, matched.example.sources)
    assert step.example.sources.shape == (2, n_src, 1000)


@pytest.mark.parametrize("n_src", [1, 2, 3])
def test_the_number_of_sources_is_the_networks(n_src: int) -> None:
    model = Layers(n_src)
    step = step_of(model, "update")
    step.match_beforehand()
    expected = load_example(1000, 2, n_src)
    torch.testing.assert_close(step.example.sources, expected.sources.float())
    torch.testing.assert_close(step.example.mixture, expected.mixture.float())
    with torch.no_grad():
        loss = negative_pit_si_sdr(model(step.example.mixture), step.example.sources)
    torch.testing.assert_close(step.run(), loss)


def test_repeated_updates_improve_the_loss() -> None:
    step = step_of(Layers(), "update")
    losses = [step.run().item() for _ in range(30)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("phase", ["inference", "update"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_input_and_weights_have_the_workloads_dtype(phase: Phase, dtype: str) -> None:
    model = Layers()
    step = step_of(model, phase, dtype=dtype)
    assert step.run().dtype == step.example.mixture.dtype == getattr(torch, dtype)
    assert all(p.dtype == getattr(torch, dtype) for p in model.parameters())


class Scaled(nn.Module):
    """A product in the shorter type, times a number."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 2, 3, padding=1)
        self.factor = factor

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.layer(mixture)
        return estimates * self.factor


AMP = {"amp-bfloat16": torch.bfloat16, "amp-float16": torch.float16}


@pytest.mark.parametrize("dtype", AMP)
def test_under_autocast_weights_input_and_loss_are_float32_and_products_short(dtype: str) -> None:
    inference, update = (step_of(Scaled(), phase, dtype) for phase in PHASES)
    estimates, loss = inference.run(), update.run_checked()
    assert estimates.dtype == AMP[dtype]
    assert loss.dtype == torch.float32
    for step in (inference, update):
        assert step.example.mixture.dtype == torch.float32
        assert all(p.dtype == torch.float32 for p in step.model.parameters())
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("dtype", AMP)
def test_the_loss_of_short_estimates_is_computed_in_float32(dtype: str) -> None:
    model = Scaled()
    step = step_of(model, "update", dtype)
    with torch.no_grad(), torch.autocast("cpu", AMP[dtype]):
        estimates = model(step.example.mixture)
    expected = negative_pit_si_sdr(estimates.float(), step.example.sources)
    torch.testing.assert_close(step.run(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", AMP)
def test_autocast_trains_as_float32_does(dtype: str) -> None:
    """To the precision of the shorter type: the loss after some steps, in dB."""
    losses = []
    for name in ("float32", dtype):
        step = step_of(fixed_layers(2), "update", name)
        step.settle()
        losses.append([step.run().item() for _ in range(20)][-1])
    assert losses[1] == pytest.approx(losses[0], abs=0.5)


def test_a_step_that_a_scaler_leaves_out_is_none_and_settling_ends_with_a_whole_one() -> None:
    """The gradients of small estimates are large, and overflow at the first scale."""
    step = step_of(Scaled(1e-4), "update", "amp-float16")
    before = parameters(step.model)
    step.run()
    assert step.optimiser is not None
    assert not step.optimiser.state
    assert all(torch.equal(p, before[name]) for name, p in step.model.named_parameters())
    step.settle()
    assert step.optimiser.state
    after = parameters(step.model)
    step.settle()
    step.run()
    assert not torch.equal(parameters(step.model)["layer.weight"], after["layer.weight"])


def test_gradients_that_are_never_finite_are_found_while_settling() -> None:
    step = step_of(fault_models.trains_to_nan(), "update", "amp-float16")
    step.run_checked()
    with pytest.raises(CellError, match="at every scale") as refused:
        step.settle()
    assert refused.value.status == Status.NON_FINITE


@pytest.mark.parametrize("dtype", ["float32", "amp-bfloat16"])
def test_without_a_scaler_there_is_nothing_to_settle(dtype: str) -> None:
    model = Layers()
    for phase in ("inference", "update"):
        step_of(model, phase, dtype).settle()
    assert model.forwards == 0


@pytest.mark.parametrize("name", ["", "encoder.weight", "decoder.bias"])
@pytest.mark.parametrize("loss", [1.0, float("nan"), float("inf")])
def test_what_is_not_finite_after_training_is_named(name: str, loss: float) -> None:
    model = Layers()
    step = step_of(model, "update")
    if name:
        model.get_parameter(name).data.view(-1)[0] = float("nan")
    is_finite = loss == 1.0
    if is_finite and not name:
        step.check_trained(torch.tensor(loss))
        return
    with pytest.raises(CellError) as refused:
        step.check_trained(torch.tensor(loss))
    assert refused.value.status == Status.NON_FINITE
    assert ("the loss" in str(refused.value)) == (not is_finite)
    assert (f"1 of 7 parameters ({name} the first)" in str(refused.value)) == bool(name)


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_on_meta_there_is_nothing_to_compute(phase: Phase) -> None:
    with torch.device("meta"):
        model = nn.Conv1d(1, 2, 3, padding=1)
    step = prepare_step(model, make_job(phase=phase).workload, "meta")
    assert step.run().is_meta
    step.run_checked()


@pytest.mark.parametrize("phase", ["inference", "update"])
@pytest.mark.parametrize(
    ("factory", "status"),
    [
        (fault_models.returns_nan, Status.NON_FINITE),
        (fault_models.wrong_shape, Status.BAD_SHAPE),
        (fault_models.returns_tuple, Status.BAD_SHAPE),
    ],
)
def test_a_broken_contract_is_found_in_both_phases(
    phase: Phase, factory: type[nn.Module], status: Status
) -> None:
    with pytest.raises(CellError) as refused:
        step_of(factory(), phase).run_checked()
    assert refused.value.status == status


def test_a_sound_step_passes_its_check() -> None:
    for phase in ("inference", "update"):
        step_of(Layers(), phase).run_checked()


def test_a_loss_that_is_not_finite_is_found() -> None:
    step = step_of(Layers(), "update")
    broken = replace(step, run=lambda mark=None: torch.tensor(float("nan")))
    with pytest.raises(CellError, match="The loss is NaN or Inf"):
        broken.run_checked()


def test_a_network_without_parameters_can_not_be_trained() -> None:
    with pytest.raises(CellError, match=r"^The network has no parameters to train\.$") as refused:
        step_of(fault_models.null(), "update")
    assert refused.value.status == Status.UNSUPPORTED
