"""Supervision: watches the limits by time alone, issues cards, keeps cases and scores. Runs on Faust (ADR 1)."""
