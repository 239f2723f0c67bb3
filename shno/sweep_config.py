"""What the flags of `shno sweep` and a TOML file say, as the arguments of `shno.sweep`.

    preset = "w-cofeb-pma"              # the flags, without their dashes
    duration-ns = 20
    dt-ps = 1
    temperature-K = 300
    seed = 1
    save-every = 10
    reducer = "frequency"
    out = "map.h5"

    [axes]                              # start:stop:count, or the values; the unit stands in the name
    I_mA = "0:0.4:100"
    B_mT = "100:800:80"                 # magnitude, along the preset's direction; B_mT.x is a component
    alpha = [0.02, 0.03]                # SI without a unit

    [oscillator]                        # SI, in place of the preset's: further tables are [drive], [reducer-settings]
    theta_SH = -0.4                     # and [settings] (of `simulate`)

A flag goes before the file. Nothing heavy is imported before the arguments are read.
"""

PREFIXES = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
FLAGS = {  # name: (type, metavar, help)
    "preset": (str, "P", "a name that `shno presets` lists; its operating point is swept around"),
    "duration-ns": (float, "T", "of each run, a multiple of the step"),
    "dt-ps": (float, "D", "step; 1 suits most fields"),
    "temperature-K": (float, "K", "of the thermal noise; default 0; else give --seed"),
    "seed": (int, "S", "of the thermal noise"),
    "current-mA": (float, "I", "total current where it is no axis; default the operating point"),
    "reducer": (str, "R", "frequency, amplitude, power, linewidth, threshold, final_state, spike_count, trajectory"),
    "discard-ns": (float, "T", "left out at the start of each run by the reducer; default the first half"),
    "realisations": (int, "N", "runs a point, each with a noise of its own; default 1"),
    "mode": (str, "M", "grid (default) or points: the values of the axes taken together"),
    "save-every": (int, "N", "steps between the states that the reducer sees; default 1"),
    "block": (int, "N", "runs simulated together; default sized to memory"),
    "scheduler": (str, "S", "local or local:2 for Dask workers here, tcp://host:port for a cluster; default none"),
    "out": (str, "FILE", "the HDF5 file to write"),
    "figure": (str, "FILE", "the figure: .png, .pdf or .svg; default beside the file; none for no figure"),
}
SI = {"duration-ns": 1e-9, "dt-ps": 1e-12, "temperature-K": 1.0, "discard-ns": 1e-9, "current-mA": 1e-3}
TABLES = ("axes", "oscillator", "drive", "reducer-settings", "settings")
NEEDED = ("preset", "duration-ns", "dt-ps", "reducer")


def sweep_arguments(told):
    """Oscillator, Drive, axes and keywords of `shno.sweep` from a dict as a TOML file gives it.

    Raises : ValueError, TypeError, naming what does not fit
    """
    from shno.presets import operating_point, preset

    for name in NEEDED:
        if name not in told:
            raise ValueError(f"--{name} must be given. Or name a TOML file that does.")
    number = {name: _number(name, told[name]) * scale for name, scale in SI.items() if name in told}
    oscillator, drive = preset(told["preset"]), operating_point(told["preset"])
    oscillator, drive = _exchanged(oscillator, drive, told, number)
    axes = {}
    for name, values in told.get("axes", {}).items():
        axis, values = axis_of(name, values, drive)
        if axis in axes:
            raise ValueError(f"axis {name} must be given once, got {axis} twice. Leave one out.")
        axes[axis] = values
    if not axes:
        raise ValueError("--axis must be given once or more. For example --axis I_mA=0:0.4:100.")
    given = dict(told.get("reducer-settings", {}))
    given |= {"discard": number["discard-ns"]} if "discard-ns" in number else {}
    keywords = dict(told.get("settings", {}))
    keywords |= {name.replace("-", "_"): told[name] for name in ("realisations", "mode", "save-every", "block", "seed")
                 if name in told}  # fmt: skip
    keywords |= {"duration": number["duration-ns"], "dt": number["dt-ps"], "reducer": told["reducer"]}
    return oscillator, drive, axes, keywords | {"temperature": number.get("temperature-K", 0.0),
                                                "reducer_settings": given}  # fmt: skip


def axis_of(name, values, drive):
    """The SI name and values of an axis from a name with a unit and "start:stop:count", "a,b,c" or a list.

    Raises : ValueError for an unknown name or unit, and for what are no values
    """
    from difflib import get_close_matches

    from shno.sweep_points import names_of

    values, names = _values(name, values), names_of(drive)
    stem, dot, part = str(name).partition(".")
    if stem in ("B", "B_ext") and not dot and values.ndim == 1:
        stem, dot, part = "B_ext", ".", "magnitude"
    if f"{stem}{dot}{part}" in names:
        return f"{stem}{dot}{part}", values
    stem, _, unit = stem.rpartition("_")
    stem = {"B": "B_ext"}.get(stem, stem)
    if stem == "B_ext" and not dot and values.ndim == 1:
        dot, part = ".", "magnitude"
    full = f"{stem}{dot}{part}"
    if full not in names:
        near = get_close_matches(str(name), [*names, "I_mA", "B_mT", "B_mT.x", "temperature_K"], n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]}?" if near else "A unit may follow it, as in I_mA."
        raise ValueError(f"axis must be named after what it varies, got {name!r}. {hint}")
    scales = {prefix + names[full]: scale for prefix, scale in PREFIXES.items()}
    if unit not in scales:
        raise ValueError(
            f"axis {name} must be in {names[full]}, with or without a prefix, got {unit!r}. Or leave it out."
        )
    return full, values * scales[unit]


def as_toml(told):
    """A dict of numbers, texts, lists and tables of these as TOML."""
    plain = {name: value for name, value in told.items() if not isinstance(value, dict)}
    lines = [f"{name} = {_toml_value(value)}" for name, value in plain.items()]
    for name in told.keys() - plain.keys():
        lines += ["", f"[{name}]", *(f"{_toml_value(key)} = {_toml_value(each)}" for key, each in told[name].items())]
    return "\n".join(lines) + "\n"


def read_toml(path):
    """What a TOML file says, a dict.

    Raises : OSError; ValueError for a key that is not known
    """
    import tomllib
    from difflib import get_close_matches

    try:
        with open(path, "rb") as file:
            told = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} must be TOML, got: {error}. See https://toml.io.") from None
    known = (*FLAGS, "B-mT", *TABLES)
    for name, value in told.items():
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise ValueError(f"{path} must have keys that are flags, got {name!r}. {hint}")
        if (name in TABLES) != isinstance(value, dict):
            raise ValueError(f"{name} in {path} must be a {'table' if name in TABLES else 'value'}, got {value!r}. "
                             "See `shno sweep --help`.")  # fmt: skip
        if name in FLAGS and FLAGS[name][0] is str and not isinstance(value, str):
            raise ValueError(f"{name} in {path} must be a text, got {value!r}. Put it in quotation marks.")
    return told


def _exchanged(oscillator, drive, told, number):
    """The records with what is told in place of the preset's."""
    from dataclasses import replace

    changes = {}
    if "current-mA" in number:
        changes |= {"I": number["current-mA"]}
    if "B-mT" in told:
        B = told["B-mT"]
        if not isinstance(B, list) or len(B) != 3:
            raise ValueError(f"--B-mT must be three numbers x,y,z, got {B!r}. In mT.")
        changes["B_ext"] = tuple(_number("B-mT", x) * 1e-3 for x in B)
    changes |= told.get("drive", {})
    for record, given in ((oscillator, told.get("oscillator", {})), (drive, changes)):
        for name in given:
            if name not in record.__dataclass_fields__:
                kind = type(record).__name__
                raise ValueError(f"{name} must be a field of {kind}, got none such. See its documentation.")
    if {"I", "J", "a_DL"} & set(changes):
        changes = dict.fromkeys(("I", "J", "a_DL")) | changes
    return replace(oscillator, **told.get("oscillator", {})), replace(drive, **changes)


def _values(name, values):
    """The values of an axis as an array."""
    import numpy as np

    if isinstance(values, str):
        parts = values.split(":")
        if len(parts) == 3 and parts[2].strip().isdecimal() and 0 < int(parts[2]) <= 10**8:
            return np.linspace(float_of(name, parts[0]), float_of(name, parts[1]), int(parts[2]))
        if len(parts) > 1:
            raise ValueError(f"axis {name} must be start:stop:count or v1,v2,..., got {values!r}. Count is 1 or more.")
        values = [float_of(name, x) for x in values.split(",")]
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"axis {name} must be numbers, got {values!r}. Or start:stop:count in quotation marks."
        ) from None


def float_of(name, text):
    """A text as a number; ValueError, naming what it is of, where it is none."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be numbers, got {text.strip()!r}. Or start:stop:count.") from None


def _number(name, value):
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name} must be a number, got {value!r}. Its unit is in its name.")
    return value


def _toml_value(value):
    """A number, a text or a list in TOML; JSON's texts are TOML's."""
    import json

    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else repr(value)
