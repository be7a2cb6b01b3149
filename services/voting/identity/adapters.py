"""The ways to prove who one is, behind one interface. Which one a contest uses is its rulebook's choice:
one kind for all its voters, so that one person is one voter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from services.voting.domain.ballots import MailClass, subject_of
from services.voting.domain.errors import OtherIdentity, SignInFailed
from services.voting.identity import records
from services.voting.identity.channels import Channel, Target
from services.voting.identity.codes import (
    Desk,
    Queued,
    RedeemCode,
    RequestCode,
    check_not_over,
    keep_ballot,
    redeem_code,
    request_code,
)
from services.voting.identity.oidc import Detour, OidcProvider
from shared import known
from shared.contracts.rulebook import Rulebook, VoterIdentity
from shared.db import Database
from shared.errors import DomainError

CALLBACK = "/vote/account/back"
"""Where the provider sends people back to."""


@dataclass(frozen=True, slots=True)
class GoThere:
    """The person goes on elsewhere and comes back."""

    url: str
    detour: Detour


@dataclass(frozen=True, slots=True)
class CameBack:
    """What the browser brings back from the provider."""

    contest_id: str
    detour: Detour
    code: str
    state: str


class Adapter(Protocol):
    """One way to prove who one is. It ends with the ballot of a voter, or with the reason why not."""

    async def begin(self, command: RequestCode) -> Queued | GoThere:
        """Start: a code is on its way, or the person goes elsewhere.

        Raises:
            DomainError: why not.
        """

    async def finish(self, answer: RedeemCode | CameBack) -> str:
        """The ballot of whoever answers right.

        Raises:
            DomainError: why there is none.
        """


class CodeAdapter:
    """Codes by e-mail or by short message; the channel makes the difference."""

    def __init__(self, database: Database, desk: Desk) -> None:
        self._database = database
        self._desk = desk

    async def begin(self, command: RequestCode) -> Queued:
        async with self._database.transaction() as session:
            return await request_code(session, self._desk, command)

    async def finish(self, answer: RedeemCode | CameBack) -> str:
        if not isinstance(answer, RedeemCode):
            raise OtherIdentity
        async with self._database.transaction() as session:
            found = await redeem_code(session, self._desk, answer)
        if isinstance(found, DomainError):
            raise found
        return found


class OidcAdapter:
    """Accounts of an OpenID Connect provider."""

    def __init__(self, database: Database, desk: Desk, provider: OidcProvider, public_url: str) -> None:
        self._database = database
        self._desk = desk
        self._provider = provider
        self._redirect_uri = public_url.rstrip("/") + CALLBACK

    async def begin(self, command: RequestCode) -> GoThere:
        async with self._database.transaction() as session:
            await check_not_over(session, command.contest_id)
        return GoThere(*await self._provider.begin(self._redirect_uri))

    async def finish(self, answer: RedeemCode | CameBack) -> str:
        if not isinstance(answer, CameBack):
            raise OtherIdentity
        if not answer.detour.state:
            raise SignInFailed("this browser did not begin it")
        subject = await self._provider.subject(
            answer.detour, code=answer.code, state=answer.state, redirect_uri=self._redirect_uri
        )
        # the line feed keeps accounts apart from every address: no address has one
        target = Target(f"oidc\n{self._provider.issuer}\n{subject}", "", MailClass.ACCOUNT, "")
        async with self._database.transaction() as session:
            rulebook = await known.rulebook(session, answer.contest_id)
            if rulebook.voting.identity.value is not VoterIdentity.OIDC:
                raise OtherIdentity
            await check_not_over(session, answer.contest_id)
            keys = await self._desk.window.keys_for(session, answer.contest_id)
            now = await self._desk.clock.now(session, answer.contest_id)
            await records.keep_account(session, answer.contest_id, subject_of(keys, target.normal))
            return await keep_ballot(session, keys, target, now)


@dataclass(frozen=True, slots=True)
class Identity:
    """Voter identity as pages and API use it."""

    desk: Desk
    adapters: Mapping[VoterIdentity, Adapter]

    def adapter(self, rulebook: Rulebook) -> Adapter:
        """The adapter that the rulebook chose."""
        return self.adapters[rulebook.voting.identity.value]

    def channel(self, rulebook: Rulebook) -> Channel:
        """The channel of the contest's codes.

        Raises:
            OtherIdentity: it has none.
        """
        return self.desk.channel(rulebook)
