"""What is trained, and by which loss: end to end, or in the two steps of Two-Step TDCN.

E. Tzinis, S. Venkataramani, Z. Wang, C. Subakan, P. Smaragdis, "Two-Step Sound Source
Separation: Training on Learned Latent Targets", ICASSP 2020, arXiv:1910.09804, section 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from torch import Tensor, nn

from bench.objective import negative_pit_si_sdr, pairwise_si_sdr_db

FILTERBANK_SHARE = 0.25  # of a two-step training goes to its first step


@dataclass(frozen=True)
class Phase:
    """A part of a training with an optimiser of its own.

    Both functions take the mixture ``[batch, 1, time]`` and the sources
    ``[batch, n_src, time]``; ``estimate`` returns what a validation judges,
    ``[batch, n_src, time]``.
    """

    name: str
    end: float  # share of the whole training that is behind when the phase ends
    parameters: tuple[nn.Parameter, ...]
    loss: Callable[[Tensor, Tensor], Tensor]
    estimate: Callable[[Tensor, Tensor], Tensor]


@runtime_checkable
class TwoStepNetwork(Protocol):
    """A network with a latent space in which its separator can be trained."""

    def filterbank(self) -> tuple[nn.Module, ...]:
        """The encoder and the decoder, trained first and then left alone."""

    def ideal_latents(self, mixture: Tensor, sources: Tensor) -> Tensor:
        """The mixture's latents under masks that know the sources: ``[batch, n_src, ...]``."""

    def separate_latents(self, mixture: Tensor) -> Tensor:
        """The separator's estimates of them: ``[batch, n_src, ...]``."""

    def decode(self, latents: Tensor, n_samples: int) -> Tensor:
        """Estimates of the sources: ``[batch, n_src, time]``."""


def plan_phases(model: nn.Module) -> tuple[Phase, ...]:
    """One phase for any network, two for one that is trained in two steps."""
    if isinstance(model, TwoStepNetwork):
        return _two_steps(model)
    return (_end_to_end(model),)


def _end_to_end(model: nn.Module) -> Phase:
    return Phase(
        name="separation",
        end=1.0,
        parameters=tuple(p for p in model.parameters() if p.requires_grad),
        loss=lambda mixture, sources: negative_pit_si_sdr(model(mixture).float(), sources),
        estimate=lambda mixture, sources: model(mixture),
    )


def _two_steps(model: TwoStepNetwork) -> tuple[Phase, ...]:
    filterbank = {id(p) for part in model.filterbank() for p in part.parameters()}
    parameters = tuple(cast(nn.Module, model).parameters())

    def reconstruct(mixture: Tensor, sources: Tensor) -> Tensor:
        return model.decode(model.ideal_latents(mixture, sources), mixture.shape[-1])

    def reconstruction_loss(mixture: Tensor, sources: Tensor) -> Tensor:
        """The order of the sources is known here, so none is searched for."""
        pairwise = pairwise_si_sdr_db(reconstruct(mixture, sources).float(), sources)
        return -pairwise.diagonal(dim1=1, dim2=2).mean()

    def latent_loss(mixture: Tensor, sources: Tensor) -> Tensor:
        targets = model.ideal_latents(mixture, sources).detach().float()
        estimates = model.separate_latents(mixture).float()
        return negative_pit_si_sdr(estimates.flatten(2), targets.flatten(2))

    return (
        Phase(
            "filterbank",
            FILTERBANK_SHARE,
            tuple(p for p in parameters if id(p) in filterbank),
            reconstruction_loss,
            reconstruct,
        ),
        Phase(
            "separation",
            1.0,
            tuple(p for p in parameters if id(p) not in filterbank),
            latent_loss,
            lambda mixture, sources: cast(nn.Module, model)(mixture),
        ),
    )
