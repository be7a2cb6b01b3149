"""What the browser carries from one step of the citizen's way to the next.

Nothing of an unfinished vote is kept on the server: the choice, the address that waits for its code and
the key of the attempt travel in one encrypted cookie, so that a double click, a reload and a lost
connection all mean the same vote.
"""

import base64
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response
from msgspec.structs import replace

from services.voting.domain.keys import ContestKeys
from services.voting.identity import Detour
from shared.settings import Settings

FLOW_COOKIE = "showcase_vote"
BALLOT_COOKIE = "showcase_ballot"
ORDER_COOKIE = "showcase_vote_order"
RECEIPT_COOKIE = "showcase_receipt"
PATH = "/vote"
_HOUR = 3_600
_NONCE = 12
MOST_UNCONFIRMED = 8
"""Receipts of unsure attempts that a browser carries; a cookie has room for so many."""


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An unfinished vote."""

    entry_id: str = ""
    email: str = ""
    """What was typed, an e-mail address or a telephone number."""
    key: str = ""
    code_id: str = ""
    """The code that is on its way."""
    detour: Detour | None = None
    """What an identity provider's answer has to fit."""
    unconfirmed: tuple[str, ...] = ()
    """The receipts of attempts that may have been recorded, the newest last."""

    def unsure_of(self, receipt: str) -> "Flow":
        """This flow after one more attempt that may have been recorded; of too many the oldest goes."""
        others = self.without(receipt)
        return replace(self, unconfirmed=(*others, receipt)[-MOST_UNCONFIRMED:])

    def without(self, receipt: str) -> tuple[str, ...]:
        """The receipts of all other attempts that may have been recorded."""
        return tuple(each for each in self.unconfirmed if each != receipt)


def read_flow(request: Request, keys: ContestKeys) -> Flow:
    """The flow that the browser carries; an empty one where it carries none of ours."""
    try:
        raw = base64.urlsafe_b64decode(request.cookies.get(FLOW_COOKIE, ""))
        opened = AESGCM(keys.cookie).decrypt(raw[:_NONCE], raw[_NONCE:], keys.contest_id.encode())
        return msgspec.json.decode(opened, type=Flow)
    except (ValueError, InvalidTag, msgspec.DecodeError):
        return Flow()


def keep_flow(response: Response, settings: Settings, keys: ContestKeys, flow: Flow) -> None:
    """Let the browser carry ``flow``, readable by us alone, for an hour."""
    nonce = secrets.token_bytes(_NONCE)
    sealed = AESGCM(keys.cookie).encrypt(nonce, msgspec.json.encode(flow), keys.contest_id.encode())
    value = base64.urlsafe_b64encode(nonce + sealed).decode()
    _set(response, settings, FLOW_COOKIE, value, _HOUR)


def end_detour(response: Response, settings: Settings, keys: ContestKeys, flow: Flow) -> Response:
    """The provider's answer is in: it is not taken a second time."""
    keep_flow(response, settings, keys, replace(flow, detour=None))
    return response


def end_flow(response: Response, settings: Settings, keys: ContestKeys, flow: Flow, receipt: str) -> None:
    """The vote is cast; the browser remembers for an hour that this receipt is its own, and the receipts
    of other attempts that nobody has confirmed."""
    if others := flow.without(receipt):
        keep_flow(response, settings, keys, Flow(unconfirmed=others))
    else:
        response.delete_cookie(FLOW_COOKIE, path=PATH)
    _set(response, settings, RECEIPT_COOKIE, receipt, _HOUR)


def keep_ballot(response: Response, settings: Settings, token: str) -> None:
    """Let the browser keep the ballot, so that nobody types a code twice."""
    _set(response, settings, BALLOT_COOKIE, token, 30 * 24 * _HOUR)


def order_of(request: Request) -> str:
    """What shuffles this visitor's ballot; made on the first visit."""
    if not hasattr(request.state, "vote_order"):
        request.state.vote_order = request.cookies.get(ORDER_COOKIE, "")[:32] or secrets.token_urlsafe(8)
    order: str = request.state.vote_order
    return order


def keep_order(request: Request, response: Response, settings: Settings) -> None:
    """Let the ballot look the same the next time."""
    if ORDER_COOKIE not in request.cookies:
        _set(response, settings, ORDER_COOKIE, order_of(request), 365 * 24 * _HOUR)


def new_key() -> str:
    """The name of one attempt to vote."""
    return secrets.token_urlsafe(12)


def _set(response: Response, settings: Settings, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PATH,
        httponly=True,
        secure=settings.secure_cookies,
        samesite="lax",
    )
