"""Sealing client secrets: AES-256-GCM under a data key per workspace, which a key-encryption key wraps.

Every purpose has a key of its own, derived by HKDF (RFC 5869), and every sealed text is bound to its place, so that one
copied elsewhere does not open.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

KEY_BYTES = 32
NONCE_BYTES = 12
SECRET_BYTES_MAXIMUM = 4096
FORMAT = b"\x01"


class SealError(Exception):
    """A sealed secret or data key cannot be opened. The text says why, without either."""


class WrappingKeyMissing(SealError):
    """The key that wrapped a data key is not among the keys of this installation."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The key {key_id} is needed to open a workspace's secrets and is not among KEYLEDGER_SECRET_KEYS. "
            "Put it back behind the newest key, and rotate before it is taken out."
        )
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as it is stored, and which key-encryption key opens it."""

    wrapping_key_id: str
    wrapped: bytes


class KeyWrapper(Protocol):
    """What holds the key-encryption keys: the keys of the settings, or a key management service."""

    @property
    def newest(self) -> str:
        """The id of the key that wraps from now on."""

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        """Wrap a data key under the newest key, bound to ``context``."""

    async def unwrap(self, key: WrappedKey, context: bytes) -> bytes:
        """Return the data key. Raises ``SealError`` when its key is missing or anything was changed."""


class KeyRing:
    """Key-encryption keys from settings: the newest wraps, every one of them unwraps.

    Args:
        keys: each of 32 random bytes, newest first. A key's id is the first 8 hex digits of its SHA-256.
    """

    __slots__ = ("_boxes", "newest")

    newest: str

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            message = "A key ring takes one or more keys of 32 bytes."
            raise ValueError(message)
        ids = [hashlib.sha256(key).hexdigest()[:8] for key in keys]
        self.newest = ids[0]
        self._boxes = {
            id_: AESGCM(derive(key, b"keyledger/wrap/v1")) for id_, key in reversed(list(zip(ids, keys, strict=True)))
        }

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        """Wrap a data key under the newest key, bound to ``context``."""
        return WrappedKey(self.newest, _seal(self._boxes[self.newest], data_key, context))

    async def unwrap(self, key: WrappedKey, context: bytes) -> bytes:
        """Return the data key.

        Raises:
            WrappingKeyMissing: its key is not on the ring.
            SealError: the bytes or the context are not those of ``wrap``.
        """
        box = self._boxes.get(key.wrapping_key_id)
        if box is None:
            raise WrappingKeyMissing(key.wrapping_key_id)
        return _open(box, key.wrapped, context)


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret as it is stored, and what its event says of it.

    ``digest`` is the SHA-256 of the sealed bytes in hex. ``fingerprint`` is the same for equal secrets of one workspace
    and tells nothing without its data key.
    """

    secret_id: str
    digest: str
    fingerprint: str
    sealed: bytes = field(repr=False)


class DataKey:
    """A workspace's data key, ready for use."""

    __slots__ = ("_box", "_fingerprinting", "data_key_id", "stream_id")

    def __init__(self, stream_id: str, data_key_id: UUID, key: bytes) -> None:
        self.stream_id, self.data_key_id = stream_id, data_key_id
        self._box = AESGCM(derive(key, b"keyledger/seal/v1"))
        self._fingerprinting = derive(key, b"keyledger/fingerprint/v1")

    @classmethod
    def generate(cls) -> bytes:
        """Return the bytes of a new data key."""
        return os.urandom(KEY_BYTES)

    def seal(self, credentials_id: str, secret_id: UUID, secret: SecretStr) -> SealedSecret:
        """Seal a secret, bound to its workspace, credentials and id.

        Raises:
            ValueError: the secret is empty or larger than 4 KiB.
        """
        plain = secret.get_secret_value().encode()
        if not 1 <= len(plain) <= SECRET_BYTES_MAXIMUM:
            message = f"A client secret has 1 to {SECRET_BYTES_MAXIMUM} bytes."
            raise ValueError(message)
        sealed = _seal(self._box, plain, self._place(credentials_id, secret_id))
        fingerprint = hmac.new(self._fingerprinting, plain, hashlib.sha256).hexdigest()[:12]
        return SealedSecret(str(secret_id), hashlib.sha256(sealed).hexdigest(), fingerprint, sealed)

    def open(self, credentials_id: str, secret_id: UUID, sealed: bytes) -> SecretStr:
        """Return the secret that ``seal`` sealed for the same place.

        Raises:
            SealError: the bytes or the place are others.
        """
        return SecretStr(_open(self._box, sealed, self._place(credentials_id, secret_id)).decode())

    def _place(self, credentials_id: str, secret_id: UUID) -> bytes:
        return bind("keyledger/secret/v1", self.stream_id, credentials_id, str(secret_id))


class PurposeBox:
    """Seals texts under the key that is derived for one purpose, each bound to its place."""

    __slots__ = ("_box",)

    def __init__(self, key: bytes, purpose: bytes) -> None:
        self._box = AESGCM(derive(key, purpose))

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Seal a text for a place."""
        return _seal(self._box, plain, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the text that was sealed for this place.

        Raises:
            SealError: the bytes or the place are others.
        """
        return _open(self._box, sealed, place)


def bind(*parts: str) -> bytes:
    """Return the parts as one text from which each can be told: additional data that bind a sealed text to a place."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def derive(key: bytes, purpose: bytes) -> bytes:
    """Return the key that stands for one purpose of a key."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)


def _seal(box: AESGCM, plain: bytes, place: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + box.encrypt(nonce, plain, place)


def _open(box: AESGCM, sealed: bytes, place: bytes) -> bytes:
    nonce, text = sealed[len(FORMAT) : len(FORMAT) + NONCE_BYTES], sealed[len(FORMAT) + NONCE_BYTES :]
    try:
        plain = box.decrypt(nonce, text, place) if sealed.startswith(FORMAT) else None
    except (InvalidTag, ValueError):
        plain = None
    if plain is None:
        message = "What is sealed does not open: it was changed, or belongs to another place."
        raise SealError(message)
    return plain
