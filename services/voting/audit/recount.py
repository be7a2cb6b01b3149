"""Counts the public vote again.

The rule anew: of the records before a partition's first seal, the first of a voter in a slot counts, and
a receipt counts once; what was held or struck is a decision beside the log.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from services.voting.audit.decisions import VOTES, Decisions, compare_with_certificate, read_decisions
from services.voting.audit.evidence import Evidence, Watch
from services.voting.audit.log import records
from services.voting.audit.openings import Openings
from services.voting.audit.trees import TreeAccount, leaf_hash
from services.voting.audit.votes import Seal, Unread, Vote, read
from shared.settings import Settings

_BANGKOK = timezone(timedelta(hours=7))
_FINAL = ("counted", "duplicate", "held", "struck")
"""Numbers that cannot change after the certificate; a late vote can still come."""


@dataclass(slots=True)
class Recount:
    """What the log says. Equal logs give equal recounts, to the last character of the JSON."""

    contest_id: str
    received: int = 0
    counted: int = 0
    duplicate: int = 0
    late: int = 0
    held: int = 0
    struck: int = 0
    by_entry: dict[str, int] = field(default_factory=dict)
    voters: int = 0
    seals: dict[int, int] = field(default_factory=dict)
    read_up_to: dict[int, int] = field(default_factory=dict)
    """The offset behind the last record that was read, by partition."""
    rulebook_sha256: str = ""
    """Of the newest rulebook on the log; empty where it has none."""
    heads: int = 0
    """Signed heads on the log."""
    last_head: int = 0
    """Revision of the newest head that covers exactly the leaves that were read; 0 where none does."""
    waived: list[str] = field(default_factory=list)
    """Requirements of a safe vote that were waived when it opened, as the log tells."""
    unreadable: int = 0
    """Records before the seals that nobody can read, and that may have been meant for this contest."""
    opened: int = 0
    """Commitments that were opened with the auditor's salts."""
    unread: str = ""
    """The finding about them: the first one, and how many more. It is left out of ``findings`` once the
    certificate names their number."""
    findings: list[str] = field(default_factory=list)
    """What an honest log would not show; empty when all is well."""
    evidence: Evidence = field(default_factory=Evidence, repr=False, compare=False)

    def figures(self) -> dict[str, Any]:
        """Everything but the evidence."""
        names = (name for name in self.__dataclass_fields__ if name != "evidence")
        return {name: getattr(self, name) for name in names}

    def as_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(self.figures(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    def sha256(self) -> str:
        """Fingerprint of the canonical JSON."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


async def recount_from_log(
    settings: Settings,
    contest_id: str,
    up_to: Mapping[int, int] | None = None,
    *,
    tree_up_to: Mapping[int, int] | None = None,
    head_key: str = "",
    openings: Openings | None = None,
    watch: Watch | None = None,
) -> Recount:
    """Count the contest's vote from the log and hold every signed head against it.

    Args:
        up_to: count each partition of the vote log to this offset (exclusive); without it, to its end.
        tree_up_to: take leaves to this offset, which may be another one.
        head_key: the public key of the heads from a place that the auditor trusts.
        openings: the salts of the commitments, where an approver let the auditor have them.
        watch: the part of a partition of which single records are kept as evidence.
    """
    decisions = await read_decisions(settings, contest_id, head_key)
    count = _Count(Recount(contest_id, evidence=Evidence(watch)), decisions, openings)
    if decisions.seals is not None and up_to is not None:  # of those that are read
        decisions.seals = {p: offset for p, offset in decisions.seals.items() if offset < up_to.get(p, 0)}
    tree_up_to = tree_up_to or up_to
    ends = None
    if up_to is not None and tree_up_to is not None:
        ends = {p: max(up_to.get(p, 0), tree_up_to.get(p, 0)) for p in {*up_to, *tree_up_to}}
    async for record in records(settings, VOTES, up_to=ends):
        partition, offset = record.partition, record.offset
        said = read(record)
        counts = up_to is None or offset < up_to.get(partition, 0)
        if counts:
            count.result.read_up_to[partition] = offset + 1
        if isinstance(said, Unread):
            if counts and said.contest_id in (contest_id, None):
                count.unread(partition, offset)
        elif said.contest_id != contest_id:
            continue
        elif isinstance(said, Seal):
            count.seal(partition, offset)
        else:
            if tree_up_to is None or offset < tree_up_to.get(partition, 0):
                count.leaf(partition, offset, said)
            if counts:
                count.vote(partition, offset, said, (record.key or b"").decode(errors="replace"))
    count.close(complete=up_to is None)
    return count.result


class _Count:
    """The recount while the log is being read."""

    def __init__(self, result: Recount, decisions: Decisions, openings: Openings | None) -> None:
        self.result = result
        self._decisions = decisions
        self._openings = openings
        self._evidence = result.evidence
        self._slots: set[bytes] = set()
        self._receipts: set[str] = set()
        self._voters: set[str] = set()
        self._by_entry: Counter[str] = Counter()
        self._strange: dict[str, list[str]] = {}
        self._first_unread = ""
        self._undecided = set(decisions.state_of)
        self._trees = {p: TreeAccount(p, promises) for p, promises in decisions.heads.promises.items()}

    def seal(self, partition: int, offset: int) -> None:
        if partition not in self.result.seals:
            self.result.seals[partition] = offset
            tree = self._trees.get(partition)
            self._evidence.in_time[partition] = tree.size if tree else 0

    def strange(self, partition: int, offset: int, what: str) -> None:
        """Something that an honest log would not show; told once for each kind, with the first place."""
        self._strange.setdefault(what, []).append(f"partition {partition} offset {offset}")

    def unread(self, partition: int, offset: int) -> None:
        """A record that is a vote to nobody. Behind the seal it could only have been late."""
        if partition not in self.result.seals:
            self.result.unreadable += 1
            self._first_unread = self._first_unread or f"partition {partition} offset {offset}"

    def leaf(self, partition: int, offset: int, vote: Vote) -> None:
        tree = self._trees.get(partition)
        if tree is None:
            tree = self._trees[partition] = TreeAccount(partition, {})
        hashed = leaf_hash(vote.receipt_id, vote.commitment)
        self._evidence.leaf(partition, tree.size, hashed, offset, _raw(vote.commitment))
        tree.add(hashed)
        if self._openings is not None:
            if self._openings.opens(
                partition, offset, vote.commitment, self.result.contest_id, vote.entry_id
            ):
                self.result.opened += 1
            else:
                self.strange(partition, offset, "the commitment does not open to the entry")

    def vote(self, partition: int, offset: int, vote: Vote, key: str) -> None:
        self.result.received += 1
        voter, slot, receipt, entry = vote.voter_id, vote.slot, vote.receipt_id, vote.entry_id
        if key != voter:
            self.strange(partition, offset, "the record's key is not its voter")
        self._undecided.discard(receipt)
        outcome = self._outcome(partition, voter, slot, receipt)
        setattr(self.result, outcome, getattr(self.result, outcome) + 1)
        if outcome not in ("late", "duplicate"):
            if self._decisions.ballot and entry not in self._decisions.ballot:
                self.strange(partition, offset, f"a vote for {entry}, which was not on the ballot")
            if not self._slot_is_right(slot, entry, vote.cast_at):
                self.strange(partition, offset, "the slot is not what the scope of the vote says")
        if outcome == "counted":
            self._by_entry[entry] += 1
        self._evidence.row(partition, offset, outcome, receipt, voter, slot, entry)

    def _outcome(self, partition: int, voter: str, slot: str, receipt: str) -> str:
        if partition in self.result.seals:
            return "late"
        mark = hashlib.blake2b(f"{slot}\n{voter}".encode(), digest_size=16).digest()
        if mark in self._slots or receipt in self._receipts:
            return "duplicate"
        self._slots.add(mark)
        self._receipts.add(receipt)
        self._voters.add(voter)
        return self._decisions.state_of.get(receipt, "counted")

    def _slot_is_right(self, slot: str, entry: str, cast_at: datetime) -> bool:
        match self._decisions.scope:
            case "contest":
                return slot == ""
            case "category":
                known = self._decisions.category_of.get(entry)
                return known is None or slot == known
            case "day":
                return slot == cast_at.astimezone(_BANGKOK).date().isoformat()
        return True  # the vote's opening is not on this log

    def close(self, *, complete: bool) -> None:
        result, decisions = self.result, self._decisions
        result.by_entry = dict(sorted(self._by_entry.items()))
        result.voters = len(self._voters)
        result.rulebook_sha256 = decisions.rulebook_sha256
        result.waived = list(decisions.waived)
        result.findings += decisions.findings
        for what, places in self._strange.items():
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            result.findings.append(f"{places[0]}: {what}{more}")
        self._close_unread()
        if self._undecided:
            result.findings.append(
                f"{len(self._undecided)} receipts were held, struck or released and are not on the log, "
                f"the first is {min(self._undecided)}"
            )
        if decisions.seals is not None and decisions.seals != result.seals:
            every = {*decisions.seals, *result.seals}
            wrong = sorted(p for p in every if decisions.seals.get(p) != result.seals.get(p))
            result.findings.append(f"VotingClosed names other seals than the log has, in partitions {wrong}")
        self._close_trees(complete=complete)
        numbers = {name: getattr(result, name) for name in _FINAL}
        result.findings += compare_with_certificate(decisions, numbers, result.by_entry)
        self._check_certified_head()

    def _close_unread(self) -> None:
        result, certified = self.result, self._decisions.certified
        if result.unreadable:
            more = f" (and {result.unreadable - 1} more)" if result.unreadable > 1 else ""
            result.unread = f"{self._first_unread}: a record that nobody can read{more}"
        accepted = certified.get("unreadable", 0) if certified else 0
        if result.unreadable and accepted != result.unreadable:
            result.findings.append(result.unread)
        elif accepted != result.unreadable:
            result.findings.append(
                f"PopularVoteCertified says unreadable = {accepted}, the log says {result.unreadable}"
            )

    def _close_trees(self, *, complete: bool) -> None:
        result, heads = self.result, self._decisions.heads
        result.findings += heads.findings
        if heads.unsigned:
            result.findings.append(f"{heads.unsigned} heads: no key is known by which to check them")
        for partition, tree in sorted(self._trees.items()):
            tree.close(complete=complete)
            result.findings += tree.findings
            self._evidence.nodes[partition] = dict(tree.nodes)
            self._evidence.roots[partition] = (tree.size, tree.root())
        self._evidence.heads = heads.documents
        result.heads = len(heads.sizes)
        sizes = {partition: tree.size for partition, tree in self._trees.items() if tree.size}
        for revision, covered in heads.sizes.items():
            if {partition: size for partition, size in covered.items() if size} == sizes:
                result.last_head = revision

    def _check_certified_head(self) -> None:
        certified = self._decisions.certified
        revision = certified.get("tree_head_revision") if certified else None
        if revision is None:
            return
        covered = self._decisions.heads.sizes.get(revision)
        if covered is None:
            self.result.findings.append(
                f"PopularVoteCertified names head {revision}, which is not on the log"
            )
            return
        short = [p for p, size in self._evidence.in_time.items() if covered.get(p, 0) < size]
        if short:
            self.result.findings.append(
                f"PopularVoteCertified names head {revision}; in partitions {short} it misses votes"
            )


def _raw(commitment: str) -> bytes:
    """A commitment as voting's tiles keep it; zeros for what is none."""
    try:
        raw = bytes.fromhex(commitment)
    except ValueError:
        return bytes(32)
    return raw if len(raw) == 32 and raw.hex() == commitment else bytes(32)
