"""OpenID Connect: the provider says who somebody is, and nothing but its subject is kept.

Code flow with PKCE (RFC 7636, S256), state and nonce; the id_token is verified against the provider's
keys (OpenID Connect Core §3.1.3.7) with Authlib. No scope but ``openid`` is asked for: neither name nor
address ever reaches this system.
"""

import hmac
import time
from typing import Any

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from services.voting.domain.errors import ProviderAway, SignInFailed
from shared.settings import Settings

SECONDS = 10.0
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Public-key signatures only: ``none`` and HMAC are how id_tokens get forged."""
LEEWAY_SECONDS = 60
_KEEP_SECONDS = 3_600.0


class Detour(msgspec.Struct, frozen=True):
    """What the browser carries, sealed, while the person is at the provider."""

    state: str
    nonce: str
    verifier: str


class OidcProvider:
    """One provider, found by its issuer."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")

    async def begin(self, redirect_uri: str) -> tuple[str, Detour]:
        """Where to send the browser, and what it has to bring back.

        Raises:
            ProviderAway: the provider does not answer, or none is set.
        """
        metadata = (await self._known())[0]
        detour = Detour(generate_token(32), generate_token(32), generate_token(64))
        url = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope="openid",
            state=detour.state,
            nonce=detour.nonce,
            code_challenge=create_s256_code_challenge(detour.verifier),
            code_challenge_method="S256",
        )
        return str(url), detour

    async def subject(self, detour: Detour, *, code: str, state: str, redirect_uri: str) -> str:
        """Who came back: the provider's own name for the person.

        Raises:
            SignInFailed: it is not the answer to our question, or cannot be believed.
            ProviderAway: the provider does not answer.
        """
        if not detour.state or not hmac.compare_digest(state.encode(), detour.state.encode()):
            raise SignInFailed("the answer belongs to another attempt")
        if not code:
            raise SignInFailed("sign-in was not completed")
        metadata, keys = await self._known()
        token = await self._exchange(metadata, detour, code, redirect_uri)
        try:
            try:
                return self._verified(token, keys, detour)
            except (
                BadSignatureError,
                InvalidKeyIdError,
            ):  # its keys may have changed since they were fetched
                return self._verified(token, (await self._known(afresh=True))[1], detour)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise SignInFailed(type(error).__name__) from error

    async def _exchange(
        self, metadata: dict[str, Any], detour: Detour, code: str, redirect_uri: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": detour.verifier,
        }
        auth = httpx.BasicAuth(self._client_id, self._secret)
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as http:
                answer = await http.post(metadata["token_endpoint"], data=form, auth=auth)
        except httpx.HTTPError as error:
            raise ProviderAway from error
        if answer.status_code >= 500:
            raise ProviderAway
        try:
            found: dict[str, Any] = answer.json()
        except ValueError as error:
            raise SignInFailed("the provider's answer is no JSON") from error
        if not answer.is_success or not isinstance(found, dict) or "id_token" not in found:
            raise SignInFailed("the code was not accepted")
        return found

    def _verified(self, token: dict[str, Any], keys: KeySet, detour: Detour) -> str:
        decoded = jwt.decode(str(token["id_token"]), keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
                "sub": {"essential": True},
            },
            params={
                "nonce": detour.nonce,
                "client_id": self._client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
            raise ValueError("sub")
        return subject

    async def _known(self, *, afresh: bool = False) -> tuple[dict[str, Any], KeySet]:
        """The provider's configuration and keys, asked for once an hour."""
        if not self.issuer:
            raise ProviderAway
        if not afresh and self._keys is not None and time.monotonic() - self._fetched_at < _KEEP_SECONDS:
            return self._metadata, self._keys
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as http:
                found = await http.get(get_well_known_url(self.issuer, external=True))
                metadata = found.raise_for_status().json()
                keys = (await http.get(metadata["jwks_uri"])).raise_for_status().json()
            if metadata["issuer"].rstrip("/") != self.issuer:
                raise ValueError("issuer")
            if not metadata["token_endpoint"] or not metadata["authorization_endpoint"]:
                raise ValueError("endpoints")
            self._keys = KeySet.import_key_set(keys)
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway from error
        self._metadata = OpenIDProviderMetadata(metadata)
        self._fetched_at = time.monotonic()
        return self._metadata, self._keys
