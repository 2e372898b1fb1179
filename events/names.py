"""Who is named in events: names and their keys in the database, sealed, found again, and forgotten for good."""

import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from events.envelope import Actor, ActorType
from events.installation_key import InstallationKey
from events.name_ids import KEY_BYTES, check_name, name_id
from events.name_seals import NamesKey, NotThisName, OpenedName
from events.sealing import KeyWrapper, SealError

if TYPE_CHECKING:
    import asyncpg

    from events.store import Connection, Pool

    Executor = Connection | Pool

FORGOTTEN: Final = "(forgotten)"
"""What is shown for a person who was forgotten."""
UNKNOWN: Final = "(unknown)"
"""What is shown for an id of which this installation knows nothing."""
UNTRUE: Final = "(not the recorded name)"
"""What is shown where the name that is kept is not the one that the id stands for."""
UNREADABLE: Final = "(unreadable)"
"""What is shown where the name that is kept does not open: it was changed, or its key is missing."""

KNOWN_MAXIMUM = 1024
KNOWN_S = 60.0
"""How long an id that was looked up is used for a name; of one who is forgotten elsewhere, for as long at most."""

_FIND = "select name_id from ledger.names where digest = $1"
_ADD = """
    insert into ledger.names (name_id, digest, sealed) values ($1, $2, $3) on conflict (digest) do nothing
    returning name_id
"""
_SOME = "select name_id, digest, sealed, created_at, shredded_at from ledger.names where name_id = any($1)"
_ALL = """
    select name_id, digest, sealed, created_at, shredded_at from ledger.names where name_id > $1
    order by name_id limit $2
"""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class KeptName:
    """A row of the names: ``opened`` is None of who was forgotten, and where ``problem`` says why it does not open."""

    id: str
    opened: OpenedName | None = field(repr=False)
    created_at: datetime
    shredded_at: datetime | None
    problem: SealError | None = None

    @property
    def shown(self) -> str:
        """What a reader is shown."""
        if self.opened is not None:
            return self.opened.name
        if self.problem is None:
            return FORGOTTEN
        return UNTRUE if isinstance(self.problem, NotThisName) else UNREADABLE


class Names:
    """Gives names their ids, and ids their names.

    Args:
        pool: of the runtime role.
        keys: the key-encryption keys that also wrap the workspaces' data keys.
    """

    def __init__(self, pool: "Pool", keys: KeyWrapper) -> None:
        self._pool = pool
        self._kept_key = InstallationKey(
            pool, keys, table="ledger.names_key", purpose="keyledger/names-key/v1", called="names"
        )
        self._key: NamesKey | None = None
        # By digest, so that the process keeps no list of names.
        self._known: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    async def actor(self, type_: ActorType, name: str) -> Actor:
        """Return somebody who acts under a name, as events name them.

        Raises:
            Refusal, SealError: see ``resolve``.
        """
        return Actor(type_, await self.resolve(name), name)

    async def resolve(self, name: str) -> str:
        """Return the id of a name: the one that it has, or a new one, which is committed before this returns.

        Never within a transaction of the caller's that holds a lock or the pool's last connection.

        Raises:
            Refusal: ``data_invalid``, when this cannot be a name.
            SealError: the key of names cannot be opened.
        """
        check_name(name)
        key = await self._open(self._pool)
        if key is None:
            key = self._key = NamesKey(await self._kept_key.make())
        digest = key.digest(name)
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            self._known.move_to_end(digest)
            return known[1]
        id_: str | None = None
        while id_ is None:
            id_ = await self._pool.fetchval(_FIND, digest) or await self._add(key, digest, name)
        self._known[digest] = (time.monotonic() + KNOWN_S, id_)
        while len(self._known) > KNOWN_MAXIMUM:
            self._known.popitem(last=False)
        return id_

    async def find(self, name: str) -> str | None:
        """Return the id that a name has, without giving it one.

        Raises:
            SealError: the key of names cannot be opened.
        """
        key = await self._open(self._pool)
        return None if key is None else await self._pool.fetchval(_FIND, key.digest(name))

    async def read(self, ids: Iterable[str], conn: "Executor | None" = None) -> dict[str, KeptName]:
        """Return what is kept of these ids; those that are not known are left out."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        source = conn or self._pool
        rows = await source.fetch(_SOME, wanted)
        if not rows:
            return {}
        key = await self._reading_key(source)
        return {row["name_id"]: _kept(key, row) for row in rows}

    async def show(self, ids: Iterable[str], conn: "Executor | None" = None) -> Mapping[str, str]:
        """Return what a reader is shown for each id: the name, or what stands in its place."""
        wanted = set(ids)
        kept = await self.read(wanted, conn)
        return {id_: kept[id_].shown if id_ in kept else UNKNOWN for id_ in wanted}

    async def everybody(self) -> list[KeptName]:
        """Return all rows, in the order of the ids."""
        found: list[KeptName] = []
        while rows := await self._pool.fetch(_ALL, found[-1].id if found else "", _PAGE):
            key = await self._reading_key(self._pool)
            found += [_kept(key, row) for row in rows]
        return found

    async def shred(self, conn: "Connection", id_: str) -> bool:
        """Delete name and key for good, in the caller's transaction. ``False``: they were deleted, or never known."""
        self._known.clear()
        return bool(await conn.fetchval("select ledger.shred_name($1)", id_))

    def drop(self) -> None:
        """Know nothing any more: the tables are those of a backup now, perhaps from before the key and some names."""
        self._key = None
        self._known.clear()

    async def rewrap(self) -> int:
        """Wrap the key of names under the newest secret key; return how many keys (none or one) were not.

        Raises:
            SealError: the key cannot be opened.
        """
        return await self._kept_key.rewrap()

    async def _add(self, key: NamesKey, digest: bytes, name: str) -> str | None:
        """Give a name an id; ``None`` when another process was first."""
        opened = OpenedName(name, os.urandom(KEY_BYTES))
        id_ = name_id(opened.key, name)
        added: str | None = await self._pool.fetchval(_ADD, id_, digest, key.seal(id_, opened))
        return added

    async def _open(self, source: "Executor") -> NamesKey | None:
        """Return the key; without one there are no names either."""
        if self._key is None:
            opened = await self._kept_key.open(source)
            self._key = None if opened is None else NamesKey(opened)
        return self._key

    async def _reading_key(self, source: "Executor") -> "NamesKey | SealError":
        """Return the key, or why there is none: the history is read in any case."""
        try:
            return await self._open(source) or SealError("The key of names is gone.")
        except SealError as error:
            return error


def _kept(key: NamesKey | SealError, row: "asyncpg.Record") -> KeptName:
    opened, problem = None, None
    if row["sealed"] is not None:
        try:
            opened = _opened(key, row["name_id"], row["sealed"], row["digest"])
        except SealError as error:
            problem = error
    return KeptName(row["name_id"], opened, row["created_at"], row["shredded_at"], problem)


def _opened(key: NamesKey | SealError, id_: str, sealed: bytes, digest: bytes) -> OpenedName:
    if isinstance(key, SealError):
        raise key
    opened = key.open(id_, sealed)
    if digest != key.digest(opened.name):
        message = f"What {id_} is found by is not of the name that is kept for it."
        raise NotThisName(message)
    return opened
