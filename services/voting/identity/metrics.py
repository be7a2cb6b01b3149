"""Metrics of codes. Names and labels are an interface: the vote night's board is written against them."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTED = Counter(
    "showcase_ballot_codes_requested_total",
    "Codes asked for, by the risk level of their network and whether a puzzle was solved.",
    ("level", "proved"),
)
SENT = Counter(
    "showcase_ballot_codes_total",
    "Codes by what became of their delivery: sent, refused, later (nobody took it; it is tried again).",
    ("channel", "outcome"),
)
WAITING = Gauge("showcase_ballot_codes_waiting", "Codes in the queue, as the courier that leads saw it last.")
WAITED = Histogram(
    "showcase_ballot_code_wait_seconds",
    "From the instant at which a code was due to its delivery: what the pace of sending costs people.",
    ("channel",),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800),
)
REDEEMED = Counter(
    "showcase_ballot_codes_redeemed_total",
    "Codes typed, by answer: accepted, wrong, expired, exhausted.",
    ("answer",),
)
