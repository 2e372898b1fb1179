"""An exported file is read a piece at a time, and what is found does not depend on where the pieces end."""

import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from support.histories import History, harmed

from events import export_walk
from events.export_check import verify_export, verify_since
from events.export_walk import Item, walk
from events.exported import ExportRefused, read_export

LETTERS = 'ab"\\/\u00e9\u20ac\U0001f511\u2028{}[],: 0'


def found(text: str) -> object:
    try:
        return verify_export(read_export(text))
    except ExportRefused as refused:
        return str(refused)


def read(text: str) -> dict[str, Any]:
    """Read an object as the walk does, its list ``l`` item by item."""
    items: list[Any] = []
    members: dict[str, Any] = {}
    for part in walk(io.StringIO(text), "l"):
        if isinstance(part, Item):
            items.append(part.value)
        else:
            members[part.name] = part.value
    return members | ({"l": items} if items else {})


def made(choose: random.Random, depth: int = 3) -> Any:
    """Make a value of JSON."""
    kind = choose.randrange(7 if depth else 5)
    text = "".join(choose.choices(LETTERS, k=choose.randrange(9)))
    if kind < 5:
        return (text, choose.randrange(-(10**12), 10**12), choose.random(), choose.choice((True, False, None)), "")[
            kind
        ]
    if kind == 5:
        return [made(choose, depth - 1) for _ in range(choose.randrange(4))]
    return {f"{text}{number}": made(choose, depth - 1) for number in range(choose.randrange(4))}


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_the_walk_reads_what_a_reader_of_the_whole_text_reads_and_refuses_what_that_refuses(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(export_walk, "PIECE", piece)
    choose = random.Random(piece)  # noqa: S311 - reproducible, and no secret
    refused = 0
    for _ in range(150):
        listed = choose.choice((made(choose), [made(choose) for _ in range(choose.randrange(5))]))
        members = [("a", made(choose)), ("l", listed), ("z", made(choose))]
        choose.shuffle(members)
        text = json.dumps(dict(members), ensure_ascii=choose.random() < 0.5, indent=choose.choice((None, 1)))
        assert read(f" {text}\n") == json.loads(text)
        at = choose.randrange(len(text))
        broken = text[:at] + choose.choice(("", "]", "}", ",", '"', "1", "\\", "x")) + text[at + choose.randrange(2) :]
        try:
            whole = json.loads(broken)
        except ValueError:
            refused += 1
            with pytest.raises((ValueError, TypeError)):
                read(broken)
        else:
            assert read(broken) == whole
    assert refused > 50


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "[]", '"x"', "{", '{"a"}', '{"a":1,}', '{"a":1}}', '{"a":1,"a":2}', '{"l":[],"l":[1]}', '{"l":[1,]}',
        '{"l":[{"a":1,"a":2}]}', '{"l":[NaN]}', '{"a":Infinity}', "{1:2}", '{"l":[1 2]}', '{"a":01}', "\ufeff{}",
        '{"l":[1],"l":2}', '{"a":{"b":{"c":1,"c":1}}}',
    ],
)  # fmt: skip
def test_what_is_no_whole_object_with_each_member_once_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(text)


def test_a_value_that_is_too_long_is_refused_before_all_of_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_walk, "PIECE", 100)
    monkeypatch.setattr(export_walk, "VALUE_MAXIMUM", 1000)

    class Endless(io.StringIO):
        given = 0

        def read(self, size: int | None = -1, /) -> str:
            self.given += size or 0
            return "x" * (size or 0) if self.given > 100 else '{"a":"'.ljust(size or 0, "x")

    endless = Endless()
    with pytest.raises(ValueError, match="Unterminated"):
        list(walk(endless, "l"))
    assert endless.given < 5000


def test_every_harm_is_named_alike_wherever_the_pieces_end_and_in_whichever_order_the_members_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders: list[Callable[[dict[str, Any]], list[str]]] = [list, sorted, lambda members: list(reversed(members))]
    for seed in range(40):
        history = History(seed)
        export = history.export()
        changed = harmed(export, history.choose)
        told = []
        for piece, order in zip((1 << 16, 3, 50), orders, strict=True):
            monkeypatch.setattr(export_walk, "PIECE", piece)
            texts = [json.dumps({name: one[name] for name in order(one)}) for one in (export, changed)]
            told.append([found(text) for text in texts])
        assert told[0][0] is None
        assert told[1:] == [told[0], told[0]], seed


def test_the_same_later_is_compared_event_by_event_and_a_file_that_changes_meanwhile_is_refused() -> None:
    history = History(11)
    history.append("acme")
    text = json.dumps(history.export())
    held = io.StringIO(text)
    earlier, later = read_export(text), read_export(held)
    assert (len(later.entries), verify_since(later, earlier)) == (earlier.head.version, None)
    held.seek(0)
    held.write(" " * len(text))
    with pytest.raises(ExportRefused, match="changed while it was read"):
        verify_export(later)
