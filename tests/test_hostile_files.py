"""Files that somebody made in order to hurt: every command and the API refuse them in one clear line."""

import h5py
import numpy as np
import pytest

import shno
from shno import hdf5_parts, sweep_reading

RECORDS = shno.preset("w-cofeb-pma"), shno.operating_point("w-cofeb-pma")
SHORT = {"duration": 2e-11, "dt": 1e-12, "temperature": 300.0, "seed": 1}
COMMANDS = (("info",), ("plot", "--out", "x.png"), ("export", "x.csv"), ("export", "x.npz"), ("resume",))
PLACES = {"run": ("m", "time"), "sweep": ("amplitude", "I")}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a streamed run's and of a sweep's file."""
    folder = tmp_path_factory.mktemp("good")
    shno.simulate(*RECORDS, **SHORT, out=folder / "run.h5")
    shno.sweep(*RECORDS, {"I": [1e-4, 2e-4], "alpha": [0.01, 0.02]}, reducer="amplitude", **SHORT,
               out=folder / "sweep.h5")  # fmt: skip
    return {kind: (folder / f"{kind}.h5").read_bytes() for kind in PLACES}


@pytest.fixture
def refused(folder, good, complaint):
    """A function that plants a fault in a file and gives back the one line of every command and of the API."""

    def run(kind, fault):
        path = folder / "bad.h5"
        path.write_bytes(good[kind])
        with h5py.File(path, "r+", libver=("earliest", "latest")) as file:
            fault(file)
        lines = [complaint(words[0], "bad.h5", *words[1:]) for words in COMMANDS]
        with pytest.raises((ValueError, OSError)) as caught:
            (shno.load if kind == "run" else shno.load_sweep)(path)
        assert "bad.h5" in str(caught.value) and "\n" not in str(caught.value)
        return lines

    return run


def exchange(name, **how):
    """A fault: another dataset of that name."""

    def fault(file):
        del file[name]
        file.create_dataset(name, **how)

    return fault


def relink(name, link):
    """A fault: a link in the place of that name."""

    def fault(file):
        del file[name]
        file[name] = link

    return fault


FAULTS = [
    ("is a link; links are not followed", lambda name: relink(name, h5py.SoftLink("/elsewhere"))),
    ("is a link; links are not followed", lambda name: relink(name, h5py.ExternalLink("/etc/passwd", "/"))),
    ("got a group", lambda name: lambda file: (file.pop(name), file.create_group(name))),
    ("claims 8796093022208 bytes", lambda name: exchange(name, shape=(2**40,), dtype="f8", chunks=(2**10,))),
    ("claims 147573952589676412928 b", lambda name: exchange(name, shape=(2**32, 2**32), dtype="f8", chunks=(8, 32))),
    ("claims 2147483648 bytes", lambda name: exchange(name, shape=(3,), dtype="f8", chunks=(2**28,), maxshape=(None,))),
    ("in another file", lambda name: exchange(name, shape=(3,), dtype="f8", external=[("/etc/passwd", 0, 24)])),
    ("must hold", lambda name: exchange(name, data=["text"])),
    ("must hold", lambda name: exchange(name, data=h5py.Empty("f8"))),
    (" must ", lambda name: exchange(name, data=np.zeros((2, 3, 4, 5)))),
]


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize(("said", "fault"), FAULTS)
def test_a_fault_in_data_or_coordinates_is_one_line(kind, said, fault, refused):
    for name in PLACES[kind]:
        assert all(said in line for line in refused(kind, fault(name)))


@pytest.mark.parametrize(("kind", "name"), [("run", "dt"), ("run", "states"), ("sweep", "runs"), ("sweep", "block")])
def test_a_number_that_cannot_be_is_one_line(kind, name, refused):
    assert all(name in line for line in refused(kind, lambda file: file.attrs.__setitem__(name, -3)))


@pytest.mark.parametrize("kind", PLACES)
def test_another_version_or_format_is_one_line(kind, refused):
    assert all(
        "layout_version must be" in each for each in refused(kind, lambda f: f.attrs.modify("layout_version", 9))
    )
    assert all("but not a shno" in each for each in refused(kind, lambda f: f.attrs.pop("format")))


def test_nan_in_a_run_is_one_line_by_whatever_reads_it(folder, good, complaint):
    (folder / "bad.h5").write_bytes(good["run"])
    with h5py.File("bad.h5", "r+") as file:
        file["m"][7] = np.nan
    for words in COMMANDS[1:]:
        assert "/m of bad.h5 must be finite, got NaN or infinity in rows" in complaint(words[0], "bad.h5", *words[1:])
    lazy = shno.load("bad.h5", lazy=True)
    with pytest.raises(ValueError, match=r"/m of bad\.h5 must be finite, got NaN or infinity in rows 7 to 7"):
        lazy.m[7]
    assert np.isfinite(lazy.m[:7]).all()
    with pytest.raises(ValueError, match="must be finite"):
        shno.load("bad.h5")


def test_links_that_multiply_one_dataset_are_refused_before_they_are_read(refused):
    def many(file):
        file["parameters/oscillator/x"] = np.zeros(10**5)
        for k in range(50):
            file[f"parameters/oscillator/x{k}"] = file["parameters/oscillator/x"]

    for kind in PLACES:
        assert all("claims" in line or "damaged" in line for line in refused(kind, many))


def sealed(file):
    """Make the checksum of a sweep's file fit what is in it."""
    texts = {name: hdf5_parts.attribute(file, name) for name in file.attrs}
    scales = {name: file[name] for name in file if name not in (*sweep_reading.BESIDE, *texts["variables"].split())}
    scales = {name: (tuple(hdf5_parts.attribute(x, "dimensions").split()), x[()], hdf5_parts.attribute(x, "units"))
              for name, x in scales.items()}  # fmt: skip
    groups = {name: {key: x[()] for key, x in each.items()} for name, each in file["parameters"].items()}
    file.attrs["checksum"] = sweep_reading.seal(texts, scales, groups)


FORGED = {
    "mode must be": {"mode": b"list"},
    "axes must be one or more": {"axes": b""},
    "amplitude must be over": {"realisations": 2**40},
    "settings must be a table": {"settings": b'"x"'},
    "duration must be a finite number": {"settings": b"{}"},
    "dt must be a finite number": {"settings": b'{"duration": 1e-9, "dt": NaN}'},
    "maximum recursion": {"settings": b"[" * 60_000},
    "Expecting value": {"settings": b"[[["},
}


@pytest.mark.parametrize("said", FORGED)
def test_a_forged_sweep_is_one_line(said, refused):
    def forge(file):
        for name, value in FORGED[said].items():
            file.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value
        sealed(file)

    assert all(said in line for line in refused("sweep", forge))


@pytest.mark.parametrize("dimensions", [b"alpha I", b"x y", b"I I", b"I alpha z"])
def test_forged_dimensions_are_one_line(dimensions, refused):
    forged = refused("sweep", lambda file: file["amplitude"].attrs.__setitem__("dimensions", np.bytes_(dimensions)))
    assert all("amplitude" in line for line in forged)


def test_axes_that_are_no_numbers_are_one_line(refused):
    def forge(file):
        file["I"][0] = np.nan
        sealed(file)

    assert all("axis I must hold finite numbers" in line for line in refused("sweep", forge))


def test_what_a_terminal_would_obey_is_not_shown(folder, good, capsys):
    from shno.__main__ import main

    (folder / "bad.h5").write_bytes(good["run"])
    with h5py.File("bad.h5", "r+") as file:
        file.attrs["versions"] = np.bytes_(b"\x1b[31m\nred")
    assert main(["info", "bad.h5"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_sweep_s_file_is_no_run_and_a_run_s_no_sweep(folder, good):
    for kind, reader, other in (("run", shno.load_sweep, "shno.load"), ("sweep", shno.load, "shno.load_sweep")):
        (folder / "x.h5").write_bytes(good[kind])
        with pytest.raises(ValueError, match=rf"x\.h5 cannot be read: .* {other} reads it\."):
            reader("x.h5")
