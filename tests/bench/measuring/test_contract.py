"""What a network must do, and the sentence for each way of not doing it."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.contract import (
    as_defined,
    build_network,
    check_estimates,
    check_finite,
    expect_sources,
    give_lazy_layers_their_shapes,
    require_threads,
)
from bench.measuring.probes import contract
from bench.measuring.worker import factory_of
from bench.networks.factory import missing_dependency, resolve_factory
from bench.results.record import CellError, Status
from tests import fault_models
from tests.bench.example_records import make_job

MIXTURE = torch.zeros(2, 1, 30)


@pytest.mark.parametrize("n_src", [1, 2, 5])
def test_estimates_that_keep_the_contract_pass_as_they_are(n_src: int) -> None:
    estimates = torch.randn(2, n_src, 30)
    assert check_estimates(estimates, MIXTURE) is estimates


class Folded(nn.Module):
    """A module that can compute a layer in two forms."""

    computes_as_defined = False


def test_every_module_with_two_forms_computes_as_defined() -> None:
    network = nn.Sequential(Folded(), nn.Sequential(nn.Conv1d(1, 1, 1), Folded()))
    assert as_defined(network) is network
    found = {
        name: module.computes_as_defined
        for name, module in network.named_modules()
        if hasattr(module, "computes_as_defined")
    }
    assert found == {"0": True, "1.1": True}
    assert not Folded.computes_as_defined


BAD_SHAPES = [(2, 30), (2, 2, 29), (2, 2, 31), (1, 2, 30), (3, 2, 30), (2, 0, 30), (2, 2, 1, 30)]

ADAPTABLE = [(2, 30), (2, 2, 29), (2, 2, 31), (2, 2, 1, 30)]


@pytest.mark.parametrize("shape", BAD_SHAPES)
def test_a_wrong_shape_is_named_beside_the_right_one(shape: tuple[int, ...]) -> None:
    with pytest.raises(CellError) as refused:
        check_estimates(torch.zeros(shape), MIXTURE)
    assert refused.value.status == Status.BAD_SHAPE
    named = f"The network returned a tensor {list(shape)}; expected a tensor [2, n_src, 30]."
    assert str(refused.value).startswith(named)
    has_advice = "bench.adapt" in str(refused.value)
    assert has_advice == (shape in ADAPTABLE)


def test_another_number_of_sources_than_expected_is_found_at_the_first_call() -> None:
    network = expect_sources(fault_models.seven_sources, 2)()
    with pytest.raises(
        CellError, match=r"^The network returned 7 sources; expected 2\.$"
    ) as refused:
        network(MIXTURE)
    assert refused.value.status == Status.BAD_SHAPE
    right = expect_sources(fault_models.seven_sources, 7)()
    assert right(MIXTURE).shape[1] == 7
    assert not right._forward_hooks  # no later call is any slower
    assert expect_sources(fault_models.seven_sources, None) is fault_models.seven_sources


@pytest.mark.parametrize(
    ("value", "name"), [(None, "NoneType"), ([MIXTURE], "list"), (1.5, "float")]
)
def test_what_is_no_tensor_is_named(value: object, name: str) -> None:
    with pytest.raises(CellError, match=f"returned {name}; expected a tensor") as refused:
        check_estimates(value, MIXTURE)
    assert refused.value.status == Status.BAD_SHAPE


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_a_single_value_that_is_not_finite_is_counted(bad: float, dtype: torch.dtype) -> None:
    estimates = torch.zeros(2, 2, 30, dtype=dtype)
    estimates[1, 0, 7] = bad
    with pytest.raises(CellError, match=re.escape("NaN or Inf (1 of 120 values).")) as refused:
        check_estimates(estimates, MIXTURE)
    assert refused.value.status == Status.NON_FINITE


def test_a_tensor_without_data_passes() -> None:
    check_finite(torch.full((3,), float("nan"), device="meta"), "It is")
    check_estimates(torch.zeros(2, 2, 30, device="meta"), MIXTURE)


def test_a_loss_that_is_not_finite_names_itself() -> None:
    with pytest.raises(CellError, match=r"^The loss is NaN or Inf \(1 of 1 values\)"):
        check_finite(torch.tensor(float("nan")), "The loss is")


def test_a_dotted_path_leads_to_its_function() -> None:
    assert resolve_factory("tests.fault_models:healthy") is fault_models.healthy


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (
            "tests.fault_models:nobody",
            Status.ERROR,
            "'tests.fault_models' has no function 'nobody'",
        ),
        ("nobody_has_this:f", Status.ERROR, "no module 'nobody_has_this': neither in"),
        ("nobody_has_this.inner:f", Status.ERROR, f"{Path.cwd()} nor among the"),
        ("tests.fault_modells:healthy", Status.ERROR, "no module 'tests.fault_modells' in 'tests'"),
        ("models.nets:f", Status.ERROR, f"in 'models', which is {Path.cwd() / 'models'}."),
    ],
)
def test_a_path_that_leads_nowhere(path: str, status: Status, reason: str) -> None:
    with pytest.raises(CellError, match=re.escape(reason)) as refused:
        resolve_factory(path)
    assert refused.value.status == status


def test_an_attribute_error_inside_a_module_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_networks.py").write_text("import math\nmath.no_such\ndef f(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    with pytest.raises(AttributeError, match="no_such"):
        resolve_factory("broken_networks:f")


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("asteroid", "pip install 'separation-bench[asteroid]'"),
        ("asteroid.models.base_models", "pip install 'separation-bench[asteroid]'"),
        ("requests", "pip install requests"),
        ("asteroid_filterbanks.enc_dec", "pip install asteroid-filterbanks"),
    ],
)
def test_a_missing_package_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str, command: str
) -> None:
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)  # whether it is there or not
    error = missing_dependency(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert error.status == Status.MISSING_DEPENDENCY
    assert str(error).endswith(command)
    assert repr(module.partition(".")[0]) in str(error)


@pytest.mark.parametrize("name", ["nosuchmod", "torchmodels.unet", "asteroids"])
def test_a_name_that_the_field_does_not_know_is_never_advised_to_be_installed(name: str) -> None:
    error = missing_dependency(ModuleNotFoundError(f"No module named {name!r}", name=name))
    assert error.status == Status.MISSING_DEPENDENCY
    assert "install " not in str(error)
    assert f"neither in {Path.cwd()} nor among the installed packages" in str(error)


def test_somebodys_own_sentence_about_a_missing_package_is_kept() -> None:
    error = missing_dependency(ModuleNotFoundError("My layers want their compiler."))
    assert str(error) == "My layers want their compiler."


def test_a_torchaudio_that_does_not_load_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "/site-packages/torchaudio/lib/_torchaudio.abi3.so"
    text = f"raise OSError('Could not load this library: {library}')"
    (tmp_path / "wants_torchaudio.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CellError, match="Install torchaudio from where torch was") as refused:
        resolve_factory("wants_torchaudio:network")
    assert refused.value.status == Status.MISSING_DEPENDENCY


@pytest.mark.parametrize("sound", [fault_models.healthy, fault_models.null])
def test_the_sound_networks_of_these_tests_are_sound(sound: type[nn.Module]) -> None:
    estimates: Tensor = sound()(MIXTURE)
    check_estimates(estimates, MIXTURE)


def none() -> None:
    """No network at all."""


def three_sources(n_src: int) -> nn.Module:
    return nn.Conv1d(1, n_src, 1)


NOT_BUILT: dict[str, tuple[Callable[..., object], str]] = {
    "nothing": (none, "nets:f returned None, not a torch.nn.Module."),
    "a number": (lambda: 7, "nets:f returned a int, not a torch.nn.Module."),
    "arguments": (three_sources, "nets:f needs arguments (missing a required argument: 'n_src')."),
    "an instance": (nn.Identity(), "nets:f is a network itself."),
}


@pytest.mark.parametrize("case", NOT_BUILT)
def test_what_is_no_factory_is_said(case: str) -> None:
    build, sentence = NOT_BUILT[case]
    with pytest.raises(CellError) as refused:
        build_network(build, "nets:f")
    assert refused.value.status == Status.ERROR
    assert str(refused.value).startswith(sentence)


class Lazy(nn.Module):
    """Layers that take their sizes from the first input."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.LazyConv1d(4, 3, padding=1), nn.LazyConv1d(2, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.decoder(self.encoder(mixture))
        return estimates


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_lazy_layers_have_the_parameters_of_plain_ones(device: str) -> None:
    plain = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.Conv1d(4, 2, 1))
    with torch.device(device):
        network = give_lazy_layers_their_shapes(Lazy(), 30)
    assert [p.shape for p in network.parameters()] == [p.shape for p in plain.parameters()]
    assert network.training


def test_a_network_without_lazy_layers_runs_no_forward() -> None:
    network = fault_models.raises()
    assert give_lazy_layers_their_shapes(network, 30) is network


@pytest.fixture
def two_threads() -> Iterator[None]:
    """As a workload of two threads begins; the other tests have their own number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


SET_TO_3 = (
    r"^The network's code set the number of threads to 3, and 2 were asked for: take "
    r"torch\.set_num_threads out of it, or measure with --threads 3\.$"
)


@pytest.mark.usefixtures("two_threads")
def test_a_factory_that_sets_another_number_of_threads_is_found_at_the_first_build() -> None:
    job = make_job(factory="tests.fault_models:sets_threads", threads=2)
    build = factory_of(job)
    with pytest.raises(CellError, match=SET_TO_3) as refused:
        build()
    assert refused.value.status == Status.ERROR
    factory_of(make_job(factory="tests.fault_models:sets_threads", threads=3))()  # as it was asked


@pytest.mark.usefixtures("two_threads")
def test_a_forward_that_sets_another_number_of_threads_breaks_the_contract() -> None:
    job = make_job(probe="contract", threads=2, n_samples=400)
    assert contract.measure(fault_models.healthy, job.workload, 0.0).n_src == 2
    with pytest.raises(CellError, match=SET_TO_3):
        contract.measure(fault_models.sets_threads_in_its_forward, job.workload, 0.0)


@pytest.mark.usefixtures("two_threads")
def test_one_thread_that_was_asked_for_is_named_as_one() -> None:
    require_threads(make_job(threads=2).workload)
    with pytest.raises(CellError, match=r"to 2, and 1 was asked for: .* --threads 2\.$"):
        require_threads(make_job(threads=1).workload)
