"""Parts of an HDF5 file that somebody else may have made: nothing of it is believed before it is checked, no link is
followed, no code is run.
"""

import os
from contextlib import contextmanager
from math import prod

import h5py

DEFLATED = 1100  # times the bytes in the file: what gzip can make of them at most
LARGEST_CHUNK = 2**26  # bytes, where a state has fewer: any program's
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, OverflowError, MemoryError, AttributeError, IndexError)


@contextmanager
def readable(path, maker, work):
    """A context in which an HDF5 file that `maker` wrote is read: what goes wrong with it is one line.

    work : str      what would make the file again
    Raises : FileNotFoundError, PermissionError; ValueError for what is no HDF5 file, or goes wrong inside
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist. Check the path.")
    try:
        if not os.path.isfile(path):
            raise ValueError("it is not a file")
        open(path, "rb").close()  # a forbidden file says so here
        if not h5py.is_hdf5(path):
            raise ValueError(f"it is not an HDF5 file. Use a file that {maker} wrote")
        yield
    except PermissionError:
        raise PermissionError(f"{path} cannot be read: permission denied. Ask its owner for access.") from None
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {one_line(error)}.") from None
    except DAMAGE as error:
        reason = f"it is truncated or damaged ({one_line(error)})"
        raise ValueError(f"{path} cannot be read: {reason}. Restore a copy or run the {work} again.") from None


def one_line(error):
    """The text of an error on one line, without quotes or a full stop at its ends."""
    return " ".join(str(error).split()).strip("'\". ") or type(error).__name__


def attribute(node, name):
    """An attribute as a Python number or string; None for another kind, which is not even read, and for none."""
    if name not in node.attrs:
        return None
    stored = node.attrs.get_id(name)
    if stored.shape != () or stored.dtype.kind not in "biufS":
        return None
    value = node.attrs[name].item()
    return value.decode() if isinstance(value, bytes) else value


def member(group, name, kind):
    """group[name] of the given class; ValueError when it is missing, another kind, or a link to elsewhere."""
    link = group.get(name, getlink=True)
    if link is None:
        raise ValueError(f"{group.name.rstrip('/')}/{name} is missing, so the file is incomplete")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{group.name.rstrip('/')}/{name} is a link; links are not followed")
    member = group[name]
    if not isinstance(member, kind):
        raise ValueError(f"{member.name} must be a {kind.__name__.lower()}, got a {type(member).__name__.lower()}")
    return member


def group_of(parent, name):
    """The subgroup `name`."""
    return member(parent, name, h5py.Group)


def dataset(group, name, size, kinds="f"):
    """The dataset `name`, not yet read; ValueError when its numbers cannot be in this file of `size` bytes.

    kinds : str     of numpy's types that it may have
    """
    data = member(group, name, h5py.Dataset)
    if data.is_virtual or data.external:
        raise ValueError(f"{data.name} lies in another file; that is not followed")
    if data.shape is None or data.dtype.kind not in kinds or data.dtype.hasobject:
        what = "floating-point numbers" if kinds == "f" else "numbers"
        raise ValueError(f"{data.name} must hold {what}, got {data.dtype}")
    claimed = prod(data.shape) * data.dtype.itemsize  # in Python's integers, which do not overflow
    check_size(data.name, claimed, size * (1 if data.compression is None else DEFLATED))
    check_size(f"a chunk of {data.name}", prod(data.chunks or (0,)) * data.dtype.itemsize, max(size, LARGEST_CHUNK))
    return data


def check_size(name, claimed, most):
    """ValueError where something claims more bytes than the file can hold."""
    if claimed > most:
        raise ValueError(f"{name} claims {claimed} bytes in a file that holds at most {most}, so the file is damaged")


def datasets(group, size, but=()):
    """All datasets of a group of parameters, not yet read; ValueError where, together, they cannot be in this file.

    but : names     that are not counted
    """
    found = {name: dataset(group, name, size) for name in group}
    claimed = sum(each.nbytes for each in found.values() if each.name not in but)
    check_size(group.name, claimed, size)  # a number of links to one dataset
    return found
