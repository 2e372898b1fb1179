"""The catalogue: every type has its golden example, and a published shape never changes."""

from typing import Any

import pytest
from pydantic import ValidationError
from support.event_probes import behaviour
from support.golden_events import FOLDS, PROBES, SHAPES, folded, golden_events, name_of, published, shape

from events.canonical import canonical_json
from events.catalogue import CATALOGUE, SYSTEM_TYPES, WORKSPACE_TYPES, EventData
from events.catalogue.access import EnforcementEnabled
from events.catalogue.configuration import WorkspaceRegistered
from events.catalogue.instants import read_instant, write_instant
from events.upcasting import UPCASTERS, upcast
from events.workspace import FOLD_VERSION

GOLDEN = golden_events()
IDS = [name_of(example) for example in GOLDEN]
OLDER = [one for one in GOLDEN if one["schema_version"] < CATALOGUE[one["type"]].schema_version]
NEWEST = {one["type"]: one["data"] for one in GOLDEN}
WORKSPACE_NAMES = {kind.type_name() for kind in WORKSPACE_TYPES}


def test_every_version_of_every_type_has_a_golden_example() -> None:
    expected = {f"{name}.v{n}" for name, kind in CATALOGUE.items() for n in range(1, kind.schema_version + 1)}
    assert set(IDS) == expected


@pytest.mark.parametrize("example", GOLDEN, ids=IDS)
def test_a_golden_example_of_any_version_reads_as_the_newest(example: dict[str, Any]) -> None:
    data = upcast(example["type"], example["schema_version"], example["data"])
    kind = CATALOGUE[example["type"]]
    assert kind.model_validate(data).to_data() == data
    canonical_json(data)


@pytest.mark.parametrize("example", OLDER, ids=name_of)
def test_an_upcaster_makes_of_an_old_event_what_it_always_made_of_it(example: dict[str, Any]) -> None:
    """Each single step is pinned, so that none of them ever fills in today's default for what was true then."""
    step = UPCASTERS[example["type"], example["schema_version"]]
    assert "next" in example, f"write what {name_of(example)} becomes in the next version into its file, as next"
    assert step(dict(example["data"])) == example["next"]


def test_what_was_published_stays_published() -> None:
    """All versions of all types, those included that nobody writes any more."""
    assert set(published(SHAPES)) == set(IDS)
    assert set(published(PROBES)) <= set(IDS)
    assert set(published(FOLDS)) <= {str(number) for number in range(1, FOLD_VERSION + 1)}


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_a_class_changes_only_with_a_new_schema_version(kind: type[EventData]) -> None:
    """Neither what it looks like nor what it does: which values it takes, and what it records of them."""
    name = f"{kind.type_name()}.v{kind.schema_version}"
    shapes, probes = published(SHAPES), published(PROBES)
    assert {name} <= shapes.keys() & probes.keys(), (
        f"{name} is new: see events/EVOLUTION.md, and run support.publish_events"
    )
    assert shape(kind) == shapes[name], f"{name} was published with another shape: raise schema_version instead"
    assert behaviour(kind, NEWEST[kind.type_name()]) == probes[name], (
        f"{name} was published and took or recorded other values: raise schema_version instead"
    )


@pytest.mark.parametrize(
    "example", [one for one in GOLDEN if one["type"] in WORKSPACE_NAMES], ids=lambda one: str(name_of(one))
)
def test_an_event_means_the_same_as_long_as_the_fold_has_the_same_version(example: dict[str, Any]) -> None:
    """Rows of the read model count by FOLD_VERSION: another document under the same version would never be replaced."""
    folds = published(FOLDS).get(str(FOLD_VERSION), {})
    name = name_of(example)
    assert name in folds, f"{name} is new to fold {FOLD_VERSION}: see events/EVOLUTION.md, run support.publish_events"
    assert folded(example) == folds[name], f"{name} was folded into another document: raise FOLD_VERSION"


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
