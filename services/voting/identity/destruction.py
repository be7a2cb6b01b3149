"""The end of a contest's personal data: its identity keys are destroyed, and it is shown that nothing
links any more.

What is destroyed is the contest's pepper. The keys from address to voter, the key that seals addresses and
the key that hides networks hang on it; those of receipts, salts and heads do not. Nothing is taken on
faith: before and after, the same questions are put to the data, and the answers are kept and told. What
could not be tried is not claimed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.voting import heads, proofs, repository
from services.voting.domain.ballots import MailClass, voter_of
from services.voting.domain.disclosure import VoteState
from services.voting.domain.errors import NoSuchHead, NotInTree, NotSignedYet
from services.voting.domain.heads import HeadSigner, leaf_hash_of, signature_holds
from services.voting.domain.keys import ContestKeys, derive_keys, keyed_hash, signals_without_pepper
from services.voting.domain.merkle import verify_inclusion
from services.voting.domain.signals import EVERY_24, networks_behind
from services.voting.identity import vault
from services.voting.identity.tables import IdentityDestruction
from shared import known
from shared.clock import Clock
from shared.contracts.ids import ContestId
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.contracts.voting import IdentityKeysDestroyed
from shared.db import Database, take_time
from shared.errors import Conflict
from shared.messaging import publish
from shared.thai.dates import page_instant

SAMPLE = 1_000
"""How many addresses, voters, networks and receipts each question is put to; all where there are fewer."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found when the data was asked, before or after."""

    addresses: int
    """Sealed addresses that lie in the vault."""
    addresses_tried: int
    addresses_opened: int
    """Of those tried: how many opened under any key that can be made."""
    voters: int
    """People with a ballot; those of a rehearsal are nobody's."""
    voters_tried: int
    voters_derived: int
    """Of the kept subjects tried: how many led to a voter under any key that can be made."""
    receipts: int
    """Receipts tried whose record must lie under the newest signed head."""
    receipts_verified: int
    head_verified: bool | None
    """The newest head's signature; None where no head was signed."""
    networks: int | None = None
    """Networks that the log names by a keyed hash; None in a report of before this was asked."""
    networks_tried: int = 0
    """After the end no more than are known to be IPv4: see :func:`as_tried`."""
    networks_derived: int = 0
    """Of those tried: how many are found by trying every IPv4 /24 under the key that can be made."""

    @property
    def linked(self) -> bool:
        """Whether anything still ties a voter to a person or a place."""
        return bool(self.addresses_opened or self.voters_derived or self.networks_derived)

    @property
    def untried(self) -> tuple[str, ...]:
        """What is there and could not be tried: addresses, voters, networks."""
        asked = {
            "addresses": (self.addresses, self.addresses_tried),
            "voters": (self.voters, self.voters_tried),
            "networks": (self.networks, self.networks_tried),
        }
        return tuple(name for name, (there, tried) in asked.items() if there is None or (there and not tried))

    @property
    def proven(self) -> bool:
        """Whether every receipt that was tried verifies, and the head they stand under."""
        return self.receipts_verified == self.receipts and self.head_verified is not False


@dataclass(frozen=True, slots=True)
class Report:
    """A destruction, as it is kept, printed and published."""

    contest_id: str
    destroyed_by: str
    destroyed_at: datetime
    before: Checked
    after: Checked

    @property
    def holds(self) -> bool:
        """Whether each kind was tried, nothing of it links and every receipt verifies.

        IPv6 networks are never tried. One key hides them and the IPv4 ones: where those were found before and
        are not found now, that key is shown to be gone, and :attr:`networks_left` says how many were not
        tried. Where there are none but IPv6 ones, nothing is shown, and this is false.
        """
        return not self.after.untried and not self.after.linked and self.after.proven

    @property
    def networks_left(self) -> int:
        """Networks looked at that count as not tried: the key did not find them either while it was there."""
        return max(0, self.before.networks_tried - self.after.networks_tried)


@dataclass(frozen=True, slots=True)
class DestroyKeys:
    """The command. ``destroyed_by`` is a post, never a person's name."""

    contest_id: str
    destroyed_by: str


_LOCK = text("SELECT length(pepper) FROM identity_pepper WHERE contest_id = :contest_id FOR UPDATE")
_EMPTY = text("UPDATE identity_pepper SET pepper = '' WHERE contest_id = :contest_id")
_FORGET_QUEUE = text("DELETE FROM outgoing_code WHERE contest_id = :contest_id")
_SUBJECTS = text(
    """
    SELECT subject FROM ballot_code WHERE contest_id = :contest_id AND used_at IS NOT NULL
    UNION SELECT subject FROM account_subject WHERE contest_id = :contest_id
    LIMIT :most
    """
)
_VOTERS = text("SELECT count(*) FROM issued_ballot WHERE contest_id = :contest_id AND mail_class <> :nobody")
_NETWORKS = text(
    """
    SELECT network, count(*) OVER () AS networks FROM vote_signal
    WHERE contest_id = :contest_id AND network <> '' GROUP BY network ORDER BY network LIMIT :most
    """
)
_KNOWN_VOTERS = text(
    "SELECT count(*) FROM issued_ballot WHERE contest_id = :contest_id AND voter_id = ANY(:voters)"
)
_RECEIPTS = text(
    """
    SELECT receipt_id, partition, "offset" FROM vote WHERE contest_id = :contest_id
    ORDER BY receipt_id LIMIT :most
    """
)


def appeals_end(rulebook: Rulebook) -> datetime:
    """When nobody may appeal any more: the rulebook's days after the results."""
    results = rulebook.milestone(MilestoneKind.RESULTS)
    return results.ends_at + timedelta(days=rulebook.judging.appeal_days.value)


async def destroy_keys(session: AsyncSession, clock: Clock, root: bytes, command: DestroyKeys) -> Report:
    """Destroy the identity keys of a contest and show what came of it.

    Destroying them again changes nothing and tells what was kept of the first time.

    Raises:
        Conflict: the result is not certified, or the appeal period has not ended.
        NotFound: there is no such contest.
    """
    contest_id = command.contest_id
    rulebook = await known.rulebook(session, contest_id)
    now = await clock.now(session, contest_id)
    await _check_time(session, rulebook, now)
    pepper = await repository.pepper(session, contest_id)
    await session.execute(_LOCK, {"contest_id": contest_id})
    kept = await session.get(IdentityDestruction, contest_id)
    if kept is not None:
        return read_report(kept)
    before = await check(session, root, contest_id, pepper)
    await session.execute(_EMPTY, {"contest_id": contest_id})
    await session.execute(_FORGET_QUEUE, {"contest_id": contest_id})
    after = as_tried(before, await check(session, root, contest_id))
    report = Report(contest_id, command.destroyed_by, now, before, after)
    session.add(
        IdentityDestruction(
            contest_id=contest_id,
            destroyed_by=command.destroyed_by,
            destroyed_at=now,
            report={"before": asdict(before), "after": asdict(after)},
        )
    )
    await publish(
        session,
        IdentityKeysDestroyed(
            contest_id=ContestId(contest_id),
            destroyed_by=command.destroyed_by,
            addresses=after.addresses,
            voters=after.voters,
            linked=after.addresses_opened + after.voters_derived,
            receipts_verified=after.receipts_verified,
            destroyed_at=now,
            networks_linked=after.networks_derived if after.networks_tried else None,
        ),
    )
    return report


async def shred(database: Database) -> None:
    """Let the server give up the page that held the pepper. What backups and the write-ahead log hold of
    before is theirs to forget: docs/operate/voter-identity.md says when."""
    async with database.engine.connect() as connection:
        outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await outside.execute(text("VACUUM FULL identity_pepper"))


async def check(session: AsyncSession, root: bytes, contest_id: str, pepper: bytes = b"") -> Checked:
    """Put the questions to the data: with the contest's ``pepper``, or, where that is empty, with every
    key that the root secret alone still gives."""
    sealed = await vault.sample(session, contest_id, SAMPLE)
    subjects = (await session.execute(_SUBJECTS, {"contest_id": contest_id, "most": SAMPLE})).scalars().all()
    keys = derive_keys(root, contest_id, pepper)
    receipts, verified, head = await _receipts(session, root, contest_id)
    signals = keys.signals or signals_without_pepper(root, contest_id)
    networks, hashes = await _networks(session, contest_id)
    people = {"contest_id": contest_id, "nobody": int(MailClass.REHEARSAL)}
    return Checked(
        addresses=await vault.count(session, contest_id),
        addresses_tried=len(sealed),
        addresses_opened=sum(_opens(keys, subject, box) for subject, box in sealed),
        voters=int((await session.execute(_VOTERS, people)).scalar_one()),
        voters_tried=len(subjects),
        voters_derived=await _derived(session, keys, subjects),
        receipts=receipts,
        receipts_verified=verified,
        head_verified=head,
        networks=networks,
        networks_tried=len(hashes),
        networks_derived=await _found(session, signals, hashes),
    )


def read_report(kept: IdentityDestruction) -> Report:
    """The report as it was kept."""
    before, after = (Checked(**kept.report[name]) for name in ("before", "after"))
    return Report(kept.contest_id, kept.destroyed_by, kept.destroyed_at, before, as_tried(before, after))


def as_tried(before: Checked, after: Checked) -> Checked:
    """``after``, counting as tried no more networks than some key has found: a hash that no IPv4 /24 gives
    under the right key either is an IPv6 network's, and nothing was tried of it."""
    most = max(before.networks_derived, after.networks_derived)
    return replace(after, networks_tried=min(after.networks_tried, most))


async def _check_time(session: AsyncSession, rulebook: Rulebook, now: datetime) -> None:
    window = await repository.window(session, rulebook.contest_id)
    if window is not None and window.state != VoteState.CERTIFIED:
        raise Conflict(
            "ยังไม่รับรองผลโหวต กุญแจตัวตนยังจำเป็นต่อการตรวจสอบ ทำลายได้หลังรับรองผลและพ้นระยะทักท้วง",
            "The vote is not certified yet: its identity keys are still needed. "
            "Destroy them after the certificate and the appeal period.",
        )
    end = appeals_end(rulebook)
    if now < end:
        raise Conflict(
            f"ยังไม่พ้นระยะทักท้วง ทำลายกุญแจได้ตั้งแต่ {page_instant(end, 'th')}",
            f"The appeal period has not ended: the keys may be destroyed from {page_instant(end, 'en')} on.",
        )


def _opens(keys: ContestKeys, subject: bytes, sealed: bytes) -> bool:
    """Whether the address opens under its key, or under any other key of the contest's."""
    return any(_unsealed(candidate, subject, sealed) for candidate in _candidates(keys))


def _unsealed(keys: ContestKeys, subject: bytes, sealed: bytes) -> bool:
    try:
        vault.unseal(keys, subject, sealed)
    except vault.Unreadable:
        return False
    return True


def _candidates(keys: ContestKeys) -> list[ContestKeys]:
    """The keys as they are, or, where the identity keys are gone, with each remaining key in their place:
    what somebody would try who holds the root secret."""
    if not keys.destroyed:
        return [keys]
    values = {field.name: getattr(keys, field.name) for field in fields(keys)}
    remaining = {value for value in values.values() if isinstance(value, bytes) and len(value) == 32}
    return [
        ContestKeys(**{**values, "identity": key, "voter": key, "contact": key})
        for key in sorted(remaining | {keyed_hash(keys.token, "contact"), bytes(32)})
    ]


async def _derived(session: AsyncSession, keys: ContestKeys, subjects: Sequence[bytes]) -> int:
    """How many of the subjects lead to a voter that holds a ballot."""
    voters = [voter_of(candidate, subject) for candidate in _candidates(keys) for subject in subjects]
    values = {"contest_id": keys.contest_id, "voters": voters}
    return int((await session.execute(_KNOWN_VOTERS, values)).scalar_one())


async def _networks(session: AsyncSession, contest_id: str) -> tuple[int, list[str]]:
    """How many networks the detectors read from the log, and those that are to be tried."""
    rows = (await session.execute(_NETWORKS, {"contest_id": contest_id, "most": SAMPLE})).all()
    return (rows[0].networks if rows else 0), [row.network for row in rows]


async def _found(session: AsyncSession, key: bytes, hashes: Sequence[str]) -> int:
    if not hashes:
        return 0
    await take_time(session)
    return len(await asyncio.to_thread(networks_behind, key, hashes, EVERY_24))


async def _receipts(session: AsyncSession, root: bytes, contest_id: str) -> tuple[int, int, bool | None]:
    """Receipts tried, those proven to lie under the newest head, and whether its signature holds."""
    newest = await heads.latest(session, contest_id)
    if newest is None:
        return 0, 0, None
    head = heads.document_of(newest)
    signed = signature_holds(head, HeadSigner(root).public_key(contest_id))
    rows = (await session.execute(_RECEIPTS, {"contest_id": contest_id, "most": SAMPLE})).all()
    verified = 0
    for row in rows:
        try:
            found = await proofs.prove_inclusion(
                session, contest_id, row.receipt_id, row.partition, row.offset
            )
        except (NotSignedYet, NotInTree, NoSuchHead):
            continue
        tree = next(part for part in head["heads"] if part["partition"] == row.partition)
        leaf = leaf_hash_of(row.receipt_id, found.commitment)
        path = [bytes.fromhex(node) for node in found.proof]
        root_hash = bytes.fromhex(tree["root"])
        verified += verify_inclusion(leaf, found.index, tree["size"], path, root_hash)
    return len(rows), verified, signed
