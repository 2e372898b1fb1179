"""What an attempt draws by lot: state, nonce and PKCE verifier, each of at least 160 random bits.

The ``state`` (OIDC Core 3.1.2.1) carries when it was made and our mark, so that a callback without its cookie is still
told apart: made by us and too old, or not kept by this browser, or never ours.
"""

import base64
import binascii
import hashlib
import os
from typing import Final, NamedTuple

from service.cookiebox import MARK_BYTES, CookieBox, base64url

LARGEST_STATE: Final = 64
MOST_AHEAD: Final = 64

_TIME_BYTES = 4
_RANDOM_BYTES = 20
_SECRET_BYTES = 33
_DRAW_BYTES = _RANDOM_BYTES + 2 * _SECRET_BYTES
_PURPOSE = "login state"
# All three are written in one go: their lengths are multiples of three bytes, so that base64 keeps them apart.
_STATE_END = (_TIME_BYTES + _RANDOM_BYTES + MARK_BYTES) // 3 * 4
_NONCE_END = _STATE_END + _SECRET_BYTES // 3 * 4


class Draw(NamedTuple):
    """One attempt's lot, and the PKCE S256 challenge that goes with the verifier (RFC 7636 4.2)."""

    state: str
    nonce: str
    verifier: str
    challenge: str

    def __repr__(self) -> str:
        return "<Draw>"


class Draws:
    """Draws for attempts, some ahead while many are asked for: hashing in a row costs a third of hashing now and then.

    What is left over from an earlier second is dropped, because a state says when it was made.
    """

    def __init__(self, box: CookieBox) -> None:
        self._box = box
        self._ahead: list[Draw] = []
        self._second = 0
        self._count = 1

    def next(self, now: int) -> Draw:
        """Return a draw that nobody else gets. ``now`` is in seconds since the epoch."""
        if now != self._second:
            self._ahead, self._second, self._count = [], now, 1
        if not self._ahead:
            self._ahead = self._draw(now, self._count)
            self._count = min(2 * self._count, MOST_AHEAD)
        return self._ahead.pop()

    def _draw(self, now: int, count: int) -> list[Draw]:
        time, random = now.to_bytes(_TIME_BYTES, "big"), os.urandom(count * _DRAW_BYTES)
        return [self._one(time, random[start : start + _DRAW_BYTES]) for start in range(0, len(random), _DRAW_BYTES)]

    def _one(self, time: bytes, random: bytes) -> Draw:
        stamp = time + random[:_RANDOM_BYTES]
        text = base64url(stamp + self._box.mark(_PURPOSE, stamp) + random[_RANDOM_BYTES:])
        verifier = text[_NONCE_END:]
        challenge = base64url(hashlib.sha256(verifier.encode("ascii")).digest())
        return Draw(text[:_STATE_END], text[_STATE_END:_NONCE_END], verifier, challenge)


def state_time(box: CookieBox, state: str) -> int | None:
    """Return when we made this state, in seconds since the epoch; ``None`` when we did not make it."""
    if len(state) > LARGEST_STATE:
        return None
    try:
        raw = base64.b64decode(state.encode("ascii") + b"=" * (-len(state) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    stamp, mark = raw[:-MARK_BYTES], raw[-MARK_BYTES:]
    if len(stamp) != _TIME_BYTES + _RANDOM_BYTES or not box.is_marked(_PURPOSE, stamp, mark):
        return None
    return int.from_bytes(stamp[:_TIME_BYTES], "big")


def state_digest(state: str) -> bytes:
    """Return what is stored of a state once it is spent: its SHA-256."""
    return hashlib.sha256(state.encode()).digest()
