"""Notify's metrics; names and labels are an interface for dashboards."""

from prometheus_client import Counter

NOTICES = Counter(
    "showcase_notices_total",
    "Notices settled, by channel and outcome: delivered, postponed, refused.",
    ("channel", "outcome"),
)
BOUNCES = Counter(
    "showcase_notice_reports_total",
    "Reports of mail that came back: hard, soft, delayed, arrived, known, unknown, no-report.",
    ("verdict",),
)
