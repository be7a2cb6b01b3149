"""Session tokens: who made them, for whom, until when."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from shared.contracts.ids import ContactId
from shared.contracts.intake import Role
from shared.web.sessions import Account, SessionIssuer, SessionVerifier, new_key_pair

PRIVATE, PUBLIC = new_key_pair()
ISSUER = SessionIssuer(PRIVATE, hours=2)
VERIFIER = SessionVerifier(PUBLIC)


def test_a_token_says_who_and_until_when() -> None:
    at = datetime.now(UTC).replace(microsecond=123_000)
    token = ISSUER.issue(contact_id="c-1", contest_id="k", roles=(Role.JUDGE, Role.STAFF), issued_at=at)
    claims = VERIFIER.verify(token)
    assert claims is not None
    assert (claims.contact_id, claims.contest_id, claims.roles, claims.language) == (
        "c-1",
        "k",
        {Role.JUDGE, Role.STAFF},
        "th",
    )
    assert abs(claims.issued_at - at) < timedelta(milliseconds=1)
    assert claims.expires_at - at <= timedelta(hours=2)


def test_an_expired_token_is_none() -> None:
    old = datetime.now(UTC) - timedelta(hours=2, seconds=10)
    assert VERIFIER.verify(ISSUER.issue(contact_id="c", contest_id="k", roles=(), issued_at=old)) is None


def test_a_token_of_another_key_is_none() -> None:
    other = SessionIssuer(new_key_pair()[0]).issue(contact_id="c", contest_id="k", roles=(Role.ADMIN,))
    assert VERIFIER.verify(other) is None


@pytest.mark.parametrize(
    "change", [{"aud": "elsewhere"}, {"iss": "mallory"}, {"exp": None}, {"roles": ["emperor"]}]
)
def test_a_token_with_other_claims_is_none(change: dict[str, object]) -> None:
    payload = jwt.decode(
        ISSUER.issue(contact_id="c", contest_id="k", roles=()), options={"verify_signature": False}
    )
    payload = {name: value for name, value in {**payload, **change}.items() if value is not None}
    assert VERIFIER.verify(jwt.encode(payload, PRIVATE, algorithm="EdDSA")) is None


def test_unsigned_and_symmetric_tokens_are_none() -> None:
    payload = jwt.decode(
        ISSUER.issue(contact_id="c", contest_id="k", roles=(Role.ADMIN,)), options={"verify_signature": False}
    )
    unsigned = jwt.encode(payload, None, algorithm="none")
    symmetric = jwt.encode(payload, "x" * 64, algorithm="HS256")
    assert [VERIFIER.verify(token) for token in (unsigned, symmetric, "", "a.b.c", "ก")] == [None] * 5


def test_a_service_without_the_public_key_lets_nobody_in() -> None:
    token = ISSUER.issue(contact_id="c", contest_id="k", roles=(Role.ADMIN,))
    assert SessionVerifier("").verify(token) is None


def test_an_administrator_is_staff_and_nothing_else() -> None:
    admin = Account(ContactId("c"), frozenset({Role.ADMIN}))
    assert [role for role in Role if admin.may(role)] == [Role.STAFF, Role.ADMIN]
