"""A county's policy: agencies, regions, kinds, plans, limits, words. One immutable value, named by its hash."""
