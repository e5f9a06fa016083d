"""From a state dict to a network that has these weights, all of them and no others."""

from collections.abc import Callable, Collection, Mapping

from torch import Tensor, nn

from models.checkpoints.error import CheckpointError

PREFIXES = ("module.", "model.", "_orig_mod.")
"""Before every name in DataParallel, in a Lightning module's ``self.model``, in torch.compile."""


def unwrap_names(weights: Mapping[str, Tensor], known: Collection[str]) -> dict[str, Tensor]:
    """The weights under the names that they have in the network itself.

    As long as no name is one of ``known``, prefixes of modules that wrap a network are taken off.
    What stands beside the network in such a module (weights of a loss, say) is left out.
    """
    weights = dict(weights)
    while weights and not any(name in weights for name in known):
        prefix = next((one for one in PREFIXES if any(n.startswith(one) for n in weights)), None)
        if prefix is None:
            break
        weights = {
            name.removeprefix(prefix): tensor
            for name, tensor in weights.items()
            if name.startswith(prefix)
        }
    return weights


def give_weights(
    model: nn.Module,
    weights: Mapping[str, Tensor],
    name_in_file: Callable[[str], str] = str,
) -> None:
    """Give a network, which may be on the meta device, its weights.

    ``name_in_file`` gives the name under which ``weights`` has a tensor of the network. Numbers
    are converted to the network's own type. It is as it was where they don't fit.

    Raises:
        CheckpointError: names the first tensor that is missing, has another shape or is unknown.
    """
    own: dict[str, Tensor] = {}
    names = {name: name_in_file(name) for name in model.state_dict()}
    for name, expected in model.state_dict().items():
        key, shape = names[name], list(expected.shape)
        if key not in weights:
            raise CheckpointError(f"{key} {shape} is missing.")
        if weights[key].shape != expected.shape:
            found = list(weights[key].shape)
            raise CheckpointError(f"{key} has the shape {found}, and {shape} is expected.")
        own[name] = weights[key].to(expected.dtype)
    unknown = sorted(weights.keys() - names.values())
    if unknown:
        raise CheckpointError(f"{unknown[0]:.200} is not a tensor of the network.")
    is_empty = any(tensor.is_meta for tensor in model.state_dict().values())
    model.load_state_dict(own, assign=is_empty)
