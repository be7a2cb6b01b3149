"""What notices may say, in the reader's language."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.notify.tables import Contact, Entry
from shared.contracts.rulebook import MilestoneKind, Rulebook
from shared.thai.dates import page_date, page_instant, page_time


def span(starts_at: datetime, ends_at: datetime, language: str) -> str:
    """``13.30 น. - 15.00 น.`` / ``13:30 - 15:00``."""
    start, end = page_time(starts_at, language), page_time(ends_at, language)
    return f"{start.removesuffix(' น.')} - {end}"


def fact_text(value: Any, language: str) -> str:
    """A fact of an event as text: plain, a pair of languages, an instant, a day, or a list of these."""
    if isinstance(value, dict):
        if "at" in value:
            return page_instant(datetime.fromisoformat(value["at"]), language)
        if "day" in value:
            return page_date(datetime.fromisoformat(value["day"]), language, long=True)
        if "list" in value:
            return "\n".join(f"• {fact_text(item, language)}" for item in value["list"])
        return str(value["en"] if language == "en" and value.get("en") else value.get("th", ""))
    return str(value)


def contest_words(rulebook: Rulebook, site: str, language: str) -> dict[str, str]:
    """What every notice may say of the contest."""
    words = {
        "site": site,
        "contest.name": rulebook.name.in_language(language),
        "organiser.name": rulebook.organiser.name.in_language(language),
        "organiser.email": rulebook.organiser.email,
    }
    for milestone in rulebook.milestones:
        kind = milestone.kind.value
        words[f"{kind}.day"] = page_date(milestone.starts_at, language, long=True)
        words[f"{kind}.date"] = page_date(milestone.starts_at, language)
        words[f"{kind}.hours"] = span(milestone.starts_at, milestone.ends_at, language)
        words[f"{kind}.closes"] = page_instant(milestone.ends_at, language)
        words[f"{kind}.join"] = milestone.url or f"{site}/briefing"
    words["vote.closes"] = page_instant(rulebook.milestone(MilestoneKind.VOTING).ends_at, language)
    return words


def person_words(contact: Contact | None) -> dict[str, str]:
    """Whoever gave no name is greeted by post or office, else as a letter greets the unknown."""
    if contact is None:
        return {}
    unknown = "Sir or Madam" if contact.language == "en" else "ท่านผู้เกี่ยวข้อง"
    name = contact.name or contact.position or contact.organisation or unknown
    return {"person.name": name, "person.organisation": contact.organisation or name}


def entry_words(entry: Entry | None, language: str) -> dict[str, str]:
    if entry is None:
        return {}
    return {
        "entry.title": fact_text(entry.title or {"th": "ร่างผลงาน", "en": "your draft"}, language),
        "entry.reference": entry.reference or entry.entry_id[:8],
        "entry.applicant": entry.applicant_name,
    }


def event_words(facts: Mapping[str, Any], language: str) -> dict[str, str]:
    """The event's own facts."""
    return {name: fact_text(value, language) for name, value in facts.items()}
