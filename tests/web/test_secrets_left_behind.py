"""Sealed secrets of credentials that no way leads back to are not kept for ever."""

from support.desks import DESK, owner, record, staged_id, tried, typed
from support.site import Site


async def kept(site: Site) -> set[str]:
    """Return the credentials whose sealed secret is kept."""
    return {row["credentials_id"] for row in await site.world.pool.fetch("select credentials_id from ledger.secrets")}


async def in_use(site: Site) -> list[str]:
    """Return the workspace's credentials: active, staged, former."""
    state = await site.world.workspace()
    return [one.credentials_id for one in (state.credentials, state.staged, state.former) if one is not None]


async def test_a_replaced_secret_goes_with_the_next_change_of_credentials(desk: Site) -> None:
    """However often they are replaced, no more are kept than those of now and of just before."""
    first = set(await in_use(desk))
    for number in range(5):
        before = set(await in_use(desk))
        await record(desk, "CredentialsSet", typed(desk, f"secret-{number}"))
        assert await kept(desk) == before | set(await in_use(desk))
    assert not first & await kept(desk)


async def test_what_can_be_returned_to_stays(desk: Site) -> None:
    """The former credentials let people in again after a rollback; those that were discarded go."""
    browser = await owner(desk)
    desk.provider.accepted = frozenset({"new"})  # type: ignore[attr-defined]
    former = (await in_use(desk))[0]
    await record(desk, "CredentialsStaged", typed(desk, "never-right"))
    discarded = await staged_id(desk)
    await record(desk, "CredentialsStaged", typed(desk, "new"))
    await tried(desk, browser, DESK, await staged_id(desk))
    await record(desk, "CredentialsPromoted")
    assert former in await kept(desk)
    assert discarded not in await kept(desk)
    await record(desk, "CredentialsRolledBack")
    assert await in_use(desk) == [former]
    assert (await desk.sign_in(desk.browser())).headers["Location"] == "https://app.example/home"


async def test_what_was_learned_of_credentials_goes_with_their_secret(desk: Site) -> None:
    await desk.sign_in(desk.browser())
    learned = "select credentials_id from identity.signing_algorithms"
    first = (await in_use(desk))[0]
    assert await desk.world.pool.fetchval(learned) == first
    for number in range(2):
        await record(desk, "CredentialsSet", typed(desk, f"secret-{number}"))
    assert await desk.world.pool.fetchval(learned) is None
