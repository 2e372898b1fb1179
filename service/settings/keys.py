"""The secret keys: what can be one, and what is wrong with those that cannot."""

import base64
import binascii

from pydantic import SecretStr

MINIMUM_KEY_BYTES = 32


def decode_key(key: SecretStr) -> bytes:
    """Decode one secret key: base64 (either alphabet) of exactly 32 bytes. Raises ``ValueError`` otherwise."""
    text = key.get_secret_value().translate(str.maketrans("-_", "+/"))
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != MINIMUM_KEY_BYTES:
        message = "a key is the base64 of exactly 32 random bytes"
        raise ValueError(message)
    return raw


def key_problems(keys: tuple[SecretStr, ...], *, required: bool) -> list[str]:
    """Return one sentence for each key that cannot be used, and one when a required key is missing."""
    advice = "Make one with: python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
    if not keys:
        return [f"KEYLEDGER_SECRET_KEYS is missing. {advice}"] if required else []
    problems = []
    for place, key in enumerate(keys, start=1):
        try:
            raw = decode_key(key)
        except ValueError as error:
            problems.append(f"Key {place} of KEYLEDGER_SECRET_KEYS cannot be used: {error}. {advice}")
            continue
        if len(set(raw)) < MINIMUM_KEY_BYTES // 3:
            problems.append(f"Key {place} of KEYLEDGER_SECRET_KEYS is too regular to be random. {advice}")
    return problems
