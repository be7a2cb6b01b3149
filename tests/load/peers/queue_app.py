"""The front of Docker's example-voting-app: Flask behind gunicorn puts each vote on a Redis list.

Settings: gunicorn's threaded workers with keep-alive, 2 × cores + 1; one Redis connection a thread
from redis-py's pool, with hiredis. Redis appends every command to its file before it answers.
"""

import json
import os

import redis
from flask import Flask, Response, request

ENTRIES = frozenset(f"entry-{number:02d}" for number in range(12))
store = redis.Redis.from_url(os.environ["REDIS_URL"])
app = Flask(__name__)


@app.post("/votes")
def cast() -> Response | tuple[dict[str, str], int]:
    vote = json.loads(request.get_data())
    if vote["entry_id"] not in ENTRIES:
        return {"error": "not on the ballot"}, 422
    store.rpush("votes", json.dumps([vote["poll"], vote["voter_id"], vote["entry_id"]]))
    return {"status": "queued"}, 200
