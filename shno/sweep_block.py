"""A block of a sweep: some of its runs simulated in one call and reduced to numbers. A pure function of the sweep and
of which runs; a worker anywhere computes the same bits.

What does not vectorise bit for bit (the search for the equilibrium, an analysis that sums by BLAS) is done in grains:
so many consecutive runs, whatever the block. The integration itself gives each oscillator the same bits in any batch.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from shno.analysis import amplitude, frequency, linewidth, power, spike_times
from shno.checks import IntegrationError, complaint, shown
from shno.experiments import critical_current
from shno.guard import check_step
from shno.parameters import parameters
from shno.plan import clock
from shno.simulate import simulate
from shno.start import starting_state
from shno.sweep_points import Points

GRAIN, GRAIN_BYTES = 256, 2**26  # runs, and bytes of saved states, of a grain, at most


def _frequency(run, **settings):
    """Frequency of the line, Hz (`analysis.frequency`); NaN where there is none."""
    return {"frequency": frequency(run, **settings)}


def _amplitude(run, **settings):
    """Rms amplitude of the precession, 1 (`analysis.amplitude`)."""
    return {"amplitude": amplitude(run, **settings)}


def _power(run, **settings):
    """Power of the line, 1 (`analysis.power`)."""
    return {"power": power(run, **settings)}


def _linewidth(run, **settings):
    """FWHM of the line and its standard error, Hz (`analysis.linewidth`)."""
    width, error = linewidth(run, **settings)
    return {"linewidth": width, "linewidth_error": error}


def _threshold(oscillator, drive):
    """Threshold current in the drive's own unit (`experiments.critical_current`); nothing is integrated."""
    return {"threshold": critical_current(oscillator, drive)}


def _final_state(run):
    """m at the end: (..., 3)."""
    return {"final_state": run.m[-1]}


def _spike_count(run, *, threshold, rearm, component="y"):
    """Upward crossings of a threshold by a component of m (`analysis.spike_times`)."""
    times = spike_times(run, threshold=threshold, rearm=rearm, component=component)
    return {"spike_count": np.array([len(each) for each in times], dtype=float)}


def _trajectory(run):
    """All saved states of m: (..., n_saved, 3)."""
    return {"m": np.moveaxis(run.m, 0, 1)}


REDUCERS = {
    "frequency": _frequency,
    "amplitude": _amplitude,
    "power": _power,
    "linewidth": _linewidth,
    "threshold": _threshold,
    "final_state": _final_state,
    "spike_count": _spike_count,
    "trajectory": _trajectory,
}
UNITS = {"frequency": "Hz", "linewidth": "Hz", "linewidth_error": "Hz"}
OWN = {"final_state": ("component",), "m": ("time", "component")}  # axes that a reducer adds, where they have names


@dataclass(frozen=True)
class Sweeping:
    """All that a worker needs for any block of a sweep.

    points : Points
    reducer : str or callable; given : dict     the keywords that it gets
    settings : dict         of `simulate`: duration, dt, temperature, seed and more
    grain : int             runs
    """

    points: Points
    reducer: str | Callable
    given: dict
    settings: dict
    grain: int

    def block(self, first, last):
        """{name: (last - first, ...)} of the runs first ... last - 1; both ends are those of grains.

        Raises : TypeError, ValueError, IntegrationError, which tell where the block begins
        """
        try:
            return self._block(np.arange(first, last))
        except (ValueError, IntegrationError) as error:
            text = f"{error} (in runs {first} to {last - 1}, which begin at {self._place(np.array([first]))})"
            raise type(error)(text) if type(error) in (ValueError, IntegrationError) else ValueError(text) from None

    def check_corners(self):
        """Hold the step against the runs at the ends of the axes: hours later, in the last block, it would be too late.

        Raises : ValueError, which tells the point; IntegrationError where a run has no state to start from
        """
        if self.reducer == "threshold":  # nothing is integrated
            return
        corners = self.points.corners()
        try:
            self._check_step(corners)
        except ValueError:
            for run in corners[:, None]:
                try:
                    self._check_step(run)
                except ValueError as error:
                    raise ValueError(f"{error} (at {self._place(run)})") from None
            raise

    def _check_step(self, runs):
        """ValueError where `simulate` would refuse the step of some runs."""
        for call, some in self.points.groups(runs):
            settings = self.call(call)
            dt, solver = settings["dt"], settings.get("solver", "rk4")
            if solver == "reference":
                continue
            (oscillator, drive), steps = self.points.records(some), round(settings["duration"] / dt)
            time, m0 = clock(settings.get("t0", 0.0), dt), self._started(settings, some)
            check_step(oscillator, parameters(oscillator, drive), m0, time, steps, solver, settings["temperature"])

    def _place(self, run):
        """The point of a run (1,), as text."""
        values = self.points.values(run)
        return ", ".join(f"{name} = {shown(value[0].tolist())}" for name, value in values.items())

    def _block(self, runs):
        """The block of runs (n,)."""
        if self.reducer == "threshold":
            return self._gathered(runs, [self._thresholds(each) for each in self._grains(runs)])
        parts = []
        for call, some in self.points.groups(runs):
            parts += self._reduced(some, self._run(call, some))
        return self._gathered(runs, parts)

    def call(self, numbers):
        """The keywords of simulate with these numbers of the axes; a seed only where there is noise."""
        settings = self.settings | {k: int(v) if k == "seed" else v for k, v in numbers.items()}
        if self.reducer == "final_state" and "save_every" not in settings:
            settings["save_every"] = max(1, round(settings["duration"] / settings["dt"]))
        heats = self.points.oscillator.R_th is not None
        if "temperature" in numbers and settings["temperature"] == 0 and not heats:
            settings["seed"] = None
        return settings

    def _run(self, numbers, runs):
        """The Trajectory of some runs that share these numbers of the call, and of their guests behind them."""
        settings, guests = self.call(numbers), self.points.guests(numbers, runs)
        every = np.concatenate([runs, guests])
        parts = [*self._grains(runs), *([guests] if len(guests) else [])]
        settings["m0"] = np.concatenate([self._started(settings, each) for each in parts])
        oscillator, drive = self.points.records(every)
        return simulate(oscillator, drive, realisation=every, **settings)

    def _started(self, settings, runs):
        """The states that runs start from."""
        given = self.points.values(runs).get("m0", settings.get("m0"))
        if given is not None:
            return np.broadcast_to(given, (len(runs), 3))
        oscillator, drive = self.points.records(runs)
        noisy = settings.get("solver") != "reference"
        temperature = float(settings["temperature"]) if noisy else 0.0
        drive = drive.at(settings.get("t0", 0.0))
        return starting_state(oscillator, drive, temperature, settings.get("seed"), runs)

    def _grains(self, runs):
        """Sorted runs (n,) cut where a grain ends."""
        return np.split(runs, 1 + np.flatnonzero(np.diff(runs // self.grain)))

    def _reduced(self, runs, run):
        """[(runs (k,), {name: (k, ...)})], grain by grain."""
        first, parts = 0, []
        for grain in self._grains(runs):
            here = slice(first, first + len(grain))
            oscillator, drive = self.points.records(grain)
            member = replace(
                run, m=run.m[:, here], T=None if run.T is None else run.T[:, here],
                oscillator=oscillator, drive=drive, realisation=grain,
            )  # fmt: skip
            parts.append((grain, _checked(self._reduce(member), len(grain))))
            first += len(grain)
        return parts

    def _reduce(self, run):
        """What the reducer makes of a run, by name."""
        if isinstance(self.reducer, str):
            return REDUCERS[self.reducer](run, **self.given)
        value = self.reducer(run, **self.given)
        return value if isinstance(value, Mapping) else {name_of(self.reducer): value}

    def _thresholds(self, runs):
        values = _threshold(*self.points.records(runs))["threshold"]  # one number where no axis has a part in it
        return runs, _checked({"threshold": np.broadcast_to(values, runs.shape)}, len(runs))

    def _gathered(self, runs, parts):
        """{name: (n, ...)} from parts in any order."""
        gathered = {}
        for some, values in parts:
            for name, value in values.items():
                array = gathered.setdefault(name, np.full((len(runs), *value.shape[1:]), np.nan, value.dtype))
                if array.shape[1:] != value.shape[1:]:
                    got = f"{array.shape[1:]} and {value.shape[1:]} for {name}"
                    raise ValueError(complaint("reducer", "of one shape for all runs", got, "It fills one array."))
                array[some - runs[0]] = value
        return gathered


def name_of(reducer):
    """What the values of a reducer are called."""
    name = reducer if isinstance(reducer, str) else getattr(reducer, "__name__", "value")
    return name if name.isidentifier() else "value"


def identity_of(reducer):
    """A text that tells one reducer from another: a name, and the source of a function where there is one."""
    if isinstance(reducer, str):
        return reducer
    try:
        source = inspect.getsource(reducer)
    except (OSError, TypeError):
        source = ""
    return f"{getattr(reducer, '__module__', '')}.{getattr(reducer, '__qualname__', type(reducer).__name__)}\n{source}"


def check_reducer(reducer, given):
    """TypeError, ValueError unless it is one of REDUCERS or a callable, with a dict of keywords that fit."""
    if not callable(reducer) and (not isinstance(reducer, str) or reducer not in REDUCERS):
        names = ", ".join(REDUCERS)
        raise ValueError(complaint("reducer", f"one of {names}, or a function of a Trajectory", shown(reducer),
                                   "It turns a run into numbers."))  # fmt: skip
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
        raise TypeError(complaint("reducer_settings", "a dict {name: value}", shown(given), "Keywords of the reducer."))
    function = REDUCERS.get(reducer) if isinstance(reducer, str) else reducer
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a callable in C: what it takes is not told before it runs
        return
    try:
        signature.bind(*([None] * (2 if reducer == "threshold" else 1)), **given)
    except TypeError as error:
        remedy = f"reducer {name_of(reducer)}: {error}."
        raise ValueError(complaint("reducer_settings", "what the reducer takes", shown(given), remedy)) from None


def _checked(values, n):
    """{name: array (n, ...) of float64 or float32}; TypeError, ValueError for anything else."""
    checked = {}
    for name, value in values.items():
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):  # a ragged list
            array = np.array(None)
        if not isinstance(name, str) or not name.isidentifier() or array.dtype.kind not in "biuf":
            got = f"{shown(name)}: {shown(value)}"
            raise TypeError(complaint("what reducer returns", "numbers, or a dict of them by name", got, "Real ones."))
        if array.shape[:1] != (n,):
            rule, remedy = f"of shape ({n}, ...), one for each of the batch", "run.m is (n_saved, batch, 3)."
            raise ValueError(complaint(f"{name}, which reducer returns,", rule, f"shape {array.shape}", remedy))
        checked[name] = array if array.dtype == np.float32 else array.astype(np.float64)
    if not checked:
        raise ValueError(complaint("what reducer returns", "not empty", "no names", "Give one number or more."))
    return checked
