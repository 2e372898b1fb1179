"""What a route promises, declared beside its handler; routes, checks and the OpenAPI document read the same lines."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn, TypeVar, get_args

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from service.tokens import Access, Principal

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"

_DIGITS: Final = re.compile(r"-?[0-9]+")


class Query(BaseModel):
    """Query parameters. Unknown ones are refused, so that a typo never silently widens an answer.

    Whole numbers are written in digits alone: ``1_0`` is no version, and neither are ``1.0`` and a blank before one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _in_digits(cls, value: object, info: ValidationInfo) -> object:
        kind = cls.model_fields[str(info.field_name)].annotation
        if _takes_int(kind) and isinstance(value, str) and _DIGITS.fullmatch(value) is None:
            message = "write a whole number, in digits alone"
            raise ValueError(message)
        return value


def _takes_int(kind: object) -> bool:
    return kind is int or any(_takes_int(part) for part in get_args(kind))


class Body(BaseModel):
    """A request body. Unknown members are refused, so that a typo never silently loses a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Q = TypeVar("Q", bound=Query)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated, checked request. ``raw`` is the body as JSON values, for the digest of a repeated request."""

    request: web.Request
    principal: Principal
    query: Query
    body: object
    raw: object = field(default=None, repr=False)

    def query_as(self, model: type[Q]) -> Q:
        """Return the query as the model that the operation declares."""
        return self.query if isinstance(self.query, model) else _undeclared(model)

    def body_as(self, kind: type[T]) -> T:
        """Return the body as the model that the operation declares."""
        return self.body if isinstance(self.body, kind) else _undeclared(kind)

    def path(self, name: str) -> str:
        """Return one part of the path, such as ``slug``."""
        return self.request.match_info[name]


def _undeclared(kind: type) -> NoReturn:
    message = f"the operation does not declare {kind.__name__}"
    raise TypeError(message)


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """One kind of success: what it means and what it carries, by media type."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    ``identifier`` is the OpenAPI operationId (verb_noun). ``body`` is a type that pydantic can check; ``parse``, where
    given, reads the body instead, and ``body`` only describes it. ``refusals`` are the codes that a caller should
    expect beside those that every operation shares.
    """

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    identifier: str
    summary: str
    access: Access
    handler: Handler
    answers: Mapping[int, Answer]
    query: type[Query] = Query
    body: Any = None
    parse: Callable[[object], object] | None = None
    refusals: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body_limit: int = 64 * 1024
