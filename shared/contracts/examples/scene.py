"""Who and what the examples are about, and how they write instants and words."""

from datetime import UTC, datetime

from shared.contracts.event import LocalizedText
from shared.contracts.ids import CategoryId, ContactId, ContestId, EntryId, JudgeId

CONTEST = ContestId("smart-city-2022")
ENTRY = EntryId("0181b2f0-5c00-7a10-8e21-3f6f0c2a9d01")
OTHER_ENTRY = EntryId("0181b2f0-5c00-7a10-8e21-3f6f0c2a9d02")
APPLICANT = ContactId("0181a000-0000-7c01-9a00-000000000001")
STAFF = ContactId("0181a000-0000-7c01-9a00-000000000002")
APPROVER = ContactId("0181a000-0000-7c01-9a00-000000000003")
JUDGE_CONTACT = ContactId("0181a000-0000-7c01-9a00-000000000004")
JUDGE = JudgeId("0181a100-0000-7b02-8b00-000000000001")
MOBILITY, LIVING = CategoryId("smart-mobility"), CategoryId("smart-living")


def at(month: int, day: int, hour: int = 2, minute: int = 0) -> datetime:
    """An instant of 2022 in UTC; Bangkok is seven hours ahead."""
    return datetime(2022, month, day, hour, minute, tzinfo=UTC)


def words(th: str, en: str) -> LocalizedText:
    return LocalizedText(th=th, en=en)
