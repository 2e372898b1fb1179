"""Random histories, their exports, and what somebody might do to such a file; all from one seed, without a database."""

import copy
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from events.catalogue.instants import write_instant
from events.chain import BEFORE_THE_FIRST, RawEvent, link
from events.checkpoints import Checkpoint
from events.export import Covered, encoded, entry, opening
from events.head_map import EMPTY, HeadLeaf, HeadMap, key_bits, sibling_of
from events.merkle import Frontier, Span, consistency_spans, inclusion_spans, leaf_hash
from events.name_ids import name_id
from events.name_seals import OpenedName
from events.notes import NoteSigner, sign_note
from events.signed import Signed

SIGNER = NoteSigner.of("id.example.com/log", bytes(range(32)))
STRANGER = NoteSigner.of("id.example.com/log", bytes(range(1, 33)))
MADE_AT = datetime(2026, 11, 25, 16, tzinfo=UTC)
LETTERS = 'abc 0"\\/\u00e9\u20ac\U0001f511\u2028'


class History:
    """A log of a few streams, and the export of one of them."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)  # noqa: S311 - reproducible, and no secret
        self.events: list[RawEvent] = []
        self.names: dict[str, OpenedName] = {}
        for number in range(self.choose.randrange(4)):
            name, key = f"{number}{''.join(self.choose.choices(LETTERS, k=5))}", self.choose.randbytes(32)
            self.names[name_id(key, name)] = OpenedName(name, key)
        self._ends: dict[str, HeadLeaf] = {}
        self._position, self._time = 0, 1_790_000_000_000_000
        streams = ["$system", "acme", *(f"w{number}" for number in range(self.choose.randrange(6)))]
        for _ in range(self.choose.randrange(1, 24)):
            self.append(self.choose.choice(streams))
        if "acme" not in self._ends:
            self.append("acme")

    def append(self, stream_id: str) -> None:
        """Record one event."""
        self._position += self.choose.choice((1, 1, 1, 5))
        self._time += self.choose.randrange(1, 10**9)
        end = self._ends.get(stream_id, HeadLeaf(stream_id, 0, BEFORE_THE_FIRST))
        text = "".join(self.choose.choices(LETTERS, k=self.choose.randrange(9)))
        who = self.choose.choice(("ada", *self.names))
        content = {"actor": {"id": who}, "data": text, "event": len(self.events)}
        canonical = json.dumps(content, ensure_ascii=False).encode()
        place = (end.version + 1, self._position, len(self.events), self._time)
        digest = link(stream_id, *place, end.head, canonical)
        self.events.append(RawEvent(place[1], stream_id, place[0], place[2], place[3], canonical, digest))
        self._ends[stream_id] = HeadLeaf(stream_id, end.version + 1, digest)

    def root(self, span: Span) -> bytes:
        """Return the root over some of the log's events."""
        tree = Frontier()
        tree.extend([leaf_hash(event.hash) for event in self.events[span[0] : span[1]]])
        return tree.root

    def export(self, stream_id: str = "acme", since: int | None = None) -> dict[str, Any]:
        """Return the export of one stream, under a checkpoint of the whole log."""
        heads = HeadMap({})
        for leaf in self._ends.values():
            heads.put(leaf)
        heads.settle()
        bits, nodes = key_bits(stream_id), heads.changed
        depth = next(at for at in range(257) if nodes[bits[:at]].leaf is not None)
        beside = [nodes.get(sibling_of(bits[:at])) for at in range(depth, 0, -1)]
        size = len(self.events)
        checkpoint = Checkpoint(
            origin=SIGNER.key.name,
            size=size,
            root=self.root((0, size)),
            position=self._position,
            streams=len(self._ends),
            heads_root=heads.root,
            made_at=write_instant(MADE_AT),
        )
        signed = Signed(checkpoint, SIGNER.key.id.hex(), sign_note(checkpoint.text, [SIGNER]), MADE_AT)
        proof = [EMPTY if node is None else node.hash for node in beside]
        grown = None if since is None else [self.root(span) for span in consistency_spans(since, size)]
        covered = Covered(signed, SIGNER.key, self._ends[stream_id], proof)
        events = [
            entry(event, [self.root(span) for span in inclusion_spans(event.leaf_index, size)])
            for event in self.events
            if event.stream_id == stream_id
        ]
        told = {**opening(covered, since, grown), "description": "", "events": events}
        shown = [id_ for id_ in self.names if self.choose.random() < 0.7]
        if shown or self.choose.random() < 0.5:
            opened = ((id_, self.names[id_]) for id_ in shown)
            told["names"] = {id_: {"name": one.name, "key": encoded([one.key])[0]} for id_, one in opened}
        return told


def harmed(export: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    """Return the export with one thing changed, or by luck none."""
    changed = copy.deepcopy(export)
    choose.choice(HARMS)(changed, choose)
    return changed


def _number(export: dict[str, Any], choose: random.Random) -> None:
    member = choose.choice(("position", "version", "leaf_index", "recorded_us"))
    choose.choice(export["events"])[member] += choose.choice((-1, 1, 2, -(2**40), 2**63))


def _content(export: dict[str, Any], choose: random.Random) -> None:
    event = choose.choice(export["events"])
    event["canonical"] = choose.choice((event["canonical"] + " ", event["canonical"].replace("data", "date"), "", None))


def _digest(export: dict[str, Any], choose: random.Random) -> None:
    holder = choose.choice([export["head"], *export["events"]])
    digit = choose.randrange(64)
    holder["hash"] = holder["hash"][:digit] + choose.choice("0aF") + holder["hash"][digit + 1 :]


def _proof(export: dict[str, Any], choose: random.Random) -> None:
    proof = choose.choice([export["head"], *export["events"]])["proof"]
    harm = choose.randrange(4)
    if harm == 0 or not proof:
        proof.append("A" * 43 + "=")
    elif harm == 1:
        proof.pop(choose.randrange(len(proof)))
    elif harm == 2:
        choose.shuffle(proof)
    else:
        proof[0] = proof[0][:20] + choose.choice("ABc+-") + proof[0][21:]


def _events(export: dict[str, Any], choose: random.Random) -> None:
    events = export["events"]
    at, harm = choose.randrange(len(events)), choose.randrange(4)
    if harm == 0:
        events.pop(at)
    elif harm == 1:
        events.insert(choose.randrange(len(events) + 1), dict(events[at]))
    elif harm == 2:
        choose.shuffle(events)
    else:
        del events[at:]


def _cut(export: dict[str, Any], choose: random.Random) -> None:
    """Cut the end off and say that it is the end."""
    events = export["events"]
    if len(events) > 1:
        events.pop()
        export["head"].update(version=events[-1]["version"], hash=events[-1]["hash"])


def _note(export: dict[str, Any], choose: random.Random) -> None:
    note, at = export["checkpoint"], choose.randrange(len(export["checkpoint"]))
    export["checkpoint"] = note[:at] + choose.choice(("", "1", "\n", "A")) + note[at + choose.randrange(2) :]


def _key(export: dict[str, Any], choose: random.Random) -> None:
    export["key"] = choose.choice((str(STRANGER.key), export["key"][:-3], "", str(SIGNER.key).replace("/log", "/lag")))


def _member(export: dict[str, Any], choose: random.Random) -> None:
    holder = choose.choice([export, export["head"], *export["events"]])
    # Names may be missing: what is wrong with those that are there is a harm of its own.
    name = choose.choice([name for name in holder if name not in {"description", "names"}])
    if choose.random() < 0.5:
        del holder[name]
    else:
        holder[name] = choose.choice((None, True, "x", 1.0, [], {}, -1))


def _stream(export: dict[str, Any], choose: random.Random) -> None:
    export["stream"] = choose.choice(("$system", "acm", "Acme", ""))


def _name(export: dict[str, Any], choose: random.Random) -> None:
    names = export.get("names") or {}
    if not names:
        return
    id_, harm = choose.choice(sorted(names)), choose.randrange(6)
    told = names[id_]
    if harm == 0:
        told["name"] += choose.choice((" ", "a", "\u20ac"))
    elif harm == 1:
        told["key"] = encoded([choose.randbytes(choose.choice((16, 31, 32, 33, 64)))])[0]
    elif harm == 2:
        names[id_[:-2] + choose.choice(("AA", "A", "+/"))] = names.pop(id_)
    elif harm == 3:
        other = choose.choice(sorted(names))
        names[id_], names[other] = names[other], names[id_]
    elif harm == 4:
        del told[choose.choice(("name", "key"))]
    else:
        export["names"] = choose.choice((None, [], "x", {id_: None}, {"ada": told}, {id_: "ada"}))


HARMS: tuple[Callable[[dict[str, Any], random.Random], None], ...] = (
    _number,
    _content,
    _digest,
    _proof,
    _events,
    _cut,
    _note,
    _key,
    _member,
    _stream,
    _name,
)
