"""Every metric in one list, a line of meaning each (contract, section 5). No label holds a person, call or incident."""

from prometheus_client import Counter, Gauge, Histogram

_STAGES = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ANSWER = (2, 5, 10, 15, 20, 30, 45, 60, 120)

CALLS_RECEIVED = Counter("tocsin_calls_received_total", "Calls answered with 202", ["line", "channel", "durability"])
DECISIONS = Counter("tocsin_decisions_total", "Calls decided, by outcome", ["line", "outcome"])
STAGE_SECONDS = Histogram(
    "tocsin_stage_seconds", "Time a call spends to the end of a stage", ["stage"], buckets=_STAGES
)
ANSWER_SECONDS = Histogram("tocsin_answer_seconds", "From ringing to the answer", ["line"], buckets=_ANSWER)
SINCE_LAST_CALL = Gauge("tocsin_seconds_since_last_call", "Silence on a line", ["line"])
TASKS_OPEN = Gauge("tocsin_tasks_open", "Tasks not yet ended", ["agency_class", "state"])
CLOCKS_MISSED = Counter("tocsin_clocks_missed_total", "Limits that passed", ["clock", "agency_class"])
OLDEST_UNACKNOWLEDGED = Gauge(
    "tocsin_oldest_unacknowledged_seconds", "Age of the oldest task nobody saw", ["agency_class"]
)
CONSUMER_LAG = Gauge("tocsin_consumer_lag", "Records not yet read", ["topic", "partition"])
STABLE_OFFSET_LAG = Gauge("tocsin_stable_offset_lag", "Records behind an open transaction", ["topic", "partition"])
SPOOL_DEPTH = Gauge("tocsin_spool_depth", "Calls in the local spool")
DEADLETTERS = Counter("tocsin_deadletters_total", "Records put among the dead letters", ["stage"])
STREAM_CLIENTS = Gauge("tocsin_stream_clients", "Open event streams")
WEBHOOKS_FAILING = Gauge("tocsin_webhooks_failing", "Endpoints that have taken nothing for half a minute")
UNIT_STATE = Gauge("tocsin_unit_state", "Ambulances by state", ["state"])
REPLAY_MISMATCHES = Counter("tocsin_replay_mismatches_total", "Replays that gave another state")
BUILD_INFO = Gauge("tocsin_build_info", "Version and policy in force", ["version", "policy"])
