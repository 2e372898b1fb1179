"""Mails that are kept instead of sent, for tests that read them."""

import asyncio
import re
from dataclasses import dataclass, field
from email.message import EmailMessage

from support.identity_world import World

from service.identity.addresses import read_address
from service.identity.magic_link import request_magic_link
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


async def mailed_link(world: World, email: str) -> str | None:
    """Ask for a magic link and return its token from the mail, ``None`` when there was no mail."""
    address, mails = read_address(email), KeptMails()
    assert address is not None
    assert await request_magic_link(world.resources, address) == 0
    await deliver(world, mails)
    return link_in(mails.kept[-1]) if mails.kept else None


def link_in(message: EmailMessage) -> str:
    """Return the token of the magic link in a mail."""
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"/login/magic-link/(\S+)", body.get_content())
    assert found is not None
    return found[1]
