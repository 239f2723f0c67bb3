"""What stays the same over the steps is computed once a block: a kernel's parameters, and what is made of them alone.

The physics is written for numbers; whether one changes from step to step only the kernel knows. Its parameters are
`Known`: sums, products and functions of them, and of plain numbers, write no instruction. Where one meets a number that
changes, it is loaded from a row of its own, which `prepare` has filled before the steps.
"""

import re

from llvmlite import ir

from shno.kernel_lanes import Block
from shno.kernel_registers import Register, simplified
from shno.layout import leaves


class Known(Register):
    """A number that stays the same, by what makes it: "R3" (a row of parameters), or an operation and its operands."""

    def __init__(self, rows, key):
        """rows : Prepared."""
        self.rows, self.key, self.builder = rows, key, rows.block.builder

    @property
    def value(self):
        """Loaded from its row."""
        return self.rows.load(self.key).value

    def of(self, value):
        """What is made of a value is no longer known."""
        return Register(self.builder, value)

    def write(self, operation, *numbers):
        """Known, or a plain number, where all the operands are; else a register."""
        if _stay(numbers) and simplified(operation, *numbers) is None:
            return Known(self.rows, (operation, *map(_key, numbers)))
        return super().write(operation, *numbers)

    def call(self, name, *numbers):
        """The same of a function of LLVM's."""
        if _stay(numbers):
            return Known(self.rows, (f"llvm.{name}", *map(_key, numbers)))
        return super().call(name, *numbers)


def _stay(numbers):
    return all(isinstance(x, Known | int | float) for x in numbers)


def _key(x):
    return x.key if isinstance(x, Known) else float(x)


class Prepared:
    """The rows of parameters in a block of a kernel, read as `Known`, and those made of them; for a vector of lanes."""

    def __init__(self, block, layout, places, i):
        """places : {key: row}; what is loaded and has no row yet gets the next one."""
        self.block, self.lanes, self.places, self.i, self.loaded = block, layout.lanes, places, i, {}

    def __getitem__(self, at):
        """As of a Block."""
        return Known(self, f"R{at[0] // self.lanes}")

    def load(self, key):
        """The register of a row."""
        if key not in self.loaded:
            row = self.places.setdefault(key, len(self.places))
            self.loaded[key] = self.block[row * self.lanes, self.i]
        return self.loaded[key]

    def make(self, key):
        """The register of a key from the rows of parameters."""
        if isinstance(key, float):
            return key
        if key not in self.loaded:
            if isinstance(key, str):
                return self.load(key)
            name, *numbers = key[0], *map(self.make, key[1:])
            like = next(x for x in numbers if isinstance(x, Register))
            write = like.call if name.startswith("llvm.") else like.write
            self.loaded[key] = write(name.removeprefix("llvm."), *numbers)
        return self.loaded[key]


def parameter_rows(layout):
    """{key: row} of a layout's parameters."""
    spelt = " ".join(f"R{leaf}" if isinstance(leaf, int) else str(leaf) for leaf in leaves(layout.tree))
    return {f"R{row}": row for row in range(1 + max(map(int, re.findall(r"R(\d+)", spelt)), default=-1))}


def places_of(layout, used):
    """{key: row} of what used(block, rows, i) loads; the instructions that it writes are thrown away."""
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), ()), "thrown_away")
    builder, element = ir.IRBuilder(function.append_basic_block()), ir.FloatType()
    block = Block(builder, ir.Constant(element.as_pointer(), None), element, layout.lanes)
    found, i = parameter_rows(layout), ir.IntType(64)(0)
    used(block, Prepared(block, layout, found, i), i)
    return found
