"""Tocsin: a county's alarm and emergency lines on one event log."""

__version__ = "0.1.0"
