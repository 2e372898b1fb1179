"""Small values that a browser or a form carries for us: sealed, so that it can neither read nor forge nor misuse them.

AES-256-GCM under a subkey per purpose (HKDF-SHA-256, RFC 5869), with the purpose and the place of use as associated
data: what was sealed for one purpose or one cookie name opens for no other. The newest key seals, every key opens.
Nonces are random, so one key is good for 2^32 seals of one purpose (a hundred a second for a year).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from events.randomness import RandomBytes

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
TAG_BYTES = 16
MARK_BYTES = 12
_OVERHEAD = KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES
LARGEST_TEXT = 65_536


DIGEST_BYTES = 32


def _derive(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"keyledger/cookiebox/v1/" + info).derive(key)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def base64url(raw: bytes) -> str:
    """Return ``raw`` in base64url without padding (RFC 4648 5)."""
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


class _Drawer:
    """The subkeys of one purpose."""

    __slots__ = ("by_id", "macs", "marker", "newest", "newest_id", "purpose")

    def __init__(self, purpose: str, keys: Sequence[tuple[bytes, bytes]]) -> None:
        self.purpose = purpose.encode() + b"\0"
        self.by_id = {key_id: AESGCM(_derive(key, b"seal/" + self.purpose)) for key_id, key in keys}
        self.newest_id = keys[0][0]
        self.newest = self.by_id[self.newest_id]
        self.macs = [_derive(key, b"mark/" + self.purpose) for _, key in keys]
        self.marker = hashlib.blake2b(key=self.macs[0], digest_size=MARK_BYTES)


class CookieBox:
    """Seals, opens and marks small values.

    ``keys`` are 32-byte keys, newest first. ``bound_to`` names the place of use (a cookie's name, a session): a value
    opens only where it was sealed for.
    """

    __slots__ = ("_drawers", "_keys", "_nonces")

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            message = "a cookie box needs at least one key, each of 32 bytes"
            raise ValueError(message)
        self._keys = [(hashlib.sha256(_derive(key, b"id")).digest()[:KEY_ID_BYTES], bytes(key)) for key in keys]
        self._drawers: dict[str, _Drawer] = {}
        self._nonces = RandomBytes(NONCE_BYTES)

    def __repr__(self) -> str:
        return f"<CookieBox of {len(self._keys)} keys>"

    def _drawer(self, purpose: str) -> _Drawer:
        drawer = self._drawers.get(purpose)
        if drawer is None:
            drawer = self._drawers[purpose] = _Drawer(purpose, self._keys)
        return drawer

    def seal(self, purpose: str, value: bytes, bound_to: str = "") -> str:
        """Seal ``value`` into URL- and cookie-safe text, a third longer than the value plus 43 characters."""
        drawer = self._drawer(purpose)
        nonce = self._nonces.take()
        sealed = drawer.newest.encrypt(nonce, value, drawer.purpose + bound_to.encode())
        return base64url(drawer.newest_id + nonce + sealed)

    def open(self, purpose: str, text: str, bound_to: str = "") -> bytes | None:
        """Open what :meth:`seal` sealed for the same purpose and place; ``None`` for anything else."""
        if len(text) > LARGEST_TEXT:
            return None
        try:
            raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        drawer = self._drawer(purpose)
        cipher = drawer.by_id.get(raw[:KEY_ID_BYTES])
        if cipher is None or len(raw) < _OVERHEAD:
            return None
        nonce = raw[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, raw[KEY_ID_BYTES + NONCE_BYTES :], drawer.purpose + bound_to.encode())
        except InvalidTag:
            return None

    def mark(self, purpose: str, value: bytes) -> bytes:
        """Return the 96-bit keyed mark (BLAKE2b, RFC 7693) by which :meth:`is_marked` knows ``value`` again."""
        mark = self._drawer(purpose).marker.copy()
        mark.update(value)
        return mark.digest()

    def digests(self, purpose: str, value: bytes) -> list[bytes]:
        """Return the 256-bit keyed digests (BLAKE2b) of ``value`` for this purpose, under each key, newest first."""
        macs = self._drawer(purpose).macs
        return [hashlib.blake2b(value, key=mac, digest_size=DIGEST_BYTES, person=b"digest").digest() for mac in macs]

    def is_marked(self, purpose: str, value: bytes, mark: bytes) -> bool:
        """Whether ``mark`` was made for ``value`` and this purpose by one of the keys (constant time per key)."""
        macs = self._drawer(purpose).macs
        expected = [hashlib.blake2b(value, key=mac, digest_size=MARK_BYTES).digest() for mac in macs]
        return max(hmac.compare_digest(one, mark) for one in expected)
