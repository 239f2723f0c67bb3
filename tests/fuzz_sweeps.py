"""A valid call of a sweep, of its file and of its figures."""

import numpy as np
from fuzz_calls import M0, PLAIN
from fuzz_helpers import call

import shno
from shno import plots_sweep


def few_runs(done, total):
    """Progress of a sweep that is given up before it begins where it is long."""
    if total > 1000:
        raise shno.IntegrationError("enough")


def last(run):
    """m at the end."""
    return run.m[-1]


def swept(oscillator, drive, axes, duration, dt, reducer, realisations, mode, temperature, seed, block, resume, out,
          reducer_settings, config, command_line, save_every, m0):  # fmt: skip
    """A sweep of a few runs."""
    return shno.sweep(
        oscillator, drive, axes, duration=duration, dt=dt, reducer=reducer, realisations=realisations, mode=mode,
        temperature=temperature, seed=seed, block=block, resume=resume, out=out, reducer_settings=reducer_settings,
        config=config, command_line=command_line, save_every=save_every, m0=m0, progress=few_runs, executor="torch",
    )  # fmt: skip


DRIVE = shno.Drive(a_DL=1e-3, B_ext=(0.1, 0.2, 0.3))
AXES = {"alpha": [0.01, 0.02], "B_ext.magnitude": [0.1, 0.2]}
GIVEN = dict(
    oscillator=PLAIN, drive=DRIVE, axes=AXES, duration=2e-12, dt=1e-12, reducer=last, realisations=2, mode="grid",
    temperature=1.0, seed=1, block=3, resume=False, out=None, reducer_settings={}, config="", command_line="",
    save_every=1, m0=M0,
)  # fmt: skip
RESULT = shno.Sweep({"I": np.array([1e-4, 2e-4])}, {"f": np.array([1.0, 2.0])}, {"I": "A", "f": "Hz"}, {"f": ("I",)},
                    {}, "grid", 1, "f", {"duration": 1e-9, "dt": 1e-12}, PLAIN, shno.Drive(I=1e-4), 1.0)  # fmt: skip
SWEEPS = [
    call("sweep", swept, **GIVEN),
    call("sweep over values", lambda x: swept(**GIVEN | {"axes": {"alpha": x}}), x=[0.1],
         also=("alpha", "axes", "out")),
    call("sweep over fields", lambda x: swept(**GIVEN | {"axes": {"B_ext": x}}), x=[M0],
         also=("B_ext", "dt", "axes", "out")),
    call("sweep over seeds", lambda x: swept(**GIVEN | {"axes": {"seed": x}}), x=[1], also=("seed", "axes", "out")),
    call("sweep over times", lambda x: swept(**GIVEN | {"axes": {"dt": x}}), x=[1e-12],
         also=("dt", "duration", "save_every", "axes", "out")),
    call("sweep with a reducer's value", lambda x: swept(**GIVEN | {"reducer": lambda run: x}), x=np.ones(8),
         also=("reducer",)),
    call("load_sweep", shno.load_sweep, path="no such file.h5"),
    call("Sweep.save", RESULT.save, path="no such folder/sweep.h5"),
    call("plots_sweep.plot_sweep", plots_sweep.plot_sweep, sweep=RESULT, path="no such folder/sweep.png", name="f"),
    call("plots_sweep.can_draw", plots_sweep.can_draw, sweep=RESULT),
    call("plots_sweep.threshold_line", plots_sweep.threshold_line, sweep=RESULT),
]  # fmt: skip
