"""``python -m shared.recount BOOTSTRAP_SERVERS CONTEST_ID``: the figures as JSON; 3 where something
does not hang together, 2 where the log cannot be read."""

import asyncio
import json
import sys

from aiokafka.errors import KafkaError

from shared.recount.figures import recount
from shared.recount.log import read_log


def main() -> int:
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python -m shared.recount BOOTSTRAP_SERVERS CONTEST_ID\n")
        return 2
    try:
        figures = recount(asyncio.run(read_log(sys.argv[1], sys.argv[2])))
    except (KafkaError, LookupError) as error:
        sys.stderr.write(f"the log cannot be read: {error}\n")
        return 2
    sys.stdout.write(json.dumps(figures, ensure_ascii=False, indent=2) + "\n")
    return 3 if figures["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
