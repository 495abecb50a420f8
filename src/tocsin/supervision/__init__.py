"""PURE: cases, cards and scores: what supervision makes of the facts it is told."""
