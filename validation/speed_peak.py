"""How near the kernel is to what the cores can do: its floating-point instructions a second over their multiply-adds.

Instructions are counted in the machine code, compiled anew from the kernel's own source for the arguments of a real
run: of the loops that hold no other loop, the one with the most packed float32 arithmetic is the loop over lanes (add,
subtract, multiply, their fusions, divide, root, estimates, largest and smallest; no moves, no logic, no conversions). A
step takes one size without sign, that of the norm's error, so the loop's instructions over those are those of a step of
one vector of lanes.
The count is held against the equation, whose sums and products are counted by running the step on numbers that write
down what is asked of them: a processor that fuses products with sums needs at least the larger of both numbers, and
at most both together, with the root's own refinement.
The peak is measured by chains of multiply-adds that do not wait for each other, in registers only, on all threads. The
clock is that of a chain of integer instructions of one cycle each; the chains must make a whole number of vector
multiply-adds a cycle and core.
"""

import platform
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from math import ceil

import numpy as np
from numba import njit, typeof

from shno.llgs import right_hand_side
from shno.parameters import arguments, parameters, reduced_step
from shno.solvers import rk4
from shno.threads import thread_count
from shno.vector import project
from validation.speed_system import DT, NotRun, Row, advanced, agree, interleaved, kernel_call, median, neurons, seconds

N, STEPS = 100_000, 4000  # enough for the kernel to be what is measured: a call takes as long as some 150 steps
ARITHMETIC = re.compile(r"v(add|sub|mul|div|sqrt|rcp14|rsqrt14|rcp|rsqrt|max|min|fn?m(add|sub)(132|213|231))ps$")
SIZES = re.compile(r"v(andps|pandd)$")  # a number without its sign
LANES = {"zmm": 16, "ymm": 8, "xmm": 4}  # float32 in a register
WATCHED = 1  # instruction that keeps the largest of the norm's errors
CHAINS, LINKS, WIDTH = 12, 40, 64  # CHAINS: more than latency (4 cycles) x units (2), fewer than registers
REPEATS, SHORT = 10_000, 1000  # of all links over WIDTH lanes: about 40 ms, and 250 us, of which a call takes 1
TICKS = 3  # instructions of one cycle in a link of the clock's chain: shift, exclusive or, add
X86 = ("x86_64", "AMD64")


class Operations:
    """Numbers that write down what is asked of them: each distinct sum and product once; 0, 1 and -1 cost nothing."""

    def __init__(self):
        """An empty book."""
        self.known = {}

    def number(self, *key):
        """The number that stands for a key: a name, or an operation and its operands."""
        return self.known.setdefault(key, Asked(self, key))

    def count(self, kind):
        """How many "sum" or "product" there are."""
        return sum(key[0] == kind for key in self.known)


class Asked:
    """A number in a book of operations."""

    def __init__(self, book, key):
        """Its book, and what it is."""
        self.book, self.key = book, key

    def __neg__(self):
        """A sign is part of the instruction that uses it."""
        return self.key[1] if self.key[0] == "negative" else self.book.number("negative", self)

    def __add__(self, other):
        """A sum."""
        return self if _is(other, 0) else self.book.number("sum", self, other)

    def __mul__(self, other):
        """A product, or what it is without one."""
        known = {0.0: 0.0, 1.0: self, -1.0: -self} if isinstance(other, int | float) else {}
        return known[other] if other in known else self.book.number("product", self, other)

    def __sub__(self, other):
        """A sum with a sign."""
        return self + -other

    def __rsub__(self, other):
        """A sum with a sign."""
        return -self + other

    def __abs__(self):
        """A bit, no sum."""
        return self

    __radd__, __rmul__ = __add__, __mul__


def _is(x, value):
    return isinstance(x, int | float) and x == value


def operations(system):
    """(sums, products) of one RK4 step of a system by the equation, projection to |m| = 1 included."""
    book, values = Operations(), parameters(*system[:2])

    def symbol(leaf):
        if isinstance(leaf, tuple):
            return tuple(symbol(part) for part in leaf)
        if leaf is None or (np.size(leaf) == 1 and np.asarray(leaf).item() in (0, 1, -1)):
            return None if leaf is None else float(np.asarray(leaf).item())
        return book.number("given", np.asarray(leaf).tobytes())

    h, tree = symbol(reduced_step(values, DT)), symbol(arguments(values))
    m = tuple(book.number("given", axis) for axis in "xyz")
    after = rk4(right_hand_side, m, h, tree, tree, tree)
    project(after)
    return book.count("sum"), book.count("product")


def innermost(assembly):
    """The lines of each loop that holds no other loop, in AT&T syntax: from a label to the last jump back to it."""
    lines = assembly.splitlines()
    labels = {match[1]: n for n, line in enumerate(lines) if (match := re.match(r"(\.?\w+):", line))}
    jumps = ((re.match(r"\s+j\w+\s+(\.?\w+)\s*$", line), n) for n, line in enumerate(lines))
    loops = [(labels[jump[1]], n) for jump, n in jumps if jump and labels.get(jump[1], n) < n]
    return [
        lines[first:last]
        for first, last in loops
        if not any((a, b) != (first, last) and first <= a and b <= last for a, b in loops)
    ]


def arithmetic(loop):
    """(packed float32 instructions of a loop over its sizes, lanes of a vector); (0, 0) for one without any."""
    words = [line.split() or [""] for line in loop]
    sizes = [word for word in words if SIZES.match(word[0])]
    if not sizes:
        return 0.0, 0
    (register,) = {re.search("[xyz]mm", " ".join(word))[0] for word in sizes}
    same = [word for word in words if ARITHMETIC.match(word[0]) and register in " ".join(word)]
    return len(same) / len(sizes), LANES[register]


@cache
def instructions():
    """(instructions of a step of one vector, its lanes) in the machine code of the kernel that runs the neurons."""
    if platform.machine() not in X86:
        raise NotRun(f"x86 instructions are counted, this is {platform.machine()}")
    kernel, given = kernel_call(partial(advanced, neurons(1000), 10))
    options = {name: value for name, value in kernel.targetoptions.items() if name != "nopython"}
    fresh = njit(**options)(kernel.py_func)
    fresh.compile(tuple(map(typeof, given)))
    return max(arithmetic(loop) for loop in innermost(fresh.inspect_asm(fresh.signatures[0])))


@cache
def chains():
    """The compiled peak: kernel(y, a, b, repeats), CHAINS chains of LINKS multiply-adds for each of WIDTH lanes."""
    lines = ["def kernel(y, a, b, repeats):", " for _ in range(repeats):", f"  for i in range({WIDTH}):"]
    lines += [f"   x{k} = y[i + {k * WIDTH}]" for k in range(CHAINS)]
    lines += [f"   x{k} = x{k} * a + b" for _ in range(LINKS) for k in range(CHAINS)]
    lines += [f"   y[i + {k * WIDTH}] = x{k}" for k in range(CHAINS)]
    names = {}
    exec("\n".join(lines), names)
    return njit(nogil=True, fastmath={"contract"})(names["kernel"])


def multiply_adds(repeats, threads):
    """Multiply-adds a second, lanes counted, of so many threads at once."""
    kernel = chains()

    def one(_):
        half = np.float32(0.5)
        y = np.ones(CHAINS * WIDTH, np.float32)
        return seconds(kernel, y, half, half, repeats)

    with ThreadPoolExecutor(threads) as pool:
        return sum(CHAINS * LINKS * WIDTH * repeats / spent for spent in pool.map(one, range(threads)))


@cache
def ticking():
    """The compiled clock: a chain of 3 x n dependent instructions of one cycle each."""

    def kernel(x, n):
        for _ in range(n):
            x = (x ^ (x >> np.uint64(7))) + np.uint64(12345)
        return x

    return njit(nogil=True)(kernel)


def clock():
    """The clock of a core while it counts, Hz: of many short chains the fastest, which nothing interrupted."""
    kernel, start, n = ticking(), np.uint64(3), 100_000
    kernel(start, n)
    return TICKS * n / min(seconds(kernel, start, n) for _ in range(100))


def multiply_adds_a_cycle():
    """Vector multiply-adds a cycle of one core: of many short measurements the fastest."""
    _, lanes = instructions()
    multiply_adds(SHORT, 1)
    peak = max(multiply_adds(SHORT, 1) for _ in range(100))
    frequency = clock()
    found = peak / lanes / frequency
    return found / ceil(found - 0.5), f"{found:.2f} vectors of {lanes} a cycle at {frequency / 1e9:.2f} GHz"


def instruction_count():
    """Instructions of a step over the sums and products of the equation together."""
    count, lanes = instructions()
    sums, products = operations(neurons(10))
    most = sums + products + WATCHED
    agree("the larger of sums and products, less what the loop does,", max(sums, products) - count, 0)
    return count / most, f"{count:g} instructions of {lanes} lanes; {sums} sums, {products} products, {WATCHED} more"


def share_of_peak():
    """The kernel's instructions x lanes a second over the multiply-adds a second of all threads."""
    count, _ = instructions()
    system, threads = neurons(N), thread_count()
    advanced(system, STEPS)
    multiply_adds(SHORT, threads)
    times = interleaved({
        "kernel": lambda: seconds(advanced, system, STEPS) / (N * STEPS * count),
        "peak": lambda: 1 / multiply_adds(REPEATS, threads),
    })  # fmt: skip
    share = median(b / a for a, b in zip(times["kernel"], times["peak"], strict=True))
    rate, peak = (1 / median(times[name]) for name in times)
    return share, f"{count:g} instructions a step, {rate / count:.3g} steps/s; peak {peak:.3g}/s on {threads} threads"


def rows():
    """The rows of the peak, and what shows that count and peak are right."""
    what = "packed float32 instructions"
    return (
        Row("S4a", f"RK4 float32, {N:.0e} oscillators: {what} x lanes a second over multiply-adds", 0.6, share_of_peak),
        Row("S4b", f"{what} of a step over the equation's sums and products", 1.0, instruction_count, how="at most"),
        Row("S4c", "the peak's vector multiply-adds a cycle over a whole number", 0.95, multiply_adds_a_cycle),
    )
