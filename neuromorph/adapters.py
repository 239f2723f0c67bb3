"""The SHNO layer where other libraries expect their own neuron: snnTorch, SpikingJelly and Norse; NIR is refused.

`SHNOLayer` itself has an explicit state, which Norse takes as it is: inputs (steps, batch, n), an argument `state`,
and (spikes, state) returned. One neural step a call is `SHNOCell`. snnTorch and SpikingJelly keep the state inside the
module: `SHNOLeaky` and `SHNONode`. Inputs are in units of the critical torque a_c throughout.
"""

import weakref

import snntorch as snn
import torch
from torch import nn

from neuromorph.neuron import SHNOLayer
from neuromorph.surrogate import as_surrogate

STEP_MODES = ("s", "m")


def _detached(value):
    """A tensor, or the tensors of a State, cut from their history of gradients; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if hasattr(value, "_asdict"):
        return value._replace(**{name: _detached(each) for name, each in value._asdict().items()})
    return value


class SHNOLeaky(snn.Leaky):
    """SHNO neurons in the place of snn.Leaky: forward(input_, mem=None) -> spikes, or (spikes, mem).

    One call is one neural step. The membrane of snnTorch's tools is m_y: `mem` is the tensor `my` itself. The state is
    kept as mx, my and mz, of the shape of the input; it starts at rest, and again for an input of another shape.
    Assigning to `mem`, or passing as mem, anything but this tensor puts m at rest, since no m_y alone makes a
    magnetisation; detaching `mem` detaches all of it. Gradients reach back within blocks of `truncate` steps.
    snnTorch's list of layers holds it weakly: it is collected after use. What torch.utils.checkpoint computes twice
    must begin with its reset.

    n : int                 1: any shape of input, a neuron for each element, all alike; else the size of its last axis
    spike_grad              a surrogate, its name, or a callable of snnTorch's; None: the layer's default
    init_hidden : bool      return the spikes only; mem is not passed
    output : bool           with init_hidden, return mem as well, as snnTorch wants of a last layer
    settings                of `SHNOLayer`: neural_step, threshold, reset, ...
    Raises : TypeError, ValueError
    Source : Eshraghian et al., Proc. IEEE 111, 1016 (2023), for the interface, of snnTorch 1.0.
    """

    def __init__(self, n=1, *, spike_grad=None, init_hidden=False, output=False, **settings):
        """Check the settings; nothing is random."""
        nn.Module.__init__(self)  # not snn.Leaky's: it makes a beta, and enters a list that keeps layers for ever
        for name, value in (("init_hidden", init_hidden), ("output", output)):
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, got {value!r}. Correct it.")
        self.init_hidden, self.output = init_hidden, output
        if spike_grad is not None:
            settings["surrogate"] = as_surrogate(spike_grad)
        self.layer = SHNOLayer(n, **settings)
        self.mx = self.my = self.mz = torch.zeros(0)
        self._others, self._attached, self._taken = None, False, 0
        _enlist(self)

    def forward(self, input_, mem=None):
        """One neural step.

        input_ : (...), or (..., n) where n > 1;  units of a_c, positive drives towards a spike
        mem : what the last call returned, to go on; anything else of that shape starts at rest; None goes on
        Returns : spikes in input_'s shape and dtype (float32 for half precision), with mem unless init_hidden
        Raises : ValueError, TypeError
        """
        if mem is not None and self.init_hidden:
            raise TypeError("mem must not be passed where init_hidden is True, got a tensor. It is kept inside.")
        if mem is not None:
            self.mem = mem
        n = self.layer.n
        if not isinstance(input_, torch.Tensor) or not self._fits(input_) or not input_.numel():
            got = tuple(input_.shape) if isinstance(input_, torch.Tensor) else type(input_).__name__
            shape = "of any shape" if n == 1 else f"of shape (..., {n})"
            raise ValueError(f"input_ must be a tensor {shape} and not empty, got {got}. Drop an empty last batch.")
        goes_on = self._others is not None and self.my.shape == input_.shape
        spikes, state = self.layer(input_.reshape(1, -1, n), self._state() if goes_on else None)
        taken, block = self._taken + 1 if goes_on else 1, self.layer.truncate
        self._taken = taken % block if block else 0  # no count without end: torch.compile would compile for each
        self._keep(state, input_.shape)
        spikes = spikes.reshape(input_.shape)
        return spikes if self.init_hidden and not self.output else (spikes, self.my)

    @property
    def mem(self):
        """m_y, the tensor itself: what is detached in place here is detached in the layer."""
        return self.my

    @mem.setter
    def mem(self, value):
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or not self._fits(value):
            got = tuple(value.shape) if isinstance(value, torch.Tensor) else repr(value)
            raise TypeError(
                f"mem must be a floating-point tensor of the input's shape, got {got}. reset_mem() has one."
            )
        if value is self.my:
            return
        like = value.detach().float() if value.dtype in (torch.float16, torch.bfloat16) else value.detach()
        self._hold(self.layer.at_rest(value.numel() // self.layer.n, like), value.shape)
        self._others, self._attached = None, False  # the next step starts at rest in the precision of its input

    def reset_mem(self):
        """Put m at rest; returns mem."""
        self.mem = torch.zeros_like(self.my)
        return self.mem

    @property
    def spike_grad(self):
        """The surrogate of the layer."""
        return self.layer.surrogate

    @property
    def threshold(self):
        """The m_y of a spike."""
        return self.layer.threshold

    def __getattr__(self, name):
        """What nn.Module has by that name; of `beta`, which exporters look for in a snn.Leaky, why there is none."""
        if name == "beta":
            raise AttributeError(_no_node(self))
        return super().__getattr__(name)

    def __getstate__(self):
        """What a copy or a pickle holds: the state without its history of gradients, which neither can hold."""
        parts = {name: getattr(self, name).detach() for name in ("mx", "my", "mz")}
        return {**self.__dict__, **parts, "_others": _detached(self._others), "_attached": False}

    def __setstate__(self, state):
        """Take it over, and enter snnTorch's list, as a new layer does."""
        super().__setstate__(state)
        _enlist(self)

    def _fits(self, x):
        return self.layer.n == 1 or x.numel() == 0 or (x.ndim > 0 and x.shape[-1] == self.layer.n)

    def _state(self):
        """The State for the next step: without history if my was detached, of m if a block of `truncate` is over."""
        m = torch.stack((self.mx, self.my, self.mz), dim=-1).reshape(-1, self.layer.n, 3)
        state = self._others._replace(m=m)
        if self._attached and not self.my.requires_grad:
            return _detached(state)
        over = self.layer.truncate is not None and self._taken == 0
        return state._replace(m=m.detach()) if over else state

    def _hold(self, m, shape):
        self.mx, self.my, self.mz = (part.clone() for part in m.reshape(*shape, 3).unbind(-1))  # no view: detach_()

    def _keep(self, state, shape):
        self._hold(state.m, shape)
        self._others, self._attached = state._replace(m=None), self.my.requires_grad


class _Entry:
    """A layer in snnTorch's list of layers, through which its utils.reset works, by a weak reference: the list would
    keep the layer itself for ever. isinstance takes it for the layer, and for nothing once the layer is gone.
    """

    def __init__(self, layer):
        self.layer = weakref.ref(layer)

    @property
    def __class__(self):
        return type(self.layer())

    @property
    def mem(self):
        return self.layer().mem

    @mem.setter
    def mem(self, value):
        self.layer().mem = value


def _enlist(layer):
    """Enter snnTorch's list, and strike out what is gone."""
    instances = snn.SpikingNeuron.instances
    instances[:] = [each for each in instances if type(each) is not _Entry or each.layer() is not None]
    instances.append(_Entry(layer))


class SHNOCell(nn.Module):
    """SHNO neurons for Norse, one neural step a call: forward(x, state=None) -> (spikes, state).

    n, settings : of `SHNOLayer`. Gradients reach back as far as the state that is passed.
    Source : Pehle and Pedersen, Norse (2021), for the interface; a sequence goes to `SHNOLayer` itself.
    """

    def __init__(self, n, **settings):
        """Check the settings; nothing is random."""
        super().__init__()
        self.layer = SHNOLayer(n, **settings)

    def forward(self, x, state=None):
        """x (batch, n) in units of a_c, State or None (rest) -> spikes (batch, n), State; ValueError otherwise."""
        if not isinstance(x, torch.Tensor) or x.ndim != 2:
            got = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
            raise ValueError(f"x must be of shape (batch, {self.layer.n}), got {got}. A sequence goes to SHNOLayer.")
        spikes, state = self.layer(x[None], state)
        return spikes[0], state


class SHNONode(nn.Module):
    """SHNO neurons for SpikingJelly: forward(x) -> spikes, the state inside; reset(), detach(), step_mode.

    n, settings : of `SHNOLayer`
    step_mode : "s" one neural step a call, x (batch, n), or "m" a sequence, x (steps, batch, n)
    The state goes on from call to call until reset(); a batch of another size needs one before it.
    Raises : TypeError, ValueError
    Source : Fang et al., Sci. Adv. 9, eadi1480 (2023), for the interface.
    """

    def __init__(self, n, *, step_mode="s", **settings):
        """Check the settings; nothing is random."""
        super().__init__()
        self.step_mode, self.state = step_mode, None
        self.layer = SHNOLayer(n, **settings)

    @property
    def step_mode(self):
        """ "s" or "m"."""
        return self._step_mode

    @step_mode.setter
    def step_mode(self, value):
        if value not in STEP_MODES:
            raise ValueError(f"step_mode must be one of {', '.join(STEP_MODES)}, got {value!r}. 's' is a single step.")
        self._step_mode = value

    def forward(self, x):
        """x (batch, n) or (steps, batch, n) by step_mode, units of a_c -> spikes of its shape; ValueError otherwise."""
        single = self.step_mode == "s"
        if not isinstance(x, torch.Tensor) or x.ndim != (2 if single else 3):
            got = tuple(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__
            axes = "(batch, n)" if single else "(steps, batch, n)"
            raise ValueError(f"x must be {axes} in step_mode {self.step_mode!r}, got {got}. Set the step_mode for it.")
        if self.state is not None and len(self.state.m) != x.shape[-2]:
            raise ValueError(
                f"x must be a batch of {len(self.state.m)}, got {x.shape[-2]}. reset() before another size."
            )
        spikes, self.state = self.layer(x[None] if single else x, self.state)
        return spikes[0] if single else spikes

    def reset(self):
        """Back to rest."""
        self.state = None

    def detach(self):
        """Cut the state from its history of gradients."""
        self.state = _detached(self.state)

    def __getstate__(self):
        """What a copy or a pickle holds: the state without its history of gradients, which neither can hold."""
        return {**self.__dict__, "state": _detached(self.state)}


def reset(net):
    """Put the neurons inside a network at rest, at any depth, and those of no other: ours and snnTorch's.

    net : nn.Module   `snntorch.utils.reset` sees its direct children only, and resets the layers of all networks
    Raises : TypeError
    """
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module, got {net!r}. Pass the network.")
    for module in net.modules():
        if isinstance(module, SHNOLayer | SHNONode):
            module.reset()
        elif callable(getattr(module, "reset_mem", None)):
            module.reset_mem()


def _no_node(module):
    known = "LIF and the like, with a leak (beta) and no magnetisation"
    remedy = "Export the layers around it, or map it to a node of your own with nirtorch.torch_to_nir."
    return f"module must be one that NIR has a primitive for ({known}), got {type(module).__name__}. {remedy}"


def nir_node(module):
    """Refuse to export oscillators to NIR, which has no primitive for the LLGS equation; TypeError, always.

    For the map of nirtorch.torch_to_nir(net, {SHNOLayer: nir_node, SHNOCell: nir_node}), which would otherwise trace
    into the layer. A node of our own could be read by no other tool; a LIF in its place would be another neuron.
    Source : Pedersen et al., Nat. Commun. 15, 8122 (2024).
    """
    raise TypeError(_no_node(module))
