"""What the first person signed, held against what the second one is about to sign."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.event import LocalizedText

_NUMBERS = {
    "counted": LocalizedText(th="นับ", en="counted"),
    "duplicate": LocalizedText(th="ซ้ำ", en="duplicate"),
    "held": LocalizedText(th="พักไว้", en="held"),
    "struck": LocalizedText(th="ตัดออก", en="struck"),
}
"""What decides the result. Late votes and heads may still come between the signatures, and decide nothing."""
_WITHDRAWN = LocalizedText(th="ถอนตัว", en="withdrawn")
_WINNER = LocalizedText(th="อันดับหนึ่ง", en="first place")
_UNSAID = LocalizedText(th="ไม่ได้ระบุ", en="not named")
_NOBODY = LocalizedText(th="ไม่มี", en="nobody")


def changes(
    signed: Mapping[str, Any], now: Mapping[str, Any], titles: Mapping[str, LocalizedText]
) -> tuple[LocalizedText, ...]:
    """What decides the result and differs between two reports, each as "what before → now".

    Args:
        signed: the report that the first person signed.
        now: the report of the newest recount.
        titles: of the entries on the ballot.
    """

    def title(entry: str | None) -> LocalizedText:
        return titles.get(entry, LocalizedText(th=entry, en=entry)) if entry else _NOBODY

    def titles_of(entries: Sequence[str]) -> LocalizedText:
        each = [title(entry) for entry in entries] or [_NOBODY]
        return LocalizedText(
            th=", ".join(name.th for name in each), en=", ".join(name.in_language("en") for name in each)
        )

    found = [
        _change(what, signed.get(name), now[name])
        for name, what in _NUMBERS.items()
        if signed.get(name) != now[name]
    ]
    before, after = signed.get("by_entry", {}), now["by_entry"]
    found += [
        _change(title(entry), before.get(entry, 0), after.get(entry, 0))
        for entry in sorted({*before, *after})
        if before.get(entry, 0) != after.get(entry, 0)
    ]
    left_before, gone = signed.get("withdrawn", []), now["withdrawn"]
    if left_before != gone:
        found.append(_change(_WITHDRAWN, titles_of(left_before), titles_of(gone)))
    if "winner_entry_id" not in signed:  # a report of an earlier version: its signer was shown none
        found.append(_change(_WINNER, _UNSAID, title(now["winner_entry_id"])))
    elif signed["winner_entry_id"] != now["winner_entry_id"]:
        found.append(_change(_WINNER, title(signed["winner_entry_id"]), title(now["winner_entry_id"])))
    return tuple(found)


def _change(what: LocalizedText, before: object, after: object) -> LocalizedText:
    def words(value: object, language: str) -> str:
        return value.in_language(language) if isinstance(value, LocalizedText) else str(value)

    th, en = (
        f"{words(what, language)} {words(before, language)} → {words(after, language)}"
        for language in ("th", "en")
    )
    return LocalizedText(th=th, en=en)
