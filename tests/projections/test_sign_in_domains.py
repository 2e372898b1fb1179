"""Which workspaces a domain leads to: written with the connection read model, and as true as it."""

from support.database import Pool
from support.ledger import domain, record, register

from events.catalogue.configuration import DomainRemoved, DomainVerified
from events.store import EventStore
from projections.rebuild import rebuild_connections


async def listed(pool: Pool) -> set[tuple[str, str, bool]]:
    rows = await pool.fetch("select domain, slug, verified from projection.sign_in_domains")
    return {(row["domain"], row["slug"], row["verified"]) for row in rows}


async def test_a_domain_leads_to_its_workspaces_from_the_commit_that_added_it(pool: Pool) -> None:
    store = EventStore(pool)
    acme = await record(store, await register(store, "acme"), domain(1))
    await record(store, await register(store, "globex"), domain(1), domain(2))
    name, other = domain(1).domain, domain(2).domain
    assert await listed(pool) == {(name, "acme", False), (name, "globex", False), (other, "globex", False)}
    acme = await record(store, acme, DomainVerified(domain=name, method="support"))
    assert (name, "acme", True) in await listed(pool)
    await record(store, acme, DomainRemoved(domain=name))
    assert {slug for _, slug, _ in await listed(pool)} == {"globex"}


async def test_a_rebuild_mends_the_domains_of_a_row_that_was_wrong(pool: Pool, owner_pool: Pool) -> None:
    store = EventStore(owner_pool)
    await record(store, await register(store, "acme"), domain(1))
    right = await listed(pool)
    await owner_pool.execute("update projection.connections set document = jsonb_set(document, '{domains}', '{}')")
    await owner_pool.execute("select projection.put_domains(slug, document) from projection.connections")
    assert await listed(pool) == set()
    assert (await rebuild_connections(store)).differing == ("acme",)
    assert await listed(pool) == right
