"""Exceptions, each with the one line that the command would print."""

from __future__ import annotations


class AutoscaleError(Exception):
    """What failed, in one line."""


class InputError(AutoscaleError, ValueError):
    """Bad input: the line names file, line, field or argument, and what was expected."""


class NumericError(AutoscaleError, ArithmeticError):
    """No solution, no convergence."""


class MissingError(AutoscaleError, ImportError):
    """This machine lacks something required: a library, a program, an instruction set, pandas."""
