"""Every metric of Showcase, with what it means. ``/metrics`` of each process shows them.

Names and labels are an interface: dashboards and alarms are written against them. Labels never
carry a person, a contest's content or anything that grows without bound.
"""

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_REQUESTS = Counter(
    "showcase_http_requests_total",
    "Requests answered, by the route's template and the status.",
    ("service", "method", "route", "status"),
)
HTTP_SECONDS = Histogram(
    "showcase_http_request_seconds",
    "From the first byte of the request to the last of the answer.",
    ("service", "route"),
    buckets=_FAST,
)
HTTP_IN_FLIGHT = Gauge(
    "showcase_http_requests_in_flight",
    "Requests being answered now; streams of events count while they are open.",
    ("service",),
)

CONSUMER_RECORDS = Counter(
    "showcase_consumer_records_total",
    "Records taken from a topic, by what became of them: applied; skipped (an unknown type, a tombstone "
    "nobody asked for); fenced (already applied before); dead (sent to the dead letters).",
    ("group", "topic", "outcome"),
)
CONSUMER_BATCH_SECONDS = Histogram(
    "showcase_consumer_batch_seconds",
    "One batch from its fetch to its commit.",
    ("group", "topic"),
    buckets=_FAST,
)
CONSUMER_DELAY_SECONDS = Histogram(
    "showcase_consumer_delay_seconds",
    "From the event (ce_time) to the commit of its effect.",
    ("group", "topic"),
    buckets=(*_FAST, 30.0, 60.0, 300.0, 3600.0),
)
CONSUMER_LAG = Gauge(
    "showcase_consumer_lag_records",
    "Records between a group's position and the end of the partition.",
    ("group", "topic", "partition"),
)
CONSUMER_STOPPED = Gauge(
    "showcase_consumer_stopped",
    "1 while a consumer has stopped by itself and needs a person: most records were bad, or the topic is "
    "not the one that its fence remembers.",
    ("group", "topic"),
)
CONSUMER_RETRIES = Counter(
    "showcase_consumer_retries_total",
    "Attempts that failed and were repeated.",
    ("group", "topic"),
)
DEAD_LETTERS = Counter(
    "showcase_dead_letters_total",
    "Records sent to a group's dead letter topic, by reason.",
    ("group", "topic", "reason"),
)

OUTBOX_PUBLISHED = Counter(
    "showcase_outbox_published_total",
    "Events confirmed by the broker.",
    ("service",),
)
OUTBOX_PENDING = Gauge(
    "showcase_outbox_pending",
    "Committed events that are not confirmed yet.",
    ("service",),
)
OUTBOX_DELAY_SECONDS = Histogram(
    "showcase_outbox_delay_seconds",
    "From the insert of an event to its confirmation.",
    ("service",),
    buckets=_FAST,
)
LEADER = Gauge(
    "showcase_leader",
    "1 in the one process that holds the lock for this work: relay or timers.",
    ("service", "work"),
)
TIMER_RUNS = Counter(
    "showcase_timer_runs_total",
    "Turns of a timer, by outcome: done, failed.",
    ("service", "timer", "outcome"),
)

MAIL_SENT = Counter(
    "showcase_mail_total",
    "Mail handed to the SMTP server, by outcome: sent, refused, failed.",
    ("service", "outcome"),
)


def render() -> bytes:
    """The metrics of this process in Prometheus's text format; its media type is ``CONTENT_TYPE``."""
    return generate_latest(REGISTRY)
