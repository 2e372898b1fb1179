"""An OpenID provider as cheap as can be, in its own process: the code itself says who signs in and with which nonce."""

import asyncio
import base64
import json
import sys
import time
from urllib.parse import parse_qs

import uvloop
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "0oabench"
CLIENT_SECRET = "bench-secret-bench-secret"


def code_for(subject: str, email: str, nonce: str) -> str:
    """Make the authorization code which the token endpoint turns into an ID token for this person."""
    return base64.urlsafe_b64encode(json.dumps([subject, email, nonce]).encode()).decode().rstrip("=")


class CheapProvider:
    """Discovery, keys and a token endpoint; nothing is stored."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})

    async def discovery(self, _request: web.Request) -> web.Response:
        """OIDC Discovery 4.2."""
        base = f"{self.issuer}/oauth2/v1"
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
            },
            headers={"Cache-Control": "max-age=86400"},
        )

    async def keys(self, _request: web.Request) -> web.Response:
        """The one public key."""
        keys = [self.key.as_dict(private=False)]
        return web.json_response({"keys": keys}, headers={"Cache-Control": "max-age=86400"})

    async def token(self, request: web.Request) -> web.Response:
        """Exchange a code for the ID token that it describes."""
        code = parse_qs((await request.read()).decode())["code"][0]
        subject, email, nonce = json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": subject, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, "nonce": nonce}
        id_token = jwt.encode({"alg": "RS256", "kid": "bench"}, {**claims, "email": email, "name": "Ada"}, self.key)
        answer = {"token_type": "Bearer", "access_token": "opaque", "expires_in": 3600, "id_token": id_token}
        return web.json_response(answer)


async def serve(port: int) -> None:
    """Serve on ``port`` until the process is ended."""
    provider = CheapProvider(port)
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/oauth2/v1/keys", provider.keys)
    app.router.add_post("/oauth2/v1/token", provider.token)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
