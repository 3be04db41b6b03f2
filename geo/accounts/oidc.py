"""Signing in at another provider by OpenID Connect: what is asked of it, and what is believed.

The authorization code flow with PKCE, state and nonce. Nothing is contacted before somebody signs
in this way, and then the issuer of the settings and the addresses that it names.

Source: OpenID Connect Core 1.0, 3.1; Discovery 1.0, 4.3; RFC 7636 (PKCE); RFC 9207 (issuer in the
answer); RFC 9700 (current practice)
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from geo.accounts.pending import Pending
from geo.errors import InvalidInput, OidcRefused, ProviderUnavailable
from geo.settings import Settings

PENDING_S = 600  # to sign in over there
PENDING_MOST = 10_000
METADATA_KEPT_S = 3600
KEYS_ASKED_EVERY_S = 60  # at most, where a token names a key that isn't known
TIMEOUT_S = 10
# Signed by the provider's private key; never by a secret that is shared, and never not at all.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
)  # fmt: skip
_SCOPES = "openid profile email"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OidcIdentity:
    """Who the provider says somebody is. `account_name` is what its claim says, as it stands."""

    issuer: str
    subject: str
    account_name: str


@dataclass(frozen=True, slots=True)
class _Begun:
    """A sign-in on its way: what its answer must fit."""

    browser: str
    redirect_uri: str
    nonce: str
    code_verifier: str
    next_page: str


class OidcProvider:
    """One provider, by the settings; `find_provider` makes it."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = _checked_address(settings.oidc_issuer or "", "GRIDBEAT_OIDC_ISSUER")
        if not settings.oidc_client_id:
            raise InvalidInput(
                "GRIDBEAT_OIDC_ISSUER is set and GRIDBEAT_OIDC_CLIENT_ID isn't. Set both, or none.",
                field="oidc_client_id",
            )
        self.name = settings.oidc_name
        self._client_id = settings.oidc_client_id
        self._secret = _secret_of(settings)
        self._claim = settings.oidc_account_claim
        self._leeway_s = settings.oidc_clock_skew_s
        self._begun: Pending[_Begun] = Pending(lasts_s=PENDING_S, most=PENDING_MOST)
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def begin(self, redirect_uri: str, *, browser: str, next_page: str) -> str:
        """Return where the browser goes to sign in.

        Parameters
        ----------
        redirect_uri : where it comes back to; registered with the provider
        browser : a secret that this browser alone has, so that no other can bring the answer
        next_page : for afterwards

        Raises
        ------
        ProviderUnavailable : it doesn't answer, or answers what can't be used
        """
        endpoint = _checked_address(self._described("authorization_endpoint"), "the provider")
        begun = _Begun(
            browser, redirect_uri, secrets.token_urlsafe(32), secrets.token_urlsafe(64), next_page
        )
        with self._client(redirect_uri) as client:
            address, _ = client.create_authorization_url(
                endpoint, state=self._begun.put(begun), nonce=begun.nonce,
                code_verifier=begun.code_verifier,
            )  # fmt: skip
        return str(address)

    def finish(
        self, answer: Mapping[str, str], *, browser: str, now: datetime
    ) -> tuple[OidcIdentity, str]:
        """Return who signed in over there, and the page for afterwards.

        Parameters
        ----------
        answer : the query with which the browser came back; its state counts once
        browser : the secret of `begin`

        Raises
        ------
        OidcRefused : `reason` is state (unknown, used, too old, or begun in another browser),
            provider (it refused), clock (its answer is over, or from the future) or token (anything
            else that isn't as it must be)
        ProviderUnavailable : it doesn't answer, or answers what can't be used
        """
        begun = self._begun.take(answer.get("state", ""))
        if begun is None or not secrets.compare_digest(begun.browser.encode(), browser.encode()):
            raise OidcRefused("This sign-in wasn't begun here, or is over.", reason="state")
        # RFC 9207, 2.4: an answer of another provider is no answer.
        if answer.get("iss", self.issuer) != self.issuer:
            raise OidcRefused("The answer comes from another provider.", reason="token")
        if "error" in answer:
            raise OidcRefused("The provider refused.", reason="provider")
        token = self._fetch_token(answer.get("code", ""), begun)
        claims = self._checked_claims(token, begun.nonce, now)
        name = claims.get(self._claim) or self._asked_claim(token, claims["sub"])
        if self._claim == "email" and claims.get("email_verified") is not True:
            raise OidcRefused("The address isn't verified.", reason="account")
        if not isinstance(name, str) or not name:
            raise OidcRefused(f"The token has no claim {self._claim}.", reason="account")
        return OidcIdentity(self.issuer, claims["sub"], name), begun.next_page

    def sign_out_address(self, back_to: str) -> str | None:
        """Return where the browser goes to be signed out over there too; None where it can't."""
        endpoint = self._metadata_now().get("end_session_endpoint")
        if not isinstance(endpoint, str):
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back_to})
        glue = "&" if urlsplit(endpoint).query else "?"
        return f"{_checked_address(endpoint, 'the provider')}{glue}{query}"

    # -- asked of the provider

    def _fetch_token(self, code: str, begun: _Begun) -> dict[str, Any]:
        endpoint = _checked_address(self._described("token_endpoint"), "the provider")
        try:
            with self._client(begun.redirect_uri) as client:
                token = client.fetch_token(
                    endpoint, code=code, code_verifier=begun.code_verifier,
                    grant_type="authorization_code",
                )  # fmt: skip
        except OAuthError as error:
            log.warning("oidc.code_refused", error=str(error.error)[:60])
            raise OidcRefused("The provider took the code for none of its own.", reason="token") \
                from None  # fmt: skip
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable(error) from None
        if not isinstance(token.get("id_token"), str):
            raise OidcRefused("The provider sent no token of who it is.", reason="token")
        return dict(token)

    def _checked_claims(self, token: dict[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
        """What a token says, once its signature, issuer, audience, times and nonce are right."""
        try:
            decoded = self._decoded(token["id_token"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                    "nonce": {"essential": True, "value": nonce},
                },
                {
                    "nonce": nonce, "client_id": self._client_id,
                    "access_token": token.get("access_token"),
                },
            )  # fmt: skip
            claims.validate(now=int(now.timestamp()), leeway=self._leeway_s)
        except (JoseError, ValueError, TypeError) as error:
            claim = getattr(error, "claim", None) or getattr(error, "claim_name", None)
            of_time = isinstance(error, ExpiredTokenError) or (
                isinstance(error, InvalidClaimError) and claim in ("iat", "nbf", "exp")
            )
            log.warning("oidc.token_refused", error=type(error).__name__, claim=claim)
            raise OidcRefused(
                "The token is over, or from the future: see both clocks." if of_time
                else "The token isn't as it must be.",
                reason="clock" if of_time else "token",
            ) from None  # fmt: skip
        return dict(claims)

    def _decoded(self, token: str) -> jwt.Token:
        described = self._metadata_now().get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [name for name in ALGORITHMS if name in described]
        try:
            return jwt.decode(token, self._key_set(), algorithms=allowed)
        except InvalidKeyIdError:  # the provider has changed its keys since
            return jwt.decode(token, self._key_set(anew=True), algorithms=allowed)

    def _asked_claim(self, token: dict[str, Any], subject: str) -> Any:
        """The claim from where some providers keep it, apart from the token."""
        endpoint = self._metadata_now().get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not token.get("access_token"):
            return None
        found = self._get(
            _checked_address(endpoint, "the provider"),
            headers={"Authorization": f"Bearer {token['access_token']}"},
        )
        # Core 1.0, 5.3.2: of another subject it must not be used.
        return found.get(self._claim) if found.get("sub") == subject else None

    def _described(self, name: str) -> str:
        found = self._metadata_now().get(name)
        if not isinstance(found, str):
            raise ProviderUnavailable(f"The sign-in provider names no {name}.")
        return found

    def _metadata_now(self) -> dict[str, Any]:
        if self._metadata is None or self._metadata[0] < time.monotonic():
            found = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:  # Discovery 1.0, 4.3
                raise ProviderUnavailable(
                    "The sign-in provider calls itself otherwise than GRIDBEAT_OIDC_ISSUER does."
                )
            self._metadata = (time.monotonic() + METADATA_KEPT_S, found)
            self._keys = None
        return self._metadata[1]

    def _key_set(self, *, anew: bool = False) -> KeySet:
        now = time.monotonic()
        if self._keys is None or (anew and self._keys[0] + KEYS_ASKED_EVERY_S < now):
            found = self._get(_checked_address(self._described("jwks_uri"), "the provider"))
            try:
                self._keys = (now, KeySet.import_key_set(found))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise _unavailable(error) from None
        return self._keys[1]

    def _get(self, address: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            with httpx2.Client(timeout=TIMEOUT_S) as client:
                answer = client.get(address, headers=headers)
                answer.raise_for_status()
                found = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable(error) from None
        if not isinstance(found, dict):
            raise ProviderUnavailable("The sign-in provider answers what can't be read.")
        return found

    def _client(self, redirect_uri: str) -> Any:
        return OAuth2Client(
            self._client_id, self._secret, scope=_SCOPES, redirect_uri=redirect_uri,
            code_challenge_method="S256", timeout=TIMEOUT_S,
        )  # fmt: skip


def find_provider(settings: Settings) -> OidcProvider | None:
    """Return the provider of the settings, None where none is set.

    Raises
    ------
    InvalidInput : a part is missing, the secret can't be read, or its address is no address
    """
    return None if settings.oidc_issuer is None else OidcProvider(settings)


def _secret_of(settings: Settings) -> str | None:
    if settings.oidc_client_secret is not None:
        return settings.oidc_client_secret.get_secret_value()
    if settings.oidc_client_secret_file is None:
        return None
    try:
        return settings.oidc_client_secret_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"GRIDBEAT_OIDC_CLIENT_SECRET_FILE can't be read ({type(error).__name__}). It is to "
            "hold the secret and nothing else, and this program must be able to read it.",
            field="oidc_client_secret_file",
        ) from None


def _checked_address(address: str, whose: str) -> str:
    """An address by TLS, or on this very machine.

    Raises
    ------
    InvalidInput : it is neither
    """
    parts = urlsplit(address)
    if parts.hostname and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname))
    ):
        return address
    raise InvalidInput(
        f"{whose} has the address “{address[:100]}”, wanted one that begins with https://. Plain "
        "http:// is taken on this very machine only.",
        field="oidc_issuer",
    )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unavailable(error: Exception) -> ProviderUnavailable:
    log.warning("oidc.unavailable", error=type(error).__name__)
    return ProviderUnavailable(
        "The sign-in provider doesn't answer, or not as it must. Try again, or sign in by password."
    )
