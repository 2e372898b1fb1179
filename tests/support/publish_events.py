"""Publishes what is new of the events: run after a type, a version or a fold was added.

    PYTHONPATH=tests .venv/bin/python -m support.publish_events

Adds the shape, the behaviour and the fold of each golden example that has none yet. What was published before stays as
it is, whatever the classes say now: the tests compare with it.
"""

import json
from pathlib import Path
from typing import Any

from support.event_probes import behaviour
from support.golden_events import FOLDS, PROBES, SHAPES, folded, golden_events, name_of, published, shape

from events.catalogue import CATALOGUE
from events.workspace import FOLD_VERSION
from events.workspace_fold import FOLDS as FOLDED_TYPES


def publish() -> None:
    """Add what is missing to the files."""
    shapes, probes, folds = published(SHAPES), published(PROBES), published(FOLDS)
    of_this_fold = folds.setdefault(str(FOLD_VERSION), {})
    for example in golden_events():
        name, kind = name_of(example), CATALOGUE[example["type"]]
        if example["schema_version"] == kind.schema_version:
            shapes.setdefault(name, shape(kind))
            probes.setdefault(name, behaviour(kind, example["data"]))
        if example["type"] in FOLDED_TYPES:
            of_this_fold.setdefault(name, folded(example))
    for file, content in ((SHAPES, shapes), (PROBES, probes), (FOLDS, folds)):
        _write(file, content)


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    publish()
