"""What a desk tells before single sign-on is switched on or required: what is missing, and who would be affected.

What is so, the decisions say; here it is put into the words of whoever sits at a desk.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from events.decisions import SENTENCES
from events.refusals import Refusal
from service.commands.assessment import Assessment

SHOWN: Final = 10
"""How many people of a kind are shown at first."""
SHOWN_ALL: Final = 2_000
"""How many at most, where all were asked for: a page has an end."""

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plan": "Your plan does not include single sign-on: ask support to change it.",
        "domain": "No e-mail domain is allowed yet: ask support to add yours.",
        "credentials": "The client ID and secret of the app are missing: enter them under “New credentials”.",
        "verified_domain": "Nobody has shown yet that each allowed domain is yours: ask support to verify it.",
        "sso": "Single sign-on is not switched on yet: an owner does it here, or support.",
        "proof": "Nobody has signed in through the credentials in use yet: press “Test sign-in” beside them.",
        "owner": (
            "No active owner with an address of an allowed domain has signed in with single sign-on lately, and without"
            " one you could all be locked out: an owner signs in with it first."
        ),
    }
)
"""Each item that can be missing (``events.decisions.SENTENCES``), for people who have this page and no command line."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who would be affected. ``name`` may be empty; ``excepted_until``: a bypass lets them in till then."""

    email: str
    name: str
    owner: bool
    you: bool
    excepted_until: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """All of one kind: how many, and the first of them, owners before others; nobody where names are not told."""

    total: int
    shown: tuple[Named, ...]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.shown)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What stands in the way of requiring single sign-on, and whom it would affect, each person once.

    Attributes:
        missing: sentences; none where nothing stands in the way.
        lacks_owner: whether an owner's own sign-in is among what is missing.
        refused: members outside the allowed domains, who come in no more.
        anew: the other members who never signed in with it.
        invited_refused: invited people who could not accept any more.
        invited: the other invited people.
        all_shown: whether everybody was asked for.
    """

    missing: tuple[str, ...]
    lacks_owner: bool
    refused: People
    anew: People
    invited_refused: People
    invited: People
    all_shown: bool

    @property
    def nobody(self) -> bool:
        """Whether it would affect nobody in particular."""
        return not any(kind.total for kind in (self.refused, self.anew, self.invited_refused, self.invited))


def preflight(found: Assessment, now: datetime, *, you: str, named: bool, everybody: bool = False) -> Preflight:
    """Return what to show of an assessment.

    ``you`` is the member id of who looks at it. ``named``: whether they may read names and addresses, and not just how
    many there are. ``everybody``: more than the first few.
    """
    affected, limit = found.readiness.affected, (SHOWN_ALL if everybody else SHOWN) if named else 0
    refused, invited_refused = set(affected.outside_domains), set(affected.invitations_outside_domains)

    def people(ids: Iterable[str]) -> People:
        return _people(found, list(ids), now, you, limit)

    return Preflight(
        missing=told(found.readiness.enforcement),
        lacks_owner="owner" in found.readiness.enforcement,
        refused=people(affected.outside_domains),
        anew=people(one for one in affected.never_by_sso if one not in refused),
        invited_refused=people(affected.invitations_outside_domains),
        invited=people(one for one in affected.open_invitations if one not in invited_refused),
        all_shown=everybody,
    )


def told(items: Collection[str]) -> tuple[str, ...]:
    """Return what to say of each item that is missing."""
    return tuple(WORDS[item] for item in items)


def sentence_of(refusal: Refusal) -> str:
    """Return a refusal's sentence; where it is the list of what is missing, in this page's words."""
    missing = refusal.details.get("missing")
    items = [one for one in missing if one in WORDS] if isinstance(missing, list) else []
    # A refusal that names what is missing may still have a sentence of its own, and that one says more.
    listed = refusal.message == " ".join(SENTENCES[item] for item in items)
    return " ".join(told(items)) if listed else refusal.message


def _people(found: Assessment, ids: list[str], now: datetime, you: str, limit: int) -> People:
    owners = set(found.readiness.affected.owners)
    # Owners stand first, so that a long list hides none of them.
    first = sorted(ids, key=lambda one: (one not in owners, found.addresses.get(one, "").casefold()))[:limit]
    shown = []
    for one in first:
        bypass = found.workspace.bypass_of(one, now)
        shown.append(
            Named(
                email=found.addresses.get(one, ""),
                name=found.names.get(one, ""),
                owner=one in owners,
                you=one == you,
                excepted_until=None if bypass is None else bypass.expires_at,
            )
        )
    return People(len(ids), tuple(shown))
