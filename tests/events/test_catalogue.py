"""The catalogue: every type has its golden example, and a published shape never changes."""

from typing import Any

import pytest
from pydantic import ValidationError
from support.golden_events import golden_events, published_shapes, shape

from events.canonical import canonical_json
from events.catalogue import CATALOGUE, SYSTEM_TYPES, WORKSPACE_TYPES, EventData
from events.catalogue.access import EnforcementEnabled
from events.catalogue.configuration import WorkspaceRegistered
from events.catalogue.instants import read_instant, write_instant
from events.upcasting import upcast

GOLDEN = golden_events()
IDS = [f"{example['type']}.v{example['schema_version']}" for example in GOLDEN]


def test_every_version_of_every_type_has_a_golden_example() -> None:
    expected = {f"{name}.v{n}" for name, kind in CATALOGUE.items() for n in range(1, kind.schema_version + 1)}
    assert set(IDS) == expected


@pytest.mark.parametrize("example", GOLDEN, ids=IDS)
def test_a_golden_example_of_any_version_reads_as_the_newest(example: dict[str, Any]) -> None:
    data = upcast(example["type"], example["schema_version"], example["data"])
    kind = CATALOGUE[example["type"]]
    assert kind.model_validate(data).to_data() == data
    canonical_json(data)


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_a_class_changes_only_with_a_new_schema_version(kind: type[EventData]) -> None:
    name = f"{kind.type_name()}.v{kind.schema_version}"
    published = published_shapes()
    assert name in published, f"publish the shape of {name} in shapes.json, with a golden example and an upcaster"
    assert shape(kind) == published[name], f"{name} was published with another shape: raise schema_version instead"


def test_a_type_belongs_to_one_kind_of_stream_and_is_named_as_its_class() -> None:
    assert len(CATALOGUE) == len(WORKSPACE_TYPES) + len(SYSTEM_TYPES)
    assert all(name == kind.__name__ for name, kind in CATALOGUE.items())


def test_no_event_has_room_for_an_address_or_a_secret() -> None:
    members = {member for kind in CATALOGUE.values() for member in kind.model_fields}
    assert not members & {"email", "address", "client_secret", "password", "token", "phone"}


def test_event_data_are_frozen() -> None:
    data = WorkspaceRegistered(slug="acme", name="Acme", plan="one")
    with pytest.raises(ValidationError):
        data.name = "Other"  # type: ignore[misc]


@pytest.mark.parametrize(
    "slug", ["a", "-acme", "acme-", "ac--me", "Acme", "ac_me", "acmé", "a" * 64, "acme\n", "", "acme "]
)
def test_a_slug_of_another_form_is_refused(slug: str) -> None:
    with pytest.raises(ValidationError):
        WorkspaceRegistered(slug=slug, name="Acme", plan="one")


@pytest.mark.parametrize("slug", ["ac", "a1", "1a", "acme-2", "a-b-c", "a" * 63])
def test_a_slug_is_letters_digits_and_single_hyphens_between_them(slug: str) -> None:
    assert WorkspaceRegistered(slug=slug, name="Acme", plan="one").slug == slug


@pytest.mark.parametrize("minutes", [4, 10081, True, 60.0, "60"])
def test_a_time_to_confirm_is_whole_minutes_from_five_to_a_week(minutes: object) -> None:
    with pytest.raises(ValidationError):
        EnforcementEnabled.model_validate({"confirm_within": minutes, "confirm_by": None})


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T13:05:09Z",
        "2026-11-25T13:05:09.000000+00:00",
        "2026-11-25 13:05:09.000000Z",
        "2026-02-30T00:00:00.000000Z",
        "2026-11-25T13:05:09.000000Z\n",
    ],
)
def test_an_instant_has_one_written_form(text: str) -> None:
    with pytest.raises(ValidationError):
        EnforcementEnabled.model_validate({"confirm_within": 60, "confirm_by": text})


def test_an_instant_is_written_in_utc_and_a_naive_time_is_none() -> None:
    written = "2026-11-25T13:05:09.000001Z"
    assert write_instant(read_instant(written)) == written
    with pytest.raises(ValueError, match="time zone"):
        write_instant(read_instant(written).replace(tzinfo=None))
