"""Signed notes (C2SP signed-note) with Ed25519: a text, a blank line, and signatures by named keys.

A key is written as ``NAME+ID+BASE64``, as other programs for transparency logs take it.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
KEY_BYTES = 32
ID_BYTES = 4
SIGNATURE_BYTES = 64
NOTE_MAXIMUM = 64 * 1024
SIGNATURES_MAXIMUM = 100
NAME_MAXIMUM = 200


class NoteRefused(ValueError):
    """This is not a note that one of the keys signed. The text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key by the name under which it signs."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_name(self.name) or len(self.public) != KEY_BYTES:
            message = "A key has a name without spaces and plus signs, and 32 bytes."
            raise NoteRefused(message)

    @property
    def id(self) -> bytes:
        """The first four bytes of the SHA-256 of name, line feed, type and key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key.

        Raises:
            NoteRefused: it is none.
        """
        name, _, rest = text.strip().partition("+")
        id_, _, encoded = rest.partition("+")
        try:
            raw = read_base64(encoded)
            key = cls(name, raw[1:])
        except ValueError:
            raw, key = b"", None
        if key is None or raw[:1] != ED25519 or key.id.hex() != id_:
            message = "A public key looks like id.example.com/log+1a2b3c4d+AbC...; this one was cut or mistyped."
            raise NoteRefused(message)
        return key


@dataclass(frozen=True, slots=True, repr=False)
class NoteSigner:
    """A key that signs."""

    key: NoteKey
    private: Ed25519PrivateKey

    @classmethod
    def of(cls, name: str, seed: bytes) -> Self:
        """Return the signer of this name from its 32 secret bytes."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(NoteKey(name, private.public_key().public_bytes_raw()), private)


def read_base64(text: str) -> bytes:
    """Return what a text in standard base64 stands for; every value has one such text.

    Raises:
        ValueError: it is none.
    """
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        message = "not the base64 of anything"
        raise ValueError(message)
    return raw


def is_name(text: str) -> bool:
    """Tell whether a text can be a key's name: not empty, no spaces, no plus sign."""
    return (
        0 < len(text) <= NAME_MAXIMUM
        and text.isprintable()
        and not any(letter.isspace() or letter == "+" for letter in text)
    )


def sign_note(text: str, signers: Iterable[NoteSigner]) -> str:
    """Return the signed note of a text, which ends with a line feed and has no blank line at its end."""
    if not text.endswith("\n") or text.endswith("\n\n"):
        message = "A note's text ends with one line feed."
        raise ValueError(message)
    lines = []
    for signer in signers:
        signature = signer.key.id + signer.private.sign(text.encode())
        lines.append(f"— {signer.key.name} {base64.b64encode(signature).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def open_note(note: str, keys: Iterable[NoteKey]) -> tuple[str, list[NoteKey]]:
    """Return the text of a note, and those of the keys that signed it.

    Signatures by other keys are passed over; one that names a known key and does not hold refuses the note.

    Raises:
        NoteRefused: it is no note, or none of the keys signed it.
    """
    text, signatures = split_note(note)
    known = {(key.name, key.id): key for key in keys}
    signed = []
    for name, raw in signatures:
        key = known.get((name, raw[:ID_BYTES]))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(raw[ID_BYTES:], text.encode())
        except InvalidSignature:
            message = f"The signature of {name} does not belong to this text: one of them was changed."
            raise NoteRefused(message) from None
        signed.append(key)
    if not signed:
        by = ", ".join(f"{name}+{raw[:ID_BYTES].hex()}" for name, raw in signatures)
        message = f"The checkpoint is signed by {by}, which is not a key to go by here."
        raise NoteRefused(message)
    return text, signed


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and its signatures, unchecked: each a name and the key's id before the signature's bytes.

    Raises:
        NoteRefused: it is no note.
    """
    body, found, end = note.rpartition("\n\n")
    lines = end.split("\n")
    if len(note) > NOTE_MAXIMUM or not found or lines.pop() != "" or not 1 <= len(lines) <= SIGNATURES_MAXIMUM:
        message = "This is not a signed note: a text, a blank line, and lines that begin with a dash."
        raise NoteRefused(message)
    return f"{body}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        raw = read_base64(encoded)
    except ValueError:
        raw = b""
    if dash != "—" or not is_name(name) or len(raw) <= ID_BYTES:
        message = "A signature of this note was cut or mistyped."
        raise NoteRefused(message)
    return name, raw
