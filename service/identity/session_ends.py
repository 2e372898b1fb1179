"""Ends sessions, or what of them a change has made void. Judging at every request refuses them in any case."""

from typing import Final
from uuid import UUID

import orjson

from events.domains import domain_of_address
from service.identity.resources import Connection, Executor
from service.identity.session_values import LiveSession

_HELD: Final = """
    jsonb_array_elements(
        case jsonb_typeof(s.data -> 'authentications') when 'array' then s.data -> 'authentications' else '[]' end
    )
"""
# In the words of the index sessions_by_provider_session, by which it is answered.
_BY_PROVIDER_SESSION: Final = """
    select distinct user_id from identity.sessions
    where data @? '$.authentications[*].sid' and jsonb_path_query_array(data, '$.authentications[*].sid') @> $1::jsonb
      and user_id is not null
"""
_OF: Final = "a ->> 'workspace' = $2"
_BY_SSO: Final = f"a ->> 'method' = 'sso' and {_OF}"
# What is left of a session after some of its authentications went; nothing left ends it.
_STRIP: Final = """
    with hit as (
        select s.session_hash,
               coalesce((
                   select jsonb_agg(a order by n) from jsonb_array_elements(s.data -> 'authentications')
                   with ordinality t (a, n) where (%s) is not true
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
_UNDER_BYPASS: Final = "jsonb_path_query_array(s.data, '$.authentications[*].bypasses.keyvalue().key') ? $2"
_TAKE_BYPASS: Final = f"""
    with changed as (
        update identity.sessions s set data = jsonb_set(s.data, '{{authentications}}', (
            select jsonb_agg(a #- array['bypasses', $2::text] order by n)
            from jsonb_array_elements(s.data -> 'authentications') with ordinality t (a, n)
        ))
        where s.user_id = $1 and {_UNDER_BYPASS}
        returning 1
    )
    select count(*) from changed
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


async def sign_out_everywhere(connection: Executor, session: LiveSession) -> int:
    """End what a session's person has open, as far as the session may say. Returns how many sessions changed.

    One that only workspaces' connections and invitations have made ends what those of the same workspaces have opened,
    and nothing that the user has opened in another way: a workspace has no say in that.
    """
    if session.proves_user:
        return await end_sessions_of(connection, session.user_id)
    workspaces = {one.workspace for one in session.authentications if one.workspace is not None}
    return sum([await _strip(connection, _OF, [session.user_id], slug) for slug in sorted(workspaces)])


async def end_sso_sessions(connection: Connection, workspace: str, *, domain: str | None = None) -> int:
    """End what SSO opened in a workspace, all of it or that of one e-mail domain, given as its A-label.

    Returns how many sessions changed.
    """
    users = await connection.fetch(
        "select user_id from identity.members where workspace = $1 and user_id is not null", workspace
    )
    user_ids = [row["user_id"] for row in users]
    if domain is None:
        return await _strip(connection, _BY_SSO, user_ids, workspace)
    rows = await connection.fetch(
        f"select distinct a ->> 'email' as email from identity.sessions s, {_HELD} a"
        f" where s.user_id = any($1) and {_BY_SSO}",
        user_ids,
        workspace,
    )
    # A session holds the address as it was asserted; only its A-label says which domain that is.
    emails = [row["email"] for row in rows if row["email"] and domain_of_address(row["email"]) == domain]
    return await _strip(connection, f"{_BY_SSO} and a ->> 'email' = any($3)", user_ids, workspace, emails)


async def end_provider_sessions(
    connection: Executor, workspace: str, issuer: str, member_id: UUID | None, sid: str | None
) -> int:
    """End what sign-ins at this issuer opened in a workspace, for a member, in one session there, or both together.

    ``sid`` is the provider's name for its session. For a member, sign-ins of which the provider told no session end
    with any. Returns how many sessions changed.
    """
    at_issuer = f"{_BY_SSO} and a ->> 'issuer' = $3"
    if member_id is not None:
        user_id = await connection.fetchval("select user_id from identity.members where member_id = $1", member_id)
        condition = f"{at_issuer} and a ->> 'member_id' = $4 and ($5::text is null or coalesce(a ->> 'sid', $5) = $5)"
        return await _strip(connection, condition, [user_id], workspace, issuer, str(member_id), sid)
    rows = await connection.fetch(_BY_PROVIDER_SESSION, orjson.dumps([sid]).decode())
    user_ids = [row["user_id"] for row in rows]
    return await _strip(connection, f"{at_issuer} and a ->> 'sid' = $4", user_ids, workspace, issuer, sid)


async def end_sessions_of_other_issuers(connection: Connection, workspace: str, issuer: str) -> int:
    """End what SSO opened in a workspace under any issuer but the active one. Returns how many sessions changed."""
    users = await connection.fetch(
        "select user_id from identity.members where workspace = $1 and user_id is not null", workspace
    )
    condition = f"{_BY_SSO} and a ->> 'issuer' is distinct from $3"
    return await _strip(connection, condition, [row["user_id"] for row in users], workspace, issuer)


async def end_member_sessions(connection: Executor, workspace: str, user_id: UUID) -> int:
    """End what SSO opened for one member in a workspace. Returns how many sessions changed."""
    return await _strip(connection, _BY_SSO, [user_id], workspace)


async def end_membership_sessions(connection: Executor, workspace: str, user_id: UUID) -> int:
    """End what the workspace opened for one member: by its SSO, and by its invitation. Returns how many changed.

    For whoever is a member no more: if the same person becomes one again, somebody to whom the former invitation was
    forwarded must not be in again as well.
    """
    return await _strip(connection, _OF, [user_id], workspace)


async def end_bypass(connection: Connection, workspace: str, member_id: UUID) -> int:
    """Take a member's bypass out of what is open: it does not come back with one that ends at the same moment.

    What the same mail has opened of other workspaces stays. Returns how many sessions changed.
    """
    user_id = await connection.fetchval("select user_id from identity.members where member_id = $1", member_id)
    changed = 0
    while True:
        changed += int(await connection.fetchval(_TAKE_BYPASS, user_id, workspace))
        # As in ``end_sessions_of``: a sign-in that takes it over may have been on its way.
        left = f"select exists (select from identity.sessions s where s.user_id = $1 and {_UNDER_BYPASS})"
        if not await connection.fetchval(left, user_id, workspace):
            return changed


async def _strip(connection: Executor, condition: str, user_ids: list[UUID], *arguments: object) -> int:
    """Take the authentications that meet the condition out of all sessions of these users."""
    changed = 0
    while True:
        changed += int(await connection.fetchval(_STRIP % condition, user_ids, *arguments))
        # As in ``end_sessions_of``: a sign-in that takes them over may have been on its way.
        left = f"select exists (select from identity.sessions s, {_HELD} a where s.user_id = any($1) and ({condition}))"
        if not await connection.fetchval(left, user_ids, *arguments):
            return changed
