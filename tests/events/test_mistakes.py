"""Whoever gives a value that does not fit is told what to give, without the value."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from events.catalogue.event_data import Plan, Slug
from events.mistakes import mistake


class Invitation(BaseModel):
    """Something with named members."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["owner", "viewer"]


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (Slug, "Acme_2", "Give lower-case letters and digits, with single hyphens between them, such as acme-2."),
        (Slug, "planted" * 20, "The most is 63 characters."),
        (Slug, "a", "The least is 2 characters."),
        (Slug, 7, "Give a text, in quotes."),
        (Plan, "Plan One", "Give the plan's name in lower case and without spaces, such as one."),
        (Annotated[str, Field(min_length=1)], "", "This is empty."),
        (Annotated[int, Field(ge=5, le=10080)], 1, "The least is 5."),
        (Annotated[int, Field(ge=5, le=10080)], 10081, "The most is 10080."),
        (Annotated[int, Field(ge=5)], "planted", "Give a whole number."),
        (Annotated[list[str], Field(max_length=1)], ["planted", "planted"], "The most is 1 entries."),
        (Literal["owner", "viewer"], "planted", "Give one of these: 'owner' or 'viewer'."),
        (Annotated[str, Field(pattern="^x$")], "planted", "This has characters that do not go here."),
        (Invitation, {}, "This is missing."),
        (Invitation, "planted", "Give an object."),
        (Invitation, {"role": "owner", "rol": 1}, "This is not known here. Did you mean role?"),
    ],
)
def test_a_mistake_is_told_by_what_to_give_instead(kind: Any, value: object, told: str) -> None:
    """The sentence names the bound, the choice or the shape, and repeats nothing of the value."""
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(kind).validate_python(value)
    said = mistake(wrong.value.errors()[0], ["role"])
    assert said == told
    assert "planted" not in said
