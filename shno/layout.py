"""Where a kernel finds each parameter: as a row, a compiled-in constant, a waveform or noise. Knows no equation."""

from dataclasses import dataclass

import numpy as np

from shno.waveform import Product, Sum, Waveform

# Lanes a block: throughput; the latency of a few oscillators (float64: 0.5 of the wide rate); that of one (1.3 to 1.9
# times as fast as 16 lanes), where its bits are those of wide blocks: scalar powers, and the adjoint, round otherwise.
WIDE, NARROW, SINGLE = 64, 16, 1
NOISE = ("N0", "N1", "N2")  # leaves in place of B_thermal, the last field parameter, where it is drawn


@dataclass(frozen=True)
class Layout:
    """Where each parameter is found, known at compile time.

    tree : nested tuple    the arguments (h, torque parameters, field parameters[, heat parameters]); a leaf is a row
                           (int), a constant (float), None, or a sum of products (str) of rows R, constants, waveforms W
                           and components of the noise N
    n_free : int           the first n_free rows are differentiable
    lanes : int            oscillators a block
    component : int        of m that is watched for crossings
    waves : tuple          each waveform: (formula's name, rows of its parameters ...), or a table's kind and place
    solver : str           "rk4" or "heun"
    draws : int            of the thermal field a step; 0: none
    """

    tree: tuple
    n_free: int
    lanes: int
    component: int = 0
    waves: tuple = ()
    solver: str = "rk4"
    draws: int = 0


def leaves(tree):
    """The leaves of a nested tuple, in order."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def is_shared(leaf):
    """Whether a parameter is one number for all oscillators."""
    return (leaf.numel() if hasattr(leaf, "numel") else np.size(leaf)) == 1  # a tensor's, or an array's or number's


def is_constant(leaf):
    """Whether a parameter is compiled in: 0, 1 or -1 for all oscillators (axes, film factors, no current)."""
    return is_shared(leaf) and as_number(leaf) in (0.0, 1.0, -1.0)


def as_number(leaf):
    """The value of a shared parameter as a Python float."""
    return float(leaf.item() if hasattr(leaf, "item") else leaf)


def place_leaves(tree, n, is_free=lambda leaf: False, is_first=lambda leaf: False, *, narrowest=NARROW, **more):
    """The Layout of arguments (h, torque parameters, field parameters) for n oscillators, and where their values go.

    is_free(leaf) : differentiable, hence always a row
    is_first(leaf) : of the free ones, placed before the others
    narrowest : lanes of a single oscillator
    more : component, solver, draws of the Layout
    Returns : Layout (its `waves` are left to the caller), the leaves that are rows (free ones first), the numbers that
    are shared, and the waveforms W0, W1, ...
    """
    waves = {id(part): part for leaf in leaves(tree) if isinstance(leaf, Waveform) for part in _waves_in(leaf)}
    numbers = list({id(part): part for leaf in leaves(tree) for part in _numbers_in(leaf)}.values())  # each once
    fixed = [leaf for leaf in numbers if not is_free(leaf) and not is_constant(leaf)]
    shared = [leaf for leaf in fixed if is_shared(leaf)]
    free = sorted(filter(is_free, numbers), key=lambda leaf: not is_first(leaf))
    rows = free + [leaf for leaf in fixed if not is_shared(leaf)]
    place = {id(leaf): row for row, leaf in enumerate(rows + shared)}
    order = list(waves)

    def spell(leaf):
        if isinstance(leaf, tuple):
            return tuple(spell(part) for part in leaf)
        if leaf is None or isinstance(leaf, str):
            return leaf
        if isinstance(leaf, Sum | Product):
            return f"({text(leaf.a)} {'+' if isinstance(leaf, Sum) else '*'} {text(leaf.b)})"
        if isinstance(leaf, Waveform):
            return f"W{order.index(id(leaf))}"
        return place[id(leaf)] if id(leaf) in place else as_number(leaf)

    def text(leaf):
        spelt = spell(leaf)
        return spelt if isinstance(spelt, str) else f"R{spelt}" if isinstance(spelt, int) else f"C({spelt})"

    lanes = narrowest if n == 1 else NARROW if n <= NARROW else WIDE
    layout = Layout(spell(tree), len(free), lanes, **more)
    return layout, rows, [as_number(leaf) for leaf in shared], list(waves.values())


def _waves_in(wave):
    """The waveforms that a sum or product is made of."""
    return wave.leaves() if isinstance(wave, Sum | Product) else (wave,)


def _numbers_in(leaf):
    """The numbers and arrays of a leaf: itself, or those in its sums and products; none in None and noise."""
    if isinstance(leaf, Sum | Product):
        return [*_numbers_in(leaf.a), *_numbers_in(leaf.b)]
    return [] if leaf is None or isinstance(leaf, str | Waveform) else [leaf]


def spread_rows(numbers, batch, width, dtype):
    """Numbers and arrays as rows over a batch, padded to `width` lanes by copies of the last: (k, width)."""
    n = max(int(np.prod(batch)), 1)
    rows = np.empty((len(numbers), width), dtype)
    for row, number in zip(rows, numbers, strict=True):
        row[:n] = np.broadcast_to(number, batch).ravel()
        row[n:] = row[n - 1]
    return rows
