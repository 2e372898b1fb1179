"""The demonstration's workspaces and people, and what is going to happen to each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Outcome = Literal["in", "mail", "refused", "okta"]
"""Let in; let in after a click in a mail; refused by the service; refused by the provider itself."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the provider's directory. ``subject`` never changes, as Okta's user ids do not."""

    key: str
    name: str
    email: str
    subject: str


@dataclass(frozen=True, slots=True)
class Story:
    """What happens when a person signs in to a workspace."""

    outcome: Outcome
    line: str


@dataclass(frozen=True, slots=True)
class DemoWorkspace:
    """A workspace, and the provider's application for it. People are named by their keys, in the page's order."""

    slug: str
    name: str
    about: str
    domain: str
    owner: str
    client_id: str
    jit: bool
    stories: Mapping[str, Story] = field(default_factory=lambda: MappingProxyType({}))


PEOPLE: Final[Mapping[str, Person]] = MappingProxyType(
    {
        person.key: person
        for person in (
            Person("ada", "Ada", "ada@acme.example", "00u1demoada"),
            Person("barbara", "Barbara", "barbara@acme.example", "00u2demobarbara"),
            Person("radia", "Radia", "radia@acme.example", "00u3demoradia"),
            Person("edsger", "Edsger", "edsger@acme.example", "00u4demoedsger"),
            Person("grace", "Grace", "grace@globex.example", "00u5demograce"),
            Person("margaret", "Margaret", "margaret@globex.example", "00u7demomargaret"),
            Person("katherine", "Katherine", "katherine@globex.example", "00u6demokatherine"),
        )
    }
)

_OWNER: Final = Story("mail", "Invited as the owner. An owner confirms the first sign-in by a mail.")
_NOT_ASSIGNED: Final = Story(
    "okta", "Is not assigned to this app. The provider sends Edsger back before we ask anything."
)

ACME: Final = DemoWorkspace(
    slug="acme",
    name="Acme",
    about="Whoever has an acme.example address is created at the first sign-in.",
    domain="acme.example",
    owner="barbara",
    client_id="0oa1demoacme",
    jit=True,
    stories=MappingProxyType(
        {
            "ada": Story("in", "Unknown so far. The first sign-in creates an account, just in time, as an editor."),
            "barbara": _OWNER,
            "grace": Story("refused", "Comes from globex.example, which is not one of Acme’s domains."),
            "radia": Story("refused", "Was a member and is deactivated. No sign-in brings Radia back."),
            "edsger": _NOT_ASSIGNED,
        }
    ),
)
GLOBEX: Final = DemoWorkspace(
    slug="globex",
    name="Globex",
    about="Nobody is created here. People come in by invitation.",
    domain="globex.example",
    owner="margaret",
    client_id="0oa2demoglobex",
    jit=False,
    stories=MappingProxyType(
        {
            "grace": Story("in", "Invited as a viewer. The first sign-in uses up the invitation."),
            "margaret": _OWNER,
            "katherine": Story("refused", "Has the right domain and no invitation, and is told to ask for one."),
            "ada": Story("refused", "Comes from acme.example, which is not one of Globex’s domains."),
            "edsger": _NOT_ASSIGNED,
        }
    ),
)
WORKSPACES: Final = (ACME, GLOBEX)
DEACTIVATED: Final = PEOPLE["radia"]
INVITED: Final = PEOPLE["grace"]
