"""PURE: missions, ambulances and hospitals of the 120 centre, and what may be decided about them."""
