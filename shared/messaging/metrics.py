"""The kit's metrics. Names are part of what operators rely on; change none without a new one beside it."""

from prometheus_client import Counter, Gauge, Histogram

CONSUMED = Counter(
    "showcase_records_consumed_total",
    "Records whose effect is committed, by what became of them: applied, skipped, repeated, dead",
    ("group", "topic", "outcome"),
)
SKIPPED_TYPES = Counter(
    "showcase_records_skipped_total",
    "Records passed over because this group does not use their event type",
    ("group", "topic", "event_type"),
)
DEAD_LETTERS = Counter("showcase_dead_letters_total", "Records sent to the dead letters", ("group", "topic"))
RETRIES = Counter(
    "showcase_consume_retries_total",
    "Turns that were taken back: database (a transient fault) or handler (one record failed)",
    ("group", "topic", "cause"),
)
STOPPED = Gauge(
    "showcase_consumer_stopped", "1 while a consumer has stopped itself and waits for a person", ("group",)
)
BATCH_SECONDS = Histogram(
    "showcase_consume_batch_seconds", "From a batch in hand to its commit", ("group", "topic")
)
EFFECT_DELAY = Histogram(
    "showcase_effect_delay_seconds",
    "From the oldest record of a batch entering the log to the commit of its effect: how stale the group is",
    ("group", "topic"),
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 15, 60, 300),
)
LAG = Gauge(
    "showcase_consumer_lag_records",
    "Records between the group's fences and the log's end, in this process's partitions",
    ("group", "topic"),
)
PROGRESS = Gauge(
    "showcase_consumer_progress_timestamp_seconds", "When a group last committed a batch", ("group",)
)
OUTBOX_PUBLISHED = Counter("showcase_outbox_published_total", "Rows confirmed and marked", ("service",))
OUTBOX_DELAY = Histogram(
    "showcase_outbox_delay_seconds",
    "From the insert of an outbox row to its confirmation",
    ("service",),
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
OUTBOX_LEADER = Gauge("showcase_outbox_leader", "1 in the process whose relay leads", ("service",))
OUTBOX_TERMS = Counter("showcase_outbox_terms_total", "Terms that this process began", ("service",))
TIMER_RUNS = Counter("showcase_timer_runs_total", "By result: done, failed", ("timer", "result"))
