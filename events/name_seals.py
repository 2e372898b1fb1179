"""Sealing people's names and keys, all under one data key of the installation."""

import hashlib
import hmac
from dataclasses import dataclass, field

from events.name_ids import KEY_BYTES, stands_for
from events.sealing import PurposeBox, SealError, bind, derive


@dataclass(frozen=True, slots=True)
class OpenedName:
    """A name and the key under which its id commits to it."""

    name: str = field(repr=False)
    key: bytes = field(repr=False)


class NotThisName(SealError):
    """What is kept under an id opens, and is another name than the one that the id stands for."""


class NamesKey:
    """The data key of all names, ready for use."""

    __slots__ = ("_box", "_lookup")

    def __init__(self, key: bytes) -> None:
        self._box = PurposeBox(key, b"keyledger/names/seal/v1")
        self._lookup = derive(key, b"keyledger/names/lookup/v1")

    def digest(self, name: str) -> bytes:
        """Return what a name is found by: the same for the same name, and nothing without the key."""
        return hmac.digest(self._lookup, name.encode(), hashlib.sha256)

    def seal(self, id_: str, opened: OpenedName) -> bytes:
        """Seal a name and its key, bound to its id."""
        return self._box.seal(opened.key + opened.name.encode(), _place(id_))

    def open(self, id_: str, sealed: bytes) -> OpenedName:
        """Return what ``seal`` sealed for this id.

        Raises:
            NotThisName: it is not the name that the id commits to.
            SealError: the bytes or the id are others.
        """
        plain = self._box.open(sealed, _place(id_))
        opened = OpenedName(plain[KEY_BYTES:].decode("utf-8", "replace"), plain[:KEY_BYTES])
        if not stands_for(id_, opened.key, opened.name):
            message = f"What is kept for {id_} is another name than the one that the events were recorded with."
            raise NotThisName(message)
        return opened


def _place(id_: str) -> bytes:
    return bind("keyledger/name/v1", id_)
