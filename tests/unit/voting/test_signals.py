"""Signals: hashes and classes that say enough for the detectors and nothing of a person."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voting.domain.signals import (
    NOWHERE,
    AgentClass,
    agent_signals,
    forget,
    network_signals,
    networks_behind,
)
from services.voting.door import _Signals
from shared.contracts.voting import VoteSignals

KEY = b"k" * 32
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0"


@given(st.ip_addresses(v=4), st.integers(0, 255))
def test_ipv4_neighbours_share_their_24_and_their_16(address: object, last: int) -> None:
    near = f"{str(address).rpartition('.')[0]}.{last}"
    assert network_signals(KEY, str(address)) == network_signals(KEY, near)
    assert network_signals(KEY, str(address)).subnet48 == ""


def test_networks_are_told_apart_and_keyed() -> None:
    here, there = network_signals(KEY, "203.0.113.9"), network_signals(KEY, "203.0.114.9")
    assert here.subnet24 != there.subnet24
    assert here.prefix == there.prefix
    assert network_signals(b"o" * 32, "203.0.113.9").subnet24 != here.subnet24
    assert network_signals(KEY, "::ffff:203.0.113.9") == here
    six, neighbour = network_signals(KEY, "2001:db8:1:2::3"), network_signals(KEY, "2001:db8:1:ffff::9")
    assert six == neighbour
    assert (six.subnet24, six.subnet48 != "", six.prefix != "") == ("", True, True)


@pytest.mark.parametrize("text", ["", "testclient", "999.1.1.1", "203.0.113"])
def test_no_address_gives_no_network(text: str) -> None:
    assert network_signals(KEY, text) == NOWHERE


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("", AgentClass.NONE),
        ("curl/8.5.0", AgentClass.SCRIPT),
        ("python-requests/2.31.0", AgentClass.SCRIPT),
        (CHROME.replace("Chrome", "HeadlessChrome"), AgentClass.SCRIPT),
        (CHROME, AgentClass.DESKTOP),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) Mobile/15E148 Safari/604.1",
            AgentClass.MOBILE,
        ),
        ("Mozilla/5.0 (Linux; Android 14; wv) Mobile Safari/537.36 Line/14.5.0", AgentClass.IN_APP),
    ],
)
def test_agent_is_classed_by_its_own_word(agent: str, kind: AgentClass) -> None:
    found = agent_signals(KEY, agent)
    assert found.agent_class == kind.value
    assert (found.agent == "") == (kind is AgentClass.NONE)
    assert "Mozilla" not in found.agent


def test_without_a_key_nothing_but_the_class_is_told() -> None:
    assert network_signals(b"", "203.0.113.9") == NOWHERE
    assert agent_signals(b"", CHROME) == ("", AgentClass.DESKTOP.value)


def test_networks_are_found_by_trying_all_for_whoever_has_the_key_and_nobody_else() -> None:
    hashes = {network_signals(KEY, f"203.0.{third}.9").subnet24 for third in (113, 114)} | {"no hash"}
    guesses = range(203 << 16, (203 << 16) + 256)
    assert len(networks_behind(KEY, hashes, guesses)) == 2
    assert networks_behind(b"o" * 32, hashes, guesses) == frozenset()


def test_what_is_remembered_on_the_vote_path_can_be_forgotten() -> None:
    network_signals(KEY, "203.0.113.9"), agent_signals(KEY, CHROME)
    assert network_signals.cache_info().currsize * agent_signals.cache_info().currsize > 0
    forget()
    assert network_signals.cache_info().currsize + agent_signals.cache_info().currsize == 0


def test_door_writes_the_signals_that_the_contract_names() -> None:
    full = dict.fromkeys(_Signals.__struct_fields__, "x") | {"code_age_seconds": 3}
    written = msgspec.json.encode(_Signals(**full))  # type: ignore[arg-type]
    assert VoteSignals.model_validate_json(written).model_dump() == full
    assert set(_Signals.__struct_fields__) == set(VoteSignals.model_fields)
