"""The provider's side of the demonstration: its applications, and what it knows of whoever is logged in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from service.demo.cast import PEOPLE, WORKSPACES, DemoWorkspace, Person, Story
from service.demo.kept import Kept

NAME: Final = "Acme Group"

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Application:
    """An application in the provider's dashboard, as an Okta administrator has set it up."""

    workspace: DemoWorkspace
    client_secret: SecretStr
    redirect_uri: str
    initiate_uri: str
    signed_out_uri: str

    def assigned(self, person: Person) -> bool:
        """Whether the person may use it at all."""
        story = self.workspace.stories.get(person.key)
        return story is not None and story.outcome != "okta"

    def stories(self) -> list[tuple[Person, Story]]:
        """Return who is offered on the login page, and what will happen to them."""
        return [(PEOPLE[key], story) for key, story in self.workspace.stories.items()]


def applications(service: str, kept: Kept) -> Mapping[str, Application]:
    """Return the applications by client id; ``service`` is the origin of the service that they sign in to."""
    return {
        workspace.client_id: Application(
            workspace=workspace,
            client_secret=kept.client_secrets[workspace.client_id],
            redirect_uri=f"{service}/api/sso/callback/{workspace.slug}",
            initiate_uri=f"{service}/api/sso/initiate/{workspace.slug}",
            signed_out_uri=f"{service}/",
        )
        for workspace in WORKSPACES
    }


def known_of(person: Person, scopes: frozenset[str]) -> Claims:
    """Return what userinfo tells (OIDC Core 5.4). Like Okta's org server, it vouches for no address."""
    claims: Claims = {"sub": person.subject}
    if "profile" in scopes:
        claims |= {
            "name": person.name,
            "given_name": person.name,
            "preferred_username": person.email,
            "locale": "en_US",
            "zoneinfo": "Europe/London",
        }
    if "email" in scopes:
        claims |= {"email": person.email, "email_verified": False}
    if "groups" in scopes:
        claims["groups"] = ["Everyone"]
    return claims


def told_in_id_token(person: Person, scopes: frozenset[str]) -> Claims:
    """Return the few claims about the person that Okta puts into the ID token of a code flow."""
    thin = {"sub", "name", "preferred_username", "email"}
    return {name: value for name, value in known_of(person, scopes).items() if name in thin}
