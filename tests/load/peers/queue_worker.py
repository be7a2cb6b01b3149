"""The worker of Docker's example-voting-app: from the Redis list to PostgreSQL.

The original takes vote after vote with ``LPOP`` and writes each by itself, and loses the one in hand
when it dies. This one takes up to a thousand, removes them after they are committed, and lets the
primary key drop what it sees twice: cheaper, and safe.
"""

import json
import os
import time

import psycopg
import redis

INSERT = """
    INSERT INTO vote (poll, voter_id, entry_id)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING
"""


def main() -> None:
    store = redis.Redis.from_url(os.environ["REDIS_URL"])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        while True:
            votes = [json.loads(raw) for raw in store.lrange("votes", 0, 999)]
            if not votes:
                time.sleep(0.05)
                continue
            connection.execute(INSERT, [list(column) for column in zip(*votes, strict=True)])
            store.ltrim("votes", len(votes), -1)


if __name__ == "__main__":
    main()
