"""A state's canonical hash: equal for equal folds, whatever PYTHONHASHSEED, batch size or order of partitions."""

import hashlib

import msgspec

from tocsin.incident.state import PartitionState, RegionState

STATE_VERSION = 4
"""Raised with every change of what the fold keeps: snapshots of another version are thrown away (invariant 5)."""

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def region_digest(region: RegionState) -> bytes:
    """The hash of one region: its incidents, calls and numbering; the finding aids follow from those and stay out."""
    h = hashlib.blake2b(digest_size=32)
    h.update(_encoder.encode((region.region, region.day, region.day_count, region.policy)))
    for incident_id in sorted(region.incidents):
        h.update(_encoder.encode(region.incidents[incident_id]))
    for call_id in sorted(region.calls):
        h.update(_encoder.encode(region.calls[call_id]))
    return h.digest()


def digest(state: PartitionState) -> bytes:
    """The hash of a partition's state; a region without anything in it does not count."""
    h = hashlib.blake2b(digest_size=32, person=f"tocsin-{STATE_VERSION}".encode())
    for name in sorted(state.regions):
        region = state.regions[name]
        if region.incidents or region.calls or region.policy:
            h.update(region_digest(region))
    return h.digest()
