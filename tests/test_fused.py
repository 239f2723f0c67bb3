"""Several steps in one launch are the steps one by one: saved states, noise, divided steps, guards and gradients."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from simulate_helpers import ALL_TERMS, DRIVE, FEW_TERMS, M0, same, waving

from shno import Drive, IntegrationError, eager, fused, integrate, parameters, philox, simulate
from shno.thermal import thermal_block, thermal_calls

DT = 0.25e-12
STEPS = 101  # leaves some over, whatever the length of a launch
NOISE = {"temperature": 300.0, "seed": 2**64 - 5}
THERMAL = replace(FEW_TERMS, alpha=0.1, volume=5e-24)
HEATED = replace(
    THERMAL, thickness=2e-9, width=50e-9, t_HM=5e-9, theta_SH=0.3, R=900.0, beta_R=1e-3, R_th=4e5, C_th=2.5e-17,
    curie_temperature=800.0,
)  # fmt: skip
CURRENT = Drive(I=np.array([6e-4, 8e-4]), B_ext=(0.05, -0.13, 0.21))
CASES = {  # oscillator, drive, what else
    "all terms": (ALL_TERMS, DRIVE, {"m0": [M0, M0[::-1]]}),
    "of unlike oscillators": (replace(FEW_TERMS, alpha=[[0.02], [0.1]]), replace(DRIVE, a_DL=[1e-3, 5e-3, 9e-3]), {}),
    "waveforms and divided steps": (*waving(3, off=0.37), {"dt": 1e-12, "t0": 0.3e-9}),
    "noise": (THERMAL, DRIVE, NOISE | {"realisation": np.arange(7)}),
    "noise from elsewhere": (THERMAL, DRIVE, NOISE | {"t0": 7 * DT, "solver": "heun"}),
    "three draws a step": (THERMAL, DRIVE, NOISE | {"noise_dt": DT / 3, "t0": DT / 3}),
    "six draws a step": (THERMAL, DRIVE, NOISE | {"noise_dt": DT / 6, "t0": DT / 2}),
    "many draws a step": (THERMAL, DRIVE, NOISE | {"noise_dt": DT / 20}),
    "noise that follows m": (replace(THERMAL, Q_nl=0.8), DRIVE, NOISE),
    "noise that follows T": (HEATED, CURRENT, NOISE),
}


def run(case, steps=STEPS, **settings):
    oscillator, drive, more = CASES[case]
    settings = {"m0": M0, "dt": DT, "executor": "torch"} | more | settings
    return simulate(oscillator, drive, duration=steps * settings["dt"], **settings)


@pytest.fixture
def launches(monkeypatch):
    """Steps are fused as a graph of operations that torch runs one by one; holds the layout of each launch."""
    layouts = []

    def by_compiler(key, *arguments):
        layouts.append(key[0])
        return fused.by_compiler(key, *arguments)

    monkeypatch.setattr(torch, "compile", lambda module, **settings: module)
    monkeypatch.setattr(fused, "compiled", {})
    monkeypatch.setattr(eager, "by_compiler", by_compiler)
    monkeypatch.setitem(eager.BACKENDS, "cpu", "graph")
    return layouts


@pytest.fixture
def compiler(monkeypatch):
    """Short launches by torch.compile: compiler(backend)."""
    monkeypatch.setattr(fused, "compiled", {})
    monkeypatch.setattr(fused, "unable", set())
    for module in (eager, fused):
        monkeypatch.setattr(module, "LENGTH", 2)
    return lambda backend: monkeypatch.setitem(eager.BACKENDS, "cpu", backend)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_fused_steps_are_the_steps_one_by_one(case, dtype, launches, monkeypatch):
    """The same operations on the same numbers: equal to the last bit where no compiler rounds otherwise."""
    together = run(case, dtype=dtype)
    monkeypatch.setitem(eager.BACKENDS, "cpu", None)
    one_by_one = run(case, dtype=dtype)
    assert np.ptp(together.m, axis=0).min() > 1e-3 and same(together.m, one_by_one.m)
    assert together.T is None or same(together.T, one_by_one.T)
    assert bool(launches) == (case != "many draws a step")  # more noise than a launch may hold


def test_most_steps_are_fused(launches):
    run("noise", save_every=STEPS)
    assert len(launches) == STEPS // eager.LENGTH and not any(layout.keeps_path for layout in launches)
    launches.clear()
    run("noise from elsewhere")  # draw 7: one step alone, then whole blocks
    assert len(launches) == (STEPS - 1) // eager.LENGTH and all(layout.phase == 0 for layout in launches)
    launches.clear()
    run("six draws a step")  # draws 3 + 6 k are never the first of a block
    assert len(launches) >= STEPS // eager.LENGTH - 1 and all(layout.phase == 1 for layout in launches)


@pytest.mark.parametrize("case", ["noise", "waveforms and divided steps"])
def test_what_is_saved_and_how_a_run_is_cut_changes_nothing(case, launches, monkeypatch):
    whole = run(case, steps=96)
    for save_every in (3, 8, 96):
        assert same(run(case, steps=96, save_every=save_every).m, whole.m[::save_every])
    monkeypatch.setitem(simulate.__globals__, "CHUNK", 3 * 7 * 11)
    assert same(run(case, steps=96).m, whole.m)
    for first in (5, 40):
        rest = {"m0": whole.m[first], "t0": whole.t[first], "steps": 96 - first}
        assert same(run(case, **rest).m, whole.m[first:])


def test_the_norm_is_watched_at_every_step(launches, monkeypatch):
    """A step of 1 rad or so: caught in a launch as it is one by one, with the same number."""
    stiff = replace(FEW_TERMS, Ku=8e6, demag=(1 / 3,) * 3, alpha=0.5, easy_axis=(0.0, 0.0, 1.0))
    start = {"m0": (0.8, 0.6, 0.0), "dt": 1e-12, "duration": 96e-12, "save_every": 96, "executor": "torch"}
    messages = []
    for backend in ("graph", None):
        monkeypatch.setitem(eager.BACKENDS, "cpu", backend)
        with pytest.raises(IntegrationError, match=r"^\| \|m\| - 1 \| reached") as caught:
            simulate(stiff, Drive(a_DL=1e-9), **start)
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and launches


def test_normals_of_many_calls_are_those_of_the_blocks():
    realisation, like = torch.tensor([0, 5, 2**32 - 1]), torch.empty(0, dtype=torch.float64)
    calls = torch.arange(30, 36)[:, None]
    normals = thermal_calls(philox.split(NOISE["seed"]), calls, realisation, like)
    blocks = [n for group in (10, 11) for n in thermal_block(NOISE["seed"], group, realisation, 0, like)]
    assert all(torch.equal(normals[q % 4][q // 4], block) for q, block in enumerate(blocks))


# torch.compile.


def test_another_batch_size_compiles_once_more_and_a_third_not_again(compiler):
    graphs = []

    def counting(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiler(counting)
    counts = []
    for n in (5, 7, 11, 13):
        settings = {"realisation": np.arange(n), "solver": "heun", "steps": 12, "save_every": 12}
        assert run("noise", **settings).m.shape == (2, n, 3)
        counts.append(len(graphs))
    assert counts == [1, 2, 2, 2]


def test_where_the_compiler_fails_steps_are_taken_one_by_one_and_one_warning_is_given(compiler):
    def failing(graph, inputs):
        raise RuntimeError("no compiler here\nand more")

    settings = {"solver": "heun", "steps": 12}
    expected = run("noise", **settings)
    compiler(failing)
    with pytest.warns(UserWarning, match=r"^torch\.compile fails on cpu: .* Steps are taken one by one\.$") as caught:
        runs = [run("noise", **settings) for _ in range(2)]
    assert len(caught) == 1 and all(same(each.m, expected.m) for each in runs)


def test_inductor_keeps_the_bits_of_the_words():
    """Products of 32 bits by 32 wrap around in int64."""
    rng = np.random.default_rng(3)
    words = rng.integers(0, 2**32, (6, 64), dtype=np.uint64)
    words[:, 0], words[:, 1] = 2**32 - 1, 0

    def of_tensors(tensors):
        return philox.philox(tensors[:4], tensors[4:])

    found = fused.by_compiler("words", of_tensors, [torch.from_numpy(w.astype(np.int64)) for w in words], "inductor")
    assert np.array_equal(torch.stack(found).numpy(), np.stack(philox.philox(tuple(words[:4]), tuple(words[4:]))))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_inductor_follows_the_noise_path(dtype, tolerance, compiler):
    """It fuses products with sums and has logarithms of its own: 100 steps of rounding."""
    settings = {"solver": "heun", "steps": 100, "save_every": 4, "dtype": dtype, "realisation": np.arange(5)}
    one_by_one = run("noise", **settings)
    compiler("inductor")
    together = run("noise", **settings)
    assert fused.compiled and not fused.unable
    np.testing.assert_allclose(together.m, one_by_one.m, rtol=0, atol=tolerance, equal_nan=False)


# Passages.

STEP = {"dt": 1e-12, "component": 1, "threshold": 0.7, "rearm": 0.69, "executor": "torch"}


def forward(n_steps, noise):
    """`integrate` for five torques, and what its gradients are taken with respect to: m, a_DL, Ms and alpha."""
    m = torch.tensor(np.broadcast_to(M0, (5, 3)).copy(), requires_grad=True)
    a_DL = torch.linspace(-5e-3, 20e-3, 5, dtype=torch.float64, requires_grad=True)
    free = {
        name: torch.tensor(getattr(FEW_TERMS, name), dtype=torch.float64, requires_grad=True)
        for name in ("Ms", "alpha")
    }
    given = {} if noise is None else {"deviation": 3e-3, "seed": 2**64 - 7, "first_step": noise}
    found = integrate(parameters(FEW_TERMS, DRIVE) | free, m, a_DL, n_steps=n_steps, **STEP, **given)
    return found, (m, a_DL, *free.values())


def passage(n_steps, noise):
    """(Passage, gradients)."""
    found, free = forward(n_steps, noise)
    weights = torch.linspace(-1, 1.5, 15, dtype=torch.float64).reshape(5, 3)
    return found, torch.autograd.grad((weights * found.m_end).sum() + found.m_peak.sum(), free)


def agree(one, other, exact):
    for name in ("m_end", "m_peak", "crossings", "crossing_time", "armed"):
        a, b = (getattr(each[0], name).detach() for each in (one, other))
        torch.testing.assert_close(a, b, rtol=0, atol=0 if exact else 1e-13, equal_nan=True)
    for a, b in zip(one[1], other[1], strict=True):  # sums over the steps, in another order
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12 * float(a.abs().max()))


@pytest.mark.parametrize("noise", [None, 0, 6])
def test_a_fused_passage_and_its_gradients_are_those_of_plain_autograd(noise, launches, monkeypatch):
    """Crossings on both sides of a launch's end, and steps left over."""
    plain = passage(60, noise)
    monkeypatch.setitem(integrate.__globals__, "_eager_passage", fused.fused_passage)
    agree(plain, passage(60, noise), exact=True)
    assert fused.compiled and plain[0].crossings.sum() > 2 and all(bar.abs().min() > 0 for bar in plain[1])


def test_a_passage_compiled_ahead_has_the_same_gradients(compiler, monkeypatch):
    """aot_eager writes out the backward graph as inductor would get it."""
    plain = passage(2, 1)
    monkeypatch.setitem(
        integrate.__globals__, "_eager_passage", lambda *given: fused.fused_passage(*given, backend="aot_eager")
    )
    agree(plain, passage(2, 1), exact=False)
    assert fused.compiled and not fused.unable


def test_a_passage_keeps_one_state_a_launch(launches, monkeypatch):
    """What autograd stores grows by what a launch is called with, not by what its steps compute."""
    monkeypatch.setitem(integrate.__globals__, "_eager_passage", fused.fused_passage)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (kept.append(x), x)[1], lambda x: x):
        for n_steps in (80, 160):
            kept.append(None)
            forward(n_steps, 0)
    middle = kept.index(None, 1)
    rows = [len({x.data_ptr() for x in part if x.dim()}) for part in (kept[1:middle], kept[middle + 1 :])]
    assert (rows[1] - rows[0]) / 10 == 8 + 1  # of each launch: the state with its watch, and the numbers of its calls


def test_nothing_is_compiled_on_the_cpu_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch, "compile", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(run("noise").m).all()
