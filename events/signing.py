"""The keys that sign checkpoints: Ed25519, kept sealed in the database under the secret keys, each named in the log."""

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from events.catalogue.system import SYSTEM_STREAM, SigningKeyRotated
from events.envelope import Context, NewEvent
from events.notes import KEY_BYTES, NoteKey, NoteSigner
from events.sealing import KeyWrapper, WrappedKey, bind
from events.store import ANY_VERSION, EventStore

if TYPE_CHECKING:
    from events.store import Connection, Pool

_KEYS = "select key_id, name, public_key, wrapped, wrapping_key_id, created_at from ledger.signing_keys"
_NEWEST = f"{_KEYS} order by number desc limit 1"
_ALL = f"{_KEYS} order by number"
_ADD = """
    insert into ledger.signing_keys (key_id, name, public_key, wrapped, wrapping_key_id) values ($1, $2, $3, $4, $5)
"""
_ENDS = """
    select k.name, k.public_key, min(c.size) as size
    from ledger.signing_keys k join ledger.signing_keys later on later.number > k.number
    join ledger.checkpoints c on c.key_id = later.key_id
    group by k.number
"""
_STALE = f"{_KEYS} where wrapping_key_id <> $1 order by number limit 100"
_REWRAP = """
    update ledger.signing_keys set wrapped = $2, wrapping_key_id = $3 where key_id = $1 and wrapping_key_id = $4
"""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of this log by its id in the log, and since when it signs. Whatever it signed stays good for ever."""

    key_id: str
    key: NoteKey
    since: datetime


class SigningKeys:
    """The signing keys of one log.

    Args:
        keys: the key-encryption keys that seal them.
    """

    def __init__(self, keys: KeyWrapper) -> None:
        self._keys = keys

    async def signer(self, conn: "Connection", key_id: str | None = None) -> NoteSigner | None:
        """Return what signs now, or the key of this id; ``None`` before the first key.

        Raises:
            SealError: the key cannot be opened.
        """
        row = (
            await conn.fetchrow(_NEWEST)
            if key_id is None
            else await conn.fetchrow(f"{_KEYS} where key_id = $1", key_id)
        )
        if row is None:
            return None
        sealed = WrappedKey(row["wrapping_key_id"], row["wrapped"])
        return NoteSigner.of(row["name"], await self._keys.unwrap(sealed, _place(row["key_id"], row["name"])))

    async def rotate(self, store: EventStore, conn: "Connection", name: str, context: Context) -> SigningKey:
        """Make a new key that signs from now on, and record it, in the caller's transaction.

        Args:
            store: the log.
            conn: the connection of the caller's transaction; the append comes last in it.
            name: the log's, for its first key; later keys keep the name of the first.
            context: who rotates, and why.
        """
        former = await conn.fetchrow(_NEWEST)
        seed = os.urandom(KEY_BYTES)
        signer = NoteSigner.of(name if former is None else former["name"], seed)
        key_id, name = signer.key.id.hex(), signer.key.name
        wrapped = await self._keys.wrap(seed, _place(key_id, name))
        await conn.execute(_ADD, key_id, name, signer.key.public, wrapped.wrapped, wrapped.wrapping_key_id)
        rotated = SigningKeyRotated(
            key_id=key_id,
            public_key=base64.b64encode(_spki(signer.key.public)).decode(),
            former_key_id=None if former is None else former["key_id"],
        )
        prepared = store.prepare([NewEvent.of(rotated)], context)
        appended = await store.append(SYSTEM_STREAM, ANY_VERSION, prepared, conn=conn)
        return SigningKey(key_id, signer.key, appended.recorded[0].recorded_at)

    async def rewrap(self, pool: "Pool") -> int:
        """Seal every signing key under the newest secret key; return how many were not. No key changes.

        Raises:
            SealError: a key cannot be opened; the ones before it are done.
        """
        done = 0
        while stale := await pool.fetch(_STALE, self._keys.newest):
            for row in stale:
                place = _place(row["key_id"], row["name"])
                seed = await self._keys.unwrap(WrappedKey(row["wrapping_key_id"], row["wrapped"]), place)
                new = await self._keys.wrap(seed, place)
                await pool.execute(_REWRAP, row["key_id"], new.wrapped, new.wrapping_key_id, row["wrapping_key_id"])
                done += 1
        return done


async def read_keys(source: "Pool | Connection") -> list[SigningKey]:
    """Return the public keys of this log, oldest first; the last one signs now."""
    return [
        SigningKey(row["key_id"], NoteKey(row["name"], row["public_key"]), row["created_at"])
        for row in await source.fetch(_ALL)
    ]


async def read_ends(source: "Pool | Connection") -> dict[NoteKey, int]:
    """Return the retired keys, each with the size of the checkpoint that introduced the key after it.

    Whatever larger checkpoint such a key signs alone is somebody else's, who has got hold of it.
    """
    return {NoteKey(row["name"], row["public_key"]): row["size"] for row in await source.fetch(_ENDS)}


def _place(key_id: str, name: str) -> bytes:
    return bind("keyledger/signing-key/v1", key_id, name)


def _spki(public: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
