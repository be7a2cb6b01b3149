"""The certificate: what voids a first signature, and what a recount says of the names of what was waived."""

from typing import Any

import pytest

from services.voting.audit.decisions import Decisions, compare_with_certificate
from services.voting.domain.certificate import changes
from shared.contracts.event import LocalizedText

TITLES = {"a": LocalizedText(th="ก", en="A"), "b": LocalizedText(th="ข", en="B")}
SIGNED = {
    "counted": 5, "duplicate": 1, "held": 0, "struck": 0, "late": 0, "by_entry": {"a": 3, "b": 2},
    "withdrawn": [], "winner_entry_id": "a",
}  # fmt: skip


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, []),
        ({"late": 7, "heads": 12, "tree_head_revision": 12, "read_up_to": {"0": 9}}, []),
        ({"counted": 4}, ["counted 5 → 4"]),
        ({"duplicate": 0}, ["duplicate 1 → 0"]),
        ({"held": 2}, ["held 0 → 2"]),
        ({"struck": 2}, ["struck 0 → 2"]),
        ({"by_entry": {"b": 2, "c": 3}}, ["A 3 → 0", "c 0 → 3"]),
        ({"withdrawn": ["b", "c"]}, ["withdrawn nobody → B, c"]),
        ({"winner_entry_id": "b"}, ["first place A → B"]),
        ({"winner_entry_id": None}, ["first place A → nobody"]),
    ],
)
def test_changes_name_what_decides_the_result(now: dict[str, Any], said: list[str]) -> None:
    assert [change.en for change in changes(SIGNED, SIGNED | now, TITLES)] == said


def test_changes_are_told_in_thai_too() -> None:
    now = SIGNED | {
        "struck": 2, "by_entry": {"a": 1, "b": 2}, "withdrawn": ["b"], "winner_entry_id": None
    }  # fmt: skip
    assert [change.th for change in changes(SIGNED, now, TITLES)] == [
        "ตัดออก 0 → 2",
        "ก 3 → 1",
        "ถอนตัว ไม่มี → ข",
        "อันดับหนึ่ง ก → ไม่มี",
    ]


def test_a_signature_under_a_report_without_a_winner_was_not_given_for_one() -> None:
    signed = {name: value for name, value in SIGNED.items() if name != "winner_entry_id"}
    for winner, said in (("a", "not named → A"), (None, "not named → nobody")):
        (change,) = changes(signed, SIGNED | {"winner_entry_id": winner}, TITLES)
        assert change.en == f"first place {said}"


@pytest.mark.parametrize(
    ("opening", "certificate", "findings"),
    [
        ((), [], []),
        (("replication-factor",), ["replication-factor"], []),
        (
            ("replication-factor",),
            [],
            ["PopularVoteCertified says that nothing was waived, VotingOpened says replication-factor"],
        ),
    ],
)
def test_recount_holds_what_was_waived_against_the_opening(
    opening: tuple[str, ...], certificate: list[str], findings: list[str]
) -> None:
    certified = {
        "totals": [], "winner_entry_id": None, "certified_at": "2022-08-20T00:00:00Z", "waived": certificate
    }  # fmt: skip
    assert compare_with_certificate(Decisions(waived=opening, certified=certified), {}, {}) == findings
