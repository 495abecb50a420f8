"""Errors of the command line: one line with its mend."""

from tocsin.runtime.mend import Mend, Misused

__all__ = ["Mend", "Misused"]
