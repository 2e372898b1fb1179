"""Old events read as new ones; events of the future are refused by name."""

from typing import Any

import pytest

from events.upcasting import UnknownSchema, upcast


def _second(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "added_in_two": None}


def _third(data: dict[str, Any]) -> dict[str, Any]:
    data["renamed_in_three"] = data.pop("added_in_two")
    return data


STEPS = {("Thing", 1): _second, ("Thing", 2): _third}


def test_an_old_event_passes_every_step_up_to_the_newest_version() -> None:
    assert upcast("Thing", 1, {"a": 1}, STEPS, {"Thing": 3}) == {"a": 1, "renamed_in_three": None}


def test_what_is_recorded_stays_as_it_was_written() -> None:
    recorded = {"a": 1, "added_in_two": 2}
    upcast("Thing", 2, recorded, STEPS, {"Thing": 3})
    assert recorded == {"a": 1, "added_in_two": 2}


def test_the_newest_version_is_not_touched() -> None:
    data = {"a": 1}
    assert upcast("Thing", 3, data, STEPS, {"Thing": 3}) is data


@pytest.mark.parametrize(("type_", "version"), [("Thing", 4), ("Thing", 0), ("Thing", -1), ("Other", 1)])
def test_an_unknown_type_or_version_is_told_apart_from_bad_data(type_: str, version: int) -> None:
    with pytest.raises(UnknownSchema) as caught:
        upcast(type_, version, {}, STEPS, {"Thing": 3})
    assert (caught.value.type, caught.value.schema_version) == (type_, version)


def test_a_missing_step_is_found_and_not_skipped() -> None:
    with pytest.raises(UnknownSchema):
        upcast("Thing", 1, {}, {("Thing", 2): _third}, {"Thing": 3})
