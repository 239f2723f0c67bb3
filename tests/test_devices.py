import pytest
import torch

from neuromorph import devices


@pytest.fixture
def machine(monkeypatch):
    """A function that gives the machine these accelerators."""

    def has(*names):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)

    return has


@pytest.mark.parametrize(
    ("there", "chosen"), [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")]
)
def test_auto_takes_the_first_that_is_there(machine, there, chosen):
    machine(*there)
    assert devices.device_of("auto").type == chosen
    for name in ("cpu", *there):
        assert devices.device_of(name).type == name


def test_a_process_of_torchrun_takes_its_own_gpu(machine, monkeypatch):
    machine("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert devices.device_of("cuda") == torch.device("cuda", 3)


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_one_line(machine, name):
    machine()
    with pytest.raises(ValueError, match=f"device must be one that this machine has, got '{name}'"):
        devices.device_of(name)


def test_an_unknown_device_is_one_line_with_the_nearest():
    with pytest.raises(ValueError, match=r"device must be one of auto, cpu, cuda, mps, got 'cudo'\. Did you mean"):
        devices.device_of("cudo")


def test_random_numbers_go_on_from_a_state():
    device = torch.device("cpu")
    state = devices.random_state(device)
    first = torch.rand(5)
    devices.set_random_state(state, device)
    assert torch.equal(torch.rand(5), first)
