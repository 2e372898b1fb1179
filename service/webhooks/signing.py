"""Signatures of webhook messages, as Standard Webhooks 1.0 has them: HMAC-SHA-256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """Return the bytes of a new signing secret."""
    return secrets.token_bytes(SECRET_BYTES)


def shown_secret(secret: bytes) -> SecretStr:
    """Return a signing secret as receivers configure it."""
    return SecretStr(PREFIX + base64.b64encode(secret).decode())


def signed_headers(secrets_: Sequence[bytes], message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt, signed with each of the secrets; a receiver takes it by any one of them.

    Args:
        secrets_: the webhook's secret, and the one before it while receivers change over.
        message_id: the same at every attempt, so that receivers know a repetition.
        at: when this attempt is made, in seconds since 1970, so that receivers refuse old recordings.
        body: exactly what is sent.
    """
    content = f"{message_id}.{at}.".encode() + body
    signatures = (hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets_)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }
