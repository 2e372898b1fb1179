"""Tables on a terminal of any width hold all that they hold on a wide one."""

import sys

import pytest

from service.cli.output import say_table

TITLES = ["when", "email", "outcome", "request id", "why"]
ROWS: list[list[str | None]] = [
    ["2026-11-25 22:30:06Z", "ada@acme.example", "member_deactivated", "req_0bf9b69c75b105c58de2", "left in November"],
    ["2026-11-25 22:30:07Z", "-", "ok", "req_4f1ab8eb2b620d93241e", None],
]


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int) -> str:
    """Return the table as it is printed on a terminal this wide."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say_table(TITLES, ROWS)
    return capsys.readouterr().out


@pytest.mark.parametrize("columns", [20, 40, 80, 100, 200])
def test_nothing_is_cut_however_narrow_the_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Every word of every cell is there; what has to be copied is in one piece."""
    told = printed(capsys, monkeypatch, columns)
    assert all(word in told for row in ROWS for cell in row if cell for word in cell.split())


def test_what_has_no_room_beside_stands_beneath_its_row_with_its_title(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At eighty columns the request id of a sign-in can be read, and an empty cell takes no line."""
    lines = printed(capsys, monkeypatch, 80).splitlines()
    assert [line.rstrip() for line in lines[1:]] == [
        "2026-11-25 22:30:06Z  ada@acme.example  member_deactivated",
        "    REQUEST ID  req_0bf9b69c75b105c58de2",
        "    WHY  left in November",
        "2026-11-25 22:30:07Z  -                 ok",
        "    REQUEST ID  req_4f1ab8eb2b620d93241e",
    ]


def test_on_a_terminal_that_is_wide_enough_a_row_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for the titles and one for each row."""
    assert len(printed(capsys, monkeypatch, 200).splitlines()) == 1 + len(ROWS)
