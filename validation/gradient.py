"""The adjoint of the compiled kernel is the gradient that autograd finds through eager torch, for every input."""

import numpy as np
import torch

import shno
from validation.claim import Claim
from validation.measure import every_term_on

ROWS = ()
N, STEPS, DT = 24, 200, 0.5e-12
INPUTS = ("m", "a_DL", "gamma", "alpha", "field_like", "p", "B_ext", "Ms", "demag", "Ku", "easy_axis")
OUTPUTS = ("m_end", "m_peak")


def gradients(values, executor):
    """The gradients of a random weighing of each output: {output: {input: array}}."""
    generator = torch.Generator().manual_seed(3)
    inputs = {name: torch.tensor(values[name], dtype=torch.float64, requires_grad=True) for name in INPUTS}
    watched = {"component": 1, "threshold": 0.7, "rearm": 0.35}
    passage = shno.integrate(
        values | inputs, inputs["m"], inputs["a_DL"], dt=DT, n_steps=STEPS, executor=executor, **watched
    )
    found = {}
    for name in OUTPUTS:
        output = getattr(passage, name)
        loss = (output * torch.randn(output.shape, generator=generator, dtype=output.dtype)).sum()
        slopes = torch.autograd.grad(loss, list(inputs.values()), retain_graph=True)
        found[name] = dict(zip(INPUTS, slopes, strict=True))
    return found


def claims(figures):
    """For each output the largest difference over the largest element of an input's gradient; the worst input."""
    oscillator, drive, m0 = every_term_on(N, seed=4)
    values = shno.parameters(oscillator, drive) | {"m": m0}
    compiled, eager = gradients(values, "compiled"), gradients(values, "torch")
    rows = []
    for k, output in enumerate(OUTPUTS):
        pairs = [(compiled[output][name], eager[output][name]) for name in INPUTS]
        errors = np.array([float((a - b).abs().max() / b.abs().max()) for a, b in pairs])
        statement = f"gradient through {output}: adjoint - autograd, relative, {len(INPUTS)} inputs, {STEPS} steps"
        rows.append(Claim(f"A{k + 1}", statement, "autograd", 0.0, errors.max(), 1e-10, "absolute"))
    return rows
