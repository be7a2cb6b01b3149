"""Files the published contract: ``python -m tests.contract.record``.

Writes the schema snapshot and the golden example of every new event, brings snapshots up to date
with added optional fields, and refuses every other change. A golden example is never rewritten: it
is a record as somebody may have stored it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.contracts.catalogue import EVENT_TYPES
from shared.contracts.examples import EXAMPLES
from shared.contracts.schemas import event_schema, incompatibilities

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
GOLDEN = HERE / "examples"


def rendered(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def verdict(event_type: str, published: dict[str, Any], current: dict[str, Any]) -> str:
    """Empty where ``current`` may take the place of ``published``, otherwise what to do instead."""
    found = incompatibilities(published, current)
    if not found:
        return ""
    name, _, version = event_type.rpartition(".v")
    following = f".v{int(version) + 1}"
    changes = "\n".join(f"  {change}" for change in found)
    return (
        f"{event_type} changed for its readers:\n{changes}\n"
        f"Only optional fields may be added: make it {following} ({name}{following}) beside it."
    )


def main() -> int:
    refused = 0
    for event_type, event in EVENT_TYPES.items():
        snapshot, current = SCHEMAS / f"{event_type}.json", event_schema(event)
        if snapshot.exists() and (reason := verdict(event_type, json.loads(snapshot.read_text()), current)):
            print(reason, file=sys.stderr)
            refused += 1
        else:
            snapshot.write_text(rendered(current))
        golden = GOLDEN / f"{event_type}.json"
        if not golden.exists():
            example = EXAMPLES[event_type]
            record = {
                "key": example.key,
                "headers": dict(example.headers),
                "value": example.event.model_dump(mode="json"),
            }
            golden.write_text(rendered(record))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
