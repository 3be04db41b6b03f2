"""An OpenID Connect provider for tests: a process of its own, made of authlib's server.

    python -m tests.oidc_provider [--port 0]    # prints its address

It checks what a provider checks: client, secret, redirect address, PKCE, one use of a code. What
it says can be spoiled over `PUT /spoil`, as a provider that is broken, or isn't who it says, would:

- claims: values to put into the token in place of its own (null takes one out)
- key: "other" signs with a key that it doesn't publish, "new" with one that it publishes from now
  on, "none" not at all
- token_status: the status of the token endpoint; described: entries of its description; me: of what
  it says of a user apart from the token
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

CLIENT_ID, CLIENT_SECRET = "gridbeat-test", "a-secret-for-tests"


@dataclass
class Provider:
    """A running provider, as tests speak to it."""

    issuer: str

    def spoil(self, **how: Any) -> None:
        """Let it go wrong from now on; without arguments, be right again."""
        assert httpx2.put(f"{self.issuer}/spoil", json=how).status_code == 204

    def sign_in(self, address: str, user: str, **claims: Any) -> str:
        """Do what a person does there, and return where their browser is sent to."""
        form = {"user": user, "claims": json.dumps(claims)}
        assert httpx2.get(address).status_code == 200
        answer = httpx2.post(address, data=form)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider in a process of its own, for as long as the block lasts."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.oidc_provider"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Provider(process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(10)


def make_app(issuer: list[str]) -> Any:
    """The provider as a Flask application; `issuer` holds its address once it is known."""
    from authlib.integrations.flask_oauth2 import AuthorizationServer, current_token  # noqa: F401
    from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
    from authlib.oauth2.rfc7636 import CodeChallenge
    from authlib.oidc.core import OpenIDCode, UserInfo
    from flask import Flask, jsonify, redirect, request
    from joserfc import jwt
    from joserfc.jwk import KeySet, RSAKey

    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    new = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    users_by_token: dict[str, Any] = {}
    codes: dict[str, Any] = {}
    spoiled: dict[str, Any] = {}

    class Client(ClientMixin):
        def get_client_id(self) -> str:
            return CLIENT_ID

        def get_default_redirect_uri(self) -> str:
            return ""

        def get_allowed_scope(self, scope: str) -> str:
            return scope

        def check_redirect_uri(self, redirect_uri: str) -> bool:
            return redirect_uri.endswith("/sign-in/provider/back")

        def check_client_secret(self, client_secret: str) -> bool:
            return client_secret == CLIENT_SECRET

        def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
            return method == "client_secret_basic"

        def check_response_type(self, response_type: str) -> bool:
            return response_type == "code"

        def check_grant_type(self, grant_type: str) -> bool:
            return grant_type == "authorization_code"

    @dataclass
    class Code(AuthorizationCodeMixin):
        code: str
        user: dict[str, Any]
        redirect_uri: str
        scope: str
        nonce: str | None
        code_challenge: str | None
        code_challenge_method: str | None

        def get_redirect_uri(self) -> str:
            return self.redirect_uri

        def get_scope(self) -> str:
            return self.scope

        def get_nonce(self) -> str | None:
            return self.nonce

        def get_auth_time(self) -> int:
            return int(time.time())

        def get_acr(self) -> None:
            return None

        def get_amr(self) -> None:
            return None

    class Grant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012

        def save_authorization_code(self, code: str, request: Any) -> None:
            said = request.payload.data
            codes[code] = Code(
                code, request.user, request.payload.redirect_uri, request.payload.scope,
                said.get("nonce"), said.get("code_challenge"), said.get("code_challenge_method"),
            )  # fmt: skip

        def query_authorization_code(self, code: str, client: Any) -> Any:
            return codes.get(code)

        def delete_authorization_code(self, authorization_code: Any) -> None:
            del codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Any) -> Any:
            return authorization_code.user

    class Identity(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def get_jwt_config(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"key": key.as_dict(private=True), "alg": "RS256", "iss": issuer[0], "exp": 300}

        def generate_user_info(self, user: Any, scope: str) -> Any:
            return UserInfo(user)

        def process_token(self, grant: Any, response: Any, *more: Any) -> Any:
            token = super().process_token(grant, response, *more)
            if "id_token" in token:
                token["id_token"] = spoil(token["id_token"])
            return token

    def spoil(token: str) -> str:
        payload = token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        changed = {**claims, **spoiled.get("claims", {})}
        claims = {name: value for name, value in changed.items() if value is not None}
        if spoiled.get("key") == "none":
            parts = ({"alg": "none"}, claims)
            packed = (urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
            return ".".join(part.rstrip("=") for part in packed) + "."
        signer = {"other": other, "new": new}.get(spoiled.get("key", ""), key)
        return jwt.encode({"alg": "RS256", "kid": signer.kid}, claims, signer)

    app = Flask(__name__)
    server = AuthorizationServer(
        app, query_client=lambda name: Client() if name == CLIENT_ID else None,
        save_token=lambda token, asked: users_by_token.update({token["access_token"]: asked.user}),
    )  # fmt: skip
    server.register_grant(Grant, [Identity(require_nonce=True), CodeChallenge(required=True)])

    @app.get("/.well-known/openid-configuration")
    def describe() -> Any:
        described = {
            "issuer": issuer[0],
            "authorization_endpoint": f"{issuer[0]}/authorize",
            "token_endpoint": f"{issuer[0]}/token",
            "jwks_uri": f"{issuer[0]}/keys",
            "end_session_endpoint": f"{issuer[0]}/out",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
        }
        return jsonify(described | spoiled.get("described", {}))

    @app.get("/keys")
    def keys() -> Any:
        published = [new] if spoiled.get("key") == "new" else [key]
        return jsonify(KeySet(published).as_dict(private=False))

    @app.get("/me")
    def me() -> Any:
        user = users_by_token[request.headers["Authorization"].removeprefix("Bearer ")]
        return jsonify(user | spoiled.get("me", {}))

    @app.get("/authorize")
    def ask() -> Any:
        server.get_consent_grant(end_user={"sub": "-"})  # refuses what isn't as it must be
        return (
            "<!doctype html><title>Provider</title><form method=post>"
            "<input name=user id=user autofocus><button id=in>in</button>"
            "<button id=no name=no value=1>no</button></form>"
        )

    @app.post("/authorize")
    def answer() -> Any:
        name = request.form["user"]
        user = {"sub": f"subject-of-{name}", "preferred_username": name}
        user |= json.loads(request.form.get("claims", "{}"))
        refused = "no" in request.form
        return server.create_authorization_response(
            grant_user=None if refused else user, grant=server.get_consent_grant(end_user=user)
        )

    @app.post("/token")
    def token() -> Any:
        if spoiled.get("token_status"):
            return "broken", spoiled["token_status"]
        return server.create_token_response()

    @app.get("/out")
    def out() -> Any:
        return redirect(request.args["post_logout_redirect_uri"])

    @app.put("/spoil")
    def set_spoiled() -> Any:
        spoiled.clear()
        spoiled.update(request.get_json())
        return "", 204

    app.secret_key = secrets.token_hex()
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it listens on this machine alone
    from werkzeug.serving import make_server

    issuer: list[str] = []
    server = make_server("127.0.0.1", parser.parse_args().port, make_app(issuer), threaded=True)
    issuer.append(f"http://127.0.0.1:{server.server_port}")
    sys.stdout.write(f"{issuer[0]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
