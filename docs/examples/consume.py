"""Follows an awards contest from outside: who is on the shortlist, who won.

Needs only public clients:

    pip install confluent-kafka cloudevents
    python consume.py localhost:9092 [--group NAME] [--once]

``--once`` stops at the end of what is there now; without it the program waits for news.
"""

import argparse
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

TOPICS = ["intake.contest.v1", "scoring.decision.v1"]  # both public


def contest_published(data: dict[str, Any]) -> str:
    rulebook = data["rulebook"]
    return f"contest  {rulebook['name']['th']} ({len(rulebook['categories'])} categories)"


def shortlist_published(data: dict[str, Any]) -> str:
    lines = [f"  {entry['category_id']:<18} {entry['title']['th']}" for entry in data["finalists"]]
    return "\n".join([f"shortlist of {len(lines)}", *lines])


def results_published(data: dict[str, Any]) -> str:
    lines = [
        f"  {award['name']['th']}: {award['applicant_name'] or 'ไม่มีผู้ได้รับรางวัล'}" for award in data["awards"]
    ]
    return "\n".join(["results", *lines])


HANDLERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "showcase.intake.ContestPublished.v1": contest_published,
    "showcase.scoring.ShortlistPublished.v1": shortlist_published,
    "showcase.scoring.ResultsPublished.v1": results_published,
}


def messages(consumer: Consumer, once: bool) -> Iterator[Message]:
    """Records as they come; with ``once`` up to the end of every partition that we were given."""
    at_end: set[tuple[str | None, int | None]] = set()
    silent = 0
    while True:
        message = consumer.poll(0.5)
        if message is None:
            silent += 1
            if once and silent > 20:
                return
            continue
        silent, error = 0, message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            at_end.add((message.topic(), message.partition()))
            if once and len(at_end) == len(consumer.assignment()):
                return
        else:
            raise KafkaException(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bootstrap_servers")
    parser.add_argument("--group", default="my-agency", help="remembers how far you have read")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap_servers,
            "group.id": options.group,
            "auto.offset.reset": "earliest",  # start with the first record ever, not with tomorrow's
            "enable.auto.commit": False,  # we say ourselves when a record is done
            "enable.partition.eof": True,
        }
    )
    consumer.subscribe(TOPICS)
    done: set[str] = set()  # keep this in your database, in the transaction of the effect
    try:
        for message in messages(consumer, options.once):
            value = message.value()
            if value is not None:
                headers = dict(message.headers() or ())
                event = from_binary_event(KafkaMessage(headers=headers, key=message.key(), value=value))
                handle = HANDLERS.get(event.get_type())  # an unknown type is skipped
                if handle and event.get_id() not in done:  # the same ce_id is the same event
                    data = event.get_data()
                    print(handle(data if isinstance(data, dict) else json.loads(value)), flush=True)
                    done.add(event.get_id())
            consumer.commit(message, asynchronous=False)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
