"""One log line per thing that happened, as JSON for machines or in colour for a terminal.

``structlog.get_logger()`` and the standard library's loggers end in the same place, with the same
fields: service, contest, correlation id and trace of what is in hand.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from opentelemetry import trace

from shared.observability.context import current_contest_id, current_correlation_id, current_service

QUIET = {
    "aiokafka": logging.WARNING,
    "faststream": logging.WARNING,
    "shared.messaging.faststream": logging.ERROR,
    "mail.log": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "alembic": logging.WARNING,
    "fontTools": logging.WARNING,
}
"""Libraries that tell more than an operator wants to read; our own middleware logs requests."""


def _what_is_in_hand(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in (
        ("service", current_service()),
        ("contest_id", current_contest_id()),
        ("correlation_id", current_correlation_id()),
    ):
        if value:
            event.setdefault(name, value)
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event.setdefault("trace_id", trace.format_trace_id(span.trace_id))
        event.setdefault("span_id", trace.format_span_id(span.span_id))
    return event


def configure_logging(
    *, json: bool, level: str, stream: TextIO | None = None, handler: logging.Handler | None = None
) -> None:
    """Set up logging of this process; safe to repeat.

    Args:
        json: one JSON object per line; else lines for a terminal.
        level: of our own loggers, e.g. ``"INFO"``.
        stream: where to, standard error if None.
        handler: where to instead of a stream, e.g. files that take turns.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _what_is_in_hand,
        structlog.processors.StackInfoRenderer(),
    ]
    target = stream or sys.stderr
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=target.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = handler or logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)
