"""Signing keys and signed tokens for tests, the malformed and hostile ones included."""

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Json = dict[str, Any]
Forgery = Callable[[Json, Json], str]
"""Makes a token from the header and the claims that would be right."""


@functools.cache
def rsa_key(kid: str = "okta-1", size: int = 2048) -> RSAKey:
    """Return an RSA key pair; the same one for the same name, for making one is slow."""
    raw = generate_private_key(65537, size)
    # The constructor does not warn of small keys, which some tests need.
    return RSAKey(raw, raw, {"kid": kid})


@functools.cache
def ec_key(kid: str = "ec-1", curve: str = "P-256") -> ECKey:
    """Return an elliptic curve key pair; the same one for the same name."""
    return ECKey.generate_key(curve, {"kid": kid})


@functools.cache
def okp_key(kid: str = "okp-1") -> OKPKey:
    """Return an Ed25519 key pair; the same one for the same name."""
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def public_jwk(key: Key, **members: Any) -> Json:
    """Return the public JWK of a key, as a provider publishes it; a member of None is left out."""
    jwk: Json = {**key.as_dict(private=False), "use": "sig", **members}
    return {name: value for name, value in jwk.items() if value is not None}


def jwk_set(*keys: Key) -> Json:
    """Return the key set that a provider with these keys publishes."""
    return {"keys": [public_jwk(key) for key in keys]}


def base64url(raw: bytes) -> str:
    """Return base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def as_json(value: Mapping[str, Any] | bytes) -> bytes:
    """Return the bytes of a token part; bytes pass as they are, so that a test can send anything."""
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def sign(header: Mapping[str, Any] | bytes, payload: Mapping[str, Any] | bytes, key: Any, alg: str) -> str:
    """Sign whatever is given by ``alg``, whatever the header claims. ``none`` leaves the signature empty."""
    signing_input = f"{base64url(as_json(header))}.{base64url(as_json(payload))}"
    signature = b"" if alg == "none" else JWSRegistry.algorithms[alg].sign(signing_input.encode("ascii"), key)
    return f"{signing_input}.{base64url(signature)}"


def half_hash(text: str, digest: str = "sha256") -> str:
    """Return ``at_hash`` or ``c_hash`` of a text (OIDC Core 3.1.3.6, 3.3.2.11)."""
    whole = hashlib.new(digest, text.encode("ascii")).digest()
    return base64url(whole[: len(whole) // 2])
