"""The metrics of the HTTP edge and of mail; those of messaging are in ``shared.messaging.metrics``.

``/metrics`` of each process shows all of them. Names and labels are an interface: dashboards and
alarms are written against them. Labels never carry a person, a contest's content or anything that
grows without bound.
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

READY = Gauge(
    "showcase_ready",
    "1 where nothing is wrong, 0 where ``/readyz`` names a reason, ready or not; asked at each scrape.",
)

MAIL_SENT = Counter(
    "showcase_mail_total",
    "Mail handed to the SMTP server, by outcome: sent, refused, failed.",
    ("service", "outcome"),
)


def render() -> bytes:
    """The metrics of this process in Prometheus's text format; its media type is ``CONTENT_TYPE``."""
    return generate_latest(REGISTRY)
