"""A checkpoint that was kept elsewhere tells exactly what a restored backup took away, however the log went on."""

from dataclasses import dataclass

import pytest
from support.database import Pool, TestDatabase
from support.ledger import domain, record, register
from support.proof import notary_of
from support.setbacks import remembered

from events.anchors import Anchor
from events.missing import Missing
from events.store import EventStore
from events.verify import verify_log

LOST = 3


@dataclass(frozen=True)
class Went:
    """A log that went back: its first events, and what was kept elsewhere of the others."""

    store: EventStore
    kept: int
    position: int
    anchors: list[Anchor]

    def missing(self, said: str | None = None) -> Missing:
        """Return what is missing by the last of the anchors."""
        checkpoint = self.anchors[-1].checkpoint
        return Missing(
            LOST, self.kept, self.kept + LOST - 1, self.position, checkpoint.position, checkpoint.size,
            checkpoint.made_at, "outside", said,
        )  # fmt: skip


@pytest.fixture
async def went(pool: Pool, database: TestDatabase) -> Went:
    store, notary = EventStore(pool), notary_of(pool)
    acme = await register(store, "acme")
    anchors = [Anchor((await notary.make()).checkpoint, outside=True, kept_in="outside")]
    acme = await record(store, acme, domain(1))
    before = await store.head()
    async with remembered(database) as past:
        for number in range(LOST):
            acme = await record(store, acme, domain(10 + number))
            anchors.append(Anchor((await notary.make()).checkpoint, outside=True, kept_in="outside"))
        assert (await verify_log(store, anchors)).missing is None
        await past.return_to()
    return Went(store, before.size, before.position, anchors)


async def test_the_end_that_is_missing_is_counted_from_leaf_to_leaf(went: Went) -> None:
    """By the last checkpoint, of several that the log has not come to; by itself the log holds."""
    assert (await verify_log(went.store)).fault is None
    verified = await verify_log(went.store, went.anchors)
    assert verified.fault is not None
    assert (verified.fault.kind, verified.fault.position) == ("restored", went.position + 1)
    assert f"it had {went.kept + LOST} events" in verified.fault.problem
    assert verified.missing == went.missing()
    assert verified.checkpoints >= 1


@pytest.mark.parametrize("more", [1, LOST, LOST + 2])
async def test_what_is_missing_is_told_from_what_the_log_went_on_with(went: Went, more: int) -> None:
    """Also where nobody said that a backup was restored: what was recorded since is later than the checkpoint."""
    for number in range(more):
        await register(went.store, f"w{number}")
    verified = await verify_log(went.store, went.anchors)
    assert verified.missing == went.missing()
    assert verified.fault is not None
    assert verified.fault.position == went.position + 1


async def test_what_an_operator_said_of_the_restore_is_told_with_it(went: Went, owner_pool: Pool) -> None:
    await owner_pool.execute("select ledger.begin_epoch('the nightly backup')")
    await register(went.store, "globex")
    later = Anchor((await notary_of(went.store.pool).make()).checkpoint, outside=True, kept_in="elsewhere")
    assert (await verify_log(went.store, [*went.anchors[:1], later])).fault is None
    verified = await verify_log(went.store, [*went.anchors, later])
    assert verified.missing == went.missing("the nightly backup")


async def test_of_two_checkpoints_of_one_size_the_one_that_agrees_hides_nothing(went: Went) -> None:
    """The log was signed at the same size before and after the restore."""
    later = []
    for number in range(LOST):
        await register(went.store, f"w{number}")
        later.append(Anchor((await notary_of(went.store.pool).make()).checkpoint, outside=True, kept_in="elsewhere"))
    assert [one.checkpoint.size for one in later] == [one.checkpoint.size for one in went.anchors[1:]]
    for order in ([*went.anchors, *later], [*later, *went.anchors]):
        verified = await verify_log(went.store, order)
        assert verified.missing == went.missing()
        assert verified.fault is not None
        assert verified.fault.position == went.position + 1
