"""Refusals: stable codes, one table of statuses."""

import re
from pathlib import Path

import pytest

import events
from events.refusals import CODES, STATUS, Refusal

SOURCES = sorted(Path(events.__file__).parent.rglob("*.py"))


def test_every_code_that_is_refused_with_has_a_status() -> None:
    used = {code for path in SOURCES for code in re.findall(r'Refusal\(\s*"([a-z_]+)"', path.read_text("utf-8"))}
    assert used
    assert used <= CODES


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("unauthenticated", 401),
        ("forbidden", 403),
        ("workspace_unknown", 404),
        ("would_lock_out", 409),
        ("not_ready", 409),
        ("not_proven", 409),
        ("slug_taken", 409),
        ("idempotency_conflict", 409),
        ("version_conflict", 412),
        ("data_invalid", 422),
        ("event_type_unknown", 422),
        ("domain_generic", 422),
        ("provider_invalid", 422),
        ("provider_unreachable", 502),
    ],
)
def test_a_code_maps_to_its_status(code: str, status: int) -> None:
    assert STATUS[code] == status


def test_details_come_by_mapping_or_by_name_and_cannot_be_changed_afterwards() -> None:
    given = {"a": 1}
    refusal = Refusal("data_invalid", "Mend it.", given, b=2)
    given["a"] = 3
    assert dict(refusal.details) == {"a": 1, "b": 2}
    assert str(refusal) == "data_invalid: Mend it."
