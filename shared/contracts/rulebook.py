"""The rulebook of a contest as it travels in ContestPublished: every rule that another service needs.

``contests/<slug>/contest.toml`` is written by people and checked by intake; this is what comes out
of sealing it. Nothing here has a silent default: what the source document leaves open is a
:class:`Decision` that names who decided, why, and whether it is only assumed.
"""

import hashlib
import json
from datetime import date
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from shared.contracts.event import Instant, LocalizedText, Part
from shared.contracts.ids import AwardId, CategoryId, ContestId, DimensionId

T = TypeVar("T")


class DecisionStatus(StrEnum):
    """A contest with an assumed decision can be sealed only as a rehearsal."""

    DECIDED = "decided"
    ASSUMED = "assumed"


class Decision(Part, Generic[T]):
    """A choice that the source document leaves open, with who made it and why."""

    value: T
    status: DecisionStatus
    decided_by: str
    """The post of whoever decided, never a person's name."""
    reason: str
    source: str = ""
    """Where the source is silent or contradicts itself, e.g. ``annex §6 row 2``."""


class Organiser(Part):
    """The agency that runs the contest, with its public office contacts (annex §9)."""

    name: LocalizedText
    abbreviation: LocalizedText
    ministry: LocalizedText
    address: LocalizedText
    email: str
    phone: str
    website: str


class Category(Part):
    """One ด้าน of the contest (annex §4)."""

    id: CategoryId
    name: LocalizedText


class AwardKind(StrEnum):
    JUDGED = "judged"
    POPULAR = "popular"


class Award(Part):
    """One award. A judged one belongs to a category; the popular one to none (annex §4)."""

    id: AwardId
    name: LocalizedText
    kind: AwardKind
    category_id: CategoryId | None = None


class MilestoneKind(StrEnum):
    """The steps of a contest in their usual order."""

    INVITATION = "invitation"
    BRIEFING = "briefing"
    APPLICATIONS = "applications"
    SHORTLIST = "shortlist"
    VOTING = "voting"
    PRESENTATION = "presentation"
    RESULTS = "results"


class Milestone(Part):
    """One row of the calendar. ``ends_at`` equals ``starts_at`` where the step is an instant.

    An interval is half open: the door is open from ``starts_at`` up to and without ``ends_at``.
    """

    kind: MilestoneKind
    name: LocalizedText
    starts_at: Instant
    ends_at: Instant
    note: LocalizedText | None = None
    url: str = ""
    decisions: tuple[Decision[str], ...] = ()
    """What the source leaves open about this row (opening date, closing hour), each in words."""


class Dimension(Part):
    """One dimension of the rubric (annex §8). The guidance points carry no weight of their own."""

    id: DimensionId
    name: LocalizedText
    points: Annotated[int, Field(gt=0)]
    guidance: tuple[LocalizedText, ...]


class ApplicantKind(Part):
    """Who may apply (annex §3): province office, municipality, อบต., อบจ., company …"""

    id: str
    name: LocalizedText


class EligibilityRules(Part):
    """Annex §1 and §3."""

    applicant_kinds: tuple[ApplicantKind, ...]
    operated_months: int
    """The service must have run at least this many months …"""
    operated_until: Decision[date]
    """… before this day."""
    entries_per_applicant: Decision[int]
    categories_per_entry: Decision[int]


class ScoringRound(StrEnum):
    """What the judges' second look, after the presentations, does to the first round's scores."""

    FIRST_ONLY = "first_only"
    SECOND_REPLACES = "second_replaces"


class TieBreak(StrEnum):
    """Steps that are tried in order until one separates the tied entries."""

    HIGHEST_DIMENSION = "highest_dimension"
    """The heaviest dimension's mean first, then the next heavy one, and so on."""
    MEDIAN_TOTAL = "median_total"
    EARLIEST_SUBMISSION = "earliest_submission"
    COMMITTEE_VOTE = "committee_vote"
    """Stop, and ask the committee: nothing is certified until it decides."""


class EmptyCategory(StrEnum):
    """What a category without an entry that deserves it means."""

    NO_AWARD = "no_award"
    BEST_REMAINING = "best_remaining"


class JudgingRules(Part):
    judges_per_entry: Decision[int]
    shortlist_per_category: Decision[int]
    minimum_total: Decision[int]
    """An entry below this mean total (0–100) is neither shortlisted nor a winner."""
    second_round: Decision[ScoringRound]
    tie_break: Decision[tuple[TieBreak, ...]]
    slot_minutes: Decision[int]
    one_award_per_entry: Decision[bool]
    """Of the judged awards and the popular one together."""
    empty_category: Decision[EmptyCategory]
    appeal_days: Decision[int]
    comments_released: Decision[bool]


class VoteScope(StrEnum):
    """What "once" means for one voter."""

    CONTEST = "contest"
    CATEGORY = "category"
    DAY = "day"


class VotesShown(StrEnum):
    """Who sees totals while the vote is open."""

    STAFF = "staff"
    PUBLIC = "public"
    PUBLIC_UNTIL = "public_until"


class VoterIdentity(StrEnum):
    EMAIL = "email"
    PHONE = "phone"
    OIDC = "oidc"


class DisposableAddresses(StrEnum):
    """What happens to a mailbox of a service that gives them away for minutes."""

    REFUSED = "refused"
    FLAGGED = "flagged"
    """It may vote, pays with more friction, and the detectors see its class."""


class VotingRules(Part):
    who_may_vote: Decision[LocalizedText]
    identity: Decision[VoterIdentity]
    minimum_age: Decision[int]
    scope: Decision[VoteScope]
    totals_shown: Decision[VotesShown]
    totals_hidden_last_hours: Decision[int]
    disposable_addresses: Decision[DisposableAddresses] | None = None
    """None in a rulebook of before this was asked: such addresses were let in, so they are flagged."""


class FraudRules(Part):
    """When votes of the public vote are set aside for two people to look at (never deleted).

    A detector compares the votes of one entry among themselves and with those of the others. What it
    finds gives points to the votes concerned; ``hold_at`` points hold a vote. Without this part a
    contest has no detectors.
    """

    hold_at: Decision[int]
    """Points: network, agent, domain and look-alike addresses give 3 each, row and timing 2, rate 1."""
    lift: Decision[int]
    """A trait is conspicuous when it is this many times as common among an entry's votes as elsewhere."""
    network_votes: Decision[int]
    """Votes for one entry from one /24 or /48 before its programs are looked at."""
    network_entropy: Decision[int]
    """Hundredths of a bit: below it, the programs of a network are too much alike to be people's."""
    agent_votes: Decision[int]
    """Votes for one entry by one program (user agent) before its share is looked at."""
    domain_votes: Decision[int]
    """Votes for one entry from one mail domain, webmail and institutions aside, likewise."""
    domain_percent: Decision[int]
    """Share of one mail domain in the codes of an hour from which it is conspicuous."""
    look_alike_addresses: Decision[int]
    """Voters whose addresses differ in their last digits only …"""
    look_alike_percent: Decision[int]
    """… of whom so many per cent voted for the same entry."""
    fast_seconds: Decision[int]
    """A vote sooner than this after its ballot is faster than reading a page."""
    fast_votes: Decision[int]
    """Fast votes of one network, program or domain for one entry, at least half of its votes there."""
    rate_votes: Decision[int]
    """Votes for one entry in ten minutes before its rate is looked at …"""
    rate_factor: Decision[int]
    """… and how many times its own median of the day before."""
    row_odds: Decision[int] | None = None
    """Numbered mailboxes at a public provider agree by chance less than once in 10 to this power; None:
    rows give no points of their own."""
    people_programs: Decision[int] | None = None
    """Colleagues of one mail domain are left alone when their programs differ by this many hundredths of
    a bit …"""
    people_pace: Decision[int] | None = None
    """… the slowest tenth of them took this many tenths times as long to vote as the quickest …"""
    people_gaps: Decision[int] | None = None
    """… and the gaps between their votes vary by this many hundredths of their mean. One of the three
    missing: no group is left alone."""


class CertificateRules(Part):
    """Winners get a certificate (annex §5); who else is a decision."""

    finalists: Decision[bool]
    participants: Decision[bool]


class ClosingDay(StrEnum):
    """What a closing day that is no working day means (30 July 2022 was a Saturday)."""

    AS_WRITTEN = "as_written"
    NEXT_WORKING_DAY = "next_working_day"


class Document(Part):
    """Something to download: the annex, the form, the letter."""

    name: LocalizedText
    path: str
    sha256: str = ""


class Rulebook(Part):
    """All rules of one contest, sealed. Its number starts at 1 and grows with each amendment."""

    contest_id: ContestId
    number: Annotated[int, Field(ge=1)]
    rehearsal: bool
    """True where a decision is only assumed, or staff want a rehearsal: shown on every page."""
    name: LocalizedText
    theme: LocalizedText
    purposes: tuple[LocalizedText, ...]
    organiser: Organiser
    categories: tuple[Category, ...]
    awards: tuple[Award, ...]
    prizes: tuple[LocalizedText, ...]
    milestones: tuple[Milestone, ...]
    rubric: tuple[Dimension, ...]
    eligibility: EligibilityRules
    judging: JudgingRules
    voting: VotingRules
    certificates: CertificateRules
    closing_day: Decision[ClosingDay]
    fraud: FraudRules | None = None
    documents: tuple[Document, ...] = ()

    def milestone(self, kind: MilestoneKind) -> Milestone:
        """The calendar row of ``kind``. Raises KeyError where the contest has none."""
        for milestone in self.milestones:
            if milestone.kind is kind:
                return milestone
        raise KeyError(kind.value)

    def category(self, category_id: str) -> Category:
        """The category of that id. Raises KeyError where there is none."""
        for category in self.categories:
            if category.id == category_id:
                return category
        raise KeyError(category_id)

    def full_score(self) -> int:
        """The sum of the dimensions' points; 100 in annex §8."""
        return sum(dimension.points for dimension in self.rubric)

    def sha256(self) -> str:
        """SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8), in hexadecimal.

        Whoever checks a record hashes its ``rulebook`` member as it came; a model of a later
        version would add its own optional fields first.
        """
        canonical = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode()).hexdigest()
