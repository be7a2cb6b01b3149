"""The puzzle that a browser solves before a code is mailed: ALTCHA's proof of work, version 2.

Deterministic mode: the answer is drawn here, so the server verifies with two HMACs and derives nothing,
while the browser has to try every counter up to it. A puzzle belongs to one contest and one network and
works once.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from altcha import Payload, create_challenge, verify_solution

from services.voting.domain.errors import BadProof
from services.voting.domain.keys import ContestKeys, keyed_hash

ALGORITHM = "PBKDF2/SHA-256"
LIFETIME = timedelta(minutes=20)
_MAX_PROOF = 4_000


@dataclass(frozen=True, slots=True)
class Solved:
    """A puzzle that was solved."""

    nonce: str
    """Its name; to be spent once."""
    level: int
    expires_at: datetime


def make_puzzle(
    keys: ContestKeys, *, network: str, level: int, counter: int, cost: int, now: datetime
) -> dict[str, Any]:
    """A puzzle as the browser gets it.

    Args:
        network: the asker's; only a keyed hash of it goes into the puzzle.
        counter: about how many derivations it takes: drawn between this and twice this.
        cost: iterations of one derivation.
        now: real time.
    """
    challenge = create_challenge(
        ALGORITHM,
        cost,
        counter=counter + secrets.randbelow(counter + 1),
        expires_at=now + LIFETIME,
        data={"contest": keys.contest_id, "network": _network(keys, network), "level": level},
        hmac_secret=keys.puzzle,
        hmac_key_secret=keyed_hash(keys.puzzle, "answer"),
    )
    return challenge.to_dict()


def check_proof(keys: ContestKeys, proof: str, *, network: str) -> Solved:
    """The puzzle that ``proof`` solves.

    Raises:
        BadProof: it is not ours, not solved, too old, or was given to another network.
    """
    if len(proof) > _MAX_PROOF:
        raise BadProof
    try:
        payload = Payload.from_base64(proof)
        result = verify_solution(payload, keys.puzzle, hmac_key_secret=keyed_hash(keys.puzzle, "answer"))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadProof from error
    parameters = payload.challenge.parameters
    data = parameters.data or {}
    ours = (data.get("contest"), data.get("network")) == (keys.contest_id, _network(keys, network))
    if not result.verified or not ours or parameters.expires_at is None:
        raise BadProof
    expires_at = datetime.fromtimestamp(parameters.expires_at).astimezone()
    return Solved(parameters.nonce, int(data["level"]), expires_at)


def _network(keys: ContestKeys, network: str) -> str:
    return keyed_hash(keys.puzzle, "network", network)[:9].hex()
