# SPDX-License-Identifier: MIT
"""The rows of the fault matrix: each module rows_*.py adds its own."""

ROWS = []


class Row:
    def __init__(self, number, fault, bound, quick, bare, run):
        self.number, self.fault, self.bound = number, fault, bound
        self.quick, self.bare, self.run = quick, bare, run


def row(number, fault, bound, quick=False, bare=False):
    """bound: seconds from the end of the fault to progress (or what the function returns).
    quick: in the selection of ./contrib/check.  bare: the function checks everything itself."""
    def add(run):
        ROWS.append(Row(str(number), fault, bound, quick, bare, run))
        return run
    return add
