"""Ends sessions, or what of them a change has made void. Judging at every request refuses them in any case."""

from typing import Final
from uuid import UUID

from service.identity.resources import Connection, Executor

# What is left of a session after some of its authentications went; nothing left ends it.
_STRIP: Final = """
    with hit as (
        select s.session_hash,
               coalesce((
                   select jsonb_agg(a order by n) from jsonb_array_elements(s.data -> 'authentications')
                   with ordinality t (a, n) where not (%s)
               ), '[]') as left_over
        from identity.sessions s where s.user_id = any($1) and jsonb_typeof(s.data -> 'authentications') = 'array'
    ), ended as (
        delete from identity.sessions s using hit h
        where s.session_hash = h.session_hash and h.left_over = '[]' returning 1
    ), kept as (
        update identity.sessions s set data = jsonb_set(s.data, '{authentications}', h.left_over)
        from hit h
        where s.session_hash = h.session_hash and h.left_over <> '[]'
          and h.left_over <> s.data -> 'authentications' returning 1
    )
    select (select count(*) from ended) + (select count(*) from kept)
"""


async def end_sessions_of(connection: Executor, user_id: UUID) -> int:
    """Sign a user out everywhere. Returns how many sessions ended."""
    ended = 0
    while True:
        ended += len(await connection.fetch("delete from identity.sessions where user_id = $1 returning 1", user_id))
        # A sign-in that was replacing one of them hid its new session from that statement. Until such a sign-in
        # commits, the session that it replaces is still seen here, so that seeing none means that none is on its way.
        if not await connection.fetchval("select exists (select from identity.sessions where user_id = $1)", user_id):
            return ended


async def end_sso_sessions(connection: Connection, workspace: str, *, domain: str | None = None) -> int:
    """End what SSO opened in a workspace, all of it or that of one e-mail domain. Returns how many sessions changed."""
    users = await connection.fetch(
        "select user_id from identity.members where workspace = $1 and user_id is not null", workspace
    )
    condition = (
        "a ->> 'method' = 'sso' and a ->> 'workspace' = $2 and ($3::text is null or lower(a ->> 'email') like $3)"
    )
    pattern = None if domain is None else f"%@{domain}"
    user_ids = [row["user_id"] for row in users]
    return int(await connection.fetchval(_STRIP % condition, user_ids, workspace, pattern))


async def end_member_sessions(connection: Connection, workspace: str, user_id: UUID) -> int:
    """End what SSO opened for one member in a workspace. Returns how many sessions changed."""
    condition = "a ->> 'method' = 'sso' and a ->> 'workspace' = $2"
    return int(await connection.fetchval(_STRIP % condition, [user_id], workspace))
