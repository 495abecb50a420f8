"""What other centres say and hear: CAP 1.2 in and out, EIDO out; each held against its published structure."""
