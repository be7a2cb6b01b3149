"""Metrics of codes. Names and labels are an interface: the vote night's board is written against them."""

from collections.abc import Mapping

from prometheus_client import Counter, Gauge, Histogram

from services.voting.domain.addresses import WELL_KNOWN

_OTHERS = "other"
_PROVIDERS = WELL_KNOWN | {"+66"}
"""What the label ``provider`` may say besides ``other``: the large mail providers, and phones in Thailand.
A domain of its own could name a person."""

REQUESTED = Counter(
    "showcase_ballot_codes_requested_total",
    "Codes asked for, by the risk level of their network and whether a puzzle was solved.",
    ("level", "proved"),
)
SENT = Counter(
    "showcase_ballot_codes_total",
    "Codes by what became of their delivery: sent, refused, later (nobody took it; it is tried again), "
    "unsent (nobody took it for so long that it was given up).",
    ("channel", "outcome", "provider"),
)
WAITING = Gauge(
    "showcase_ballot_codes_waiting",
    "Codes in the queue, as the courier that leads saw it in the last second; told by nobody else.",
    ("provider",),
)
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


def provider_label(provider: str) -> str:
    """Whom a code goes to, as a label: one of some twenty, whatever people type."""
    return provider if provider in _PROVIDERS else _OTHERS


def tell_waiting(queue: Mapping[str, int]) -> None:
    """Set the gauge of the queue from how many codes wait for each provider."""
    told = dict.fromkeys((*_PROVIDERS, _OTHERS), 0)
    for provider, codes in queue.items():
        told[provider_label(provider)] += codes
    for label, codes in told.items():
        WAITING.labels(label).set(codes)
