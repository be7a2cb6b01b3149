"""One example of every event, taken from one small made-up contest, for the published contract.

The organisations are invented and the people are opaque ids; the one name, on the one topic that
carries names, is a placeholder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.contracts.event import Event
from shared.contracts.examples.intake import INTAKE
from shared.contracts.examples.notify import NOTIFY
from shared.contracts.examples.scene import at
from shared.contracts.examples.scoring import SCORING
from shared.contracts.examples.voting import VOTING


@dataclass(frozen=True, slots=True)
class Example:
    """An event as a record: the Kafka key, the headers and the value."""

    event: Event
    headers: Mapping[str, str]

    @property
    def key(self) -> str:
        return self.event.key()


def _headers(event: Event, number: int) -> dict[str, str]:
    event_id = f"0181b300-0000-7000-8000-{number:012d}"
    return {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": event.event_type(),
        "ce_source": f"/showcase/{event.SERVICE}",
        "ce_subject": event.key(),
        "ce_time": (at(6, 17) + timedelta(minutes=number)).isoformat(),
        "content-type": "application/json",
        "ce_correlationid": event_id,
        "traceparent": f"00-4bf92f3577b34da6a3ce929d0e0e{number:04x}-00f067aa0ba9{number:04x}-01",
    }


EXAMPLES: Mapping[str, Example] = {
    event.event_type(): Example(event, _headers(event, number))
    for number, event in enumerate((*INTAKE, *SCORING, *VOTING, *NOTIFY), start=1)
}
