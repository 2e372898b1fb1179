"""Which ways to sign in to offer: for a host application that has a login page of its own."""

from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import Field, field_validator, model_validator

from events.domains import MAXIMUM_ADDRESS, domain_of_address
from service.api.answers import answer_json
from service.api.operation import JSON, Answer, Call, Operation, Query
from service.api.shapes import Shape
from service.keys import POOL, SETTINGS
from service.login.methods import SignInMethods, methods_for_domain, methods_for_workspace
from service.login.slug import LONGEST_SLUG, is_slug


class MethodsQuery(Query):
    """For whom: the people of an address's domain, or those of a workspace."""

    email: Annotated[
        str | None,
        Field(max_length=MAXIMUM_ADDRESS, description="The address that a person typed. Only its domain is looked at."),
    ] = None
    workspace: Annotated[
        str | None,
        Field(max_length=LONGEST_SLUG, description="A workspace's slug; an unknown one is like one without SSO."),
    ] = None

    @field_validator("email")
    @classmethod
    def _email_is_one(cls, value: str | None) -> str | None:
        if value is not None and domain_of_address(value) is None:
            message = "this is not one e-mail address, such as ada@acme.example"
            raise ValueError(message)
        return value

    @field_validator("workspace")
    @classmethod
    def _workspace_is_one(cls, value: str | None) -> str | None:
        if value is not None and not is_slug(value):
            message = "a slug has lower-case letters, digits and single hyphens, such as acme"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.email is None) == (self.workspace is None):
            message = "Give either email or workspace"
            raise ValueError(message)
        return self


class SsoChoiceShape(Shape):
    """A workspace that takes SSO. While it is ``required``, nothing else opens that workspace but by exception."""

    workspace: str
    name: str
    required: bool
    initiate_uri: str


class MethodsShape(Shape):
    """What to offer, the method to prefer first; ``login_uri`` is the page of ours that offers the same."""

    methods: list[Literal["sso", "google", "magic_link"]]
    sso: list[SsoChoiceShape]
    login_uri: str


async def read_sign_in_methods(call: Call) -> web.StreamResponse:
    """Answer as the login page does: by the domain alone, whoever the address belongs to."""
    query = call.query_as(MethodsQuery)
    app = call.request.app
    pool, settings = app[POOL], app[SETTINGS]
    if query.workspace is not None:
        methods = await methods_for_workspace(pool, query.workspace, google=settings.google)
        return answer_json(_show(methods, settings.public_url, f"?workspace={query.workspace}"))
    domain = domain_of_address(query.email or "") or ""
    return answer_json(_show(await methods_for_domain(pool, domain, google=settings.google), settings.public_url, ""))


def _show(methods: SignInMethods, public_url: str, query: str) -> MethodsShape:
    return MethodsShape(
        methods=[name for name in methods.names if name != "recovery"],
        sso=[
            SsoChoiceShape(
                workspace=one.workspace,
                name=one.name,
                required=one.required,
                initiate_uri=f"{public_url}/api/sso/initiate/{one.workspace}",
            )
            for one in methods.sso
        ],
        login_uri=f"{public_url}/login{query}",
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/api/v1/sign-in-methods",
        identifier="read_sign_in_methods",
        summary="Which ways to sign in to offer to an address, or at a workspace",
        access="read",
        handler=read_sign_in_methods,
        query=MethodsQuery,
        answers={200: Answer("What the login page offers as well.", {JSON: MethodsShape})},
    ),
)
