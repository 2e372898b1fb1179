"""Mails that are kept instead of sent, for tests that read them."""

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage

from support.identity_world import World

from service.identity.mails import Mails
from service.identity.outbox import OutboxWorker
from service.mail import Mailer

SENDER = "Keyledger <no-reply@id.example.com>"


@dataclass
class KeptMails:
    """A mailer that keeps what it is given."""

    kept: list[EmailMessage] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: EmailMessage) -> None:
        """Keep one mail."""
        self.kept.append(message)
        self.arrived.set()


def worker(world: World, mailer: Mailer | None) -> OutboxWorker:
    """Return a worker over the world's outbox."""
    mails = Mails(SENDER, world.clock)
    return OutboxWorker(world.pool, world.resources.box, world.clock, mailer, mails.render)


async def deliver(world: World, mailer: Mailer) -> int:
    """Send what is due now. Returns how many mails were taken."""
    return await worker(world, mailer).deliver_due()
