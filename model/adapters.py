"""LoRA: train an update of low rank beside each chosen matrix instead of the matrix (Hu et al. 2022, arXiv:2106.09685).

The library `peft` puts the adapters in; before a network is exported they are added into the matrices, so that nothing
that reads a network knows of them.
"""

import copy

from model.errors import ConfigError, EngineError
from model.network import Network
from model.techniques import LoraConfig


def adapt(network: Network, config: LoraConfig) -> None:
    """Give an encoder adapters, in place, and freeze the rest of it; the heads stay trainable.

    Raises:
        EngineError: peft is not installed.
        ConfigError: no module of the encoder has one of the target names.
    """
    try:
        import peft
    except ImportError as error:
        raise EngineError("adapters (lora) need peft: pip install 'yuqing[train]'") from error
    theirs = peft.LoraConfig(
        r=config.rank, lora_alpha=config.alpha, target_modules=list(config.targets), lora_dropout=config.dropout
    )
    try:
        peft.inject_adapter_in_model(theirs, network.encoder)
    except ValueError as error:
        raise ConfigError(f"lora.targets = {list(config.targets)}: {error}") from error


def merged(network: Network) -> Network:
    """A copy of a network with its adapters added into its matrices; the network itself where it has none."""
    if not any(".lora_A." in name for name, _ in network.named_parameters()):
        return network
    from peft.tuners.lora import LoraLayer

    whole = copy.deepcopy(network)
    for name, module in list(whole.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, last = name.rpartition(".")
            setattr(whole.get_submodule(parent), last, module.get_base_layer())
    for weight in whole.parameters():
        weight.requires_grad_(True)
    return whole
