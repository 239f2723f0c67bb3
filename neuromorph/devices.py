"""Where a training runs: the device by its name, and the random streams that it draws from."""

import os

import torch

from neuromorph.names import check_name

DEVICES = ("auto", "cpu", "cuda", "mps")


def device_of(name="auto"):
    """The torch.device of a name: "auto" takes cuda, then mps, then cpu; a process of torchrun its own GPU.

    Raises : ValueError for an unknown name, or where this machine has no such device
    """
    check_name("device", name, DEVICES)
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(each for each, found in there.items() if found)
    if not there[name]:
        raise ValueError(f"device must be one that this machine has, got {name!r}. Use --device auto or cpu.")
    return torch.device(name, int(os.environ.get("LOCAL_RANK", 0))) if name == "cuda" else torch.device(name)


def random_state(device):
    """The states of torch's global generators that a training on this device draws from, {name: tensor}."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_state(states, device):
    """Put what `random_state` gave back."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
