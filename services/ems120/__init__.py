"""The 120 centre: the owner of missions, units and hospitals, and its HTTP side."""
