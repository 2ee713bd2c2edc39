"""The configuration snapshot a gateway would load: which file it is, what is in it, and on which lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Loaded, Snapshot
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Check, Expected, Judgement
from pipeline.rules.esf.installation import Document, children, document, on_esf
from pipeline.rules.shared import shared

_NAME = re.compile(r"snapshot_([0-9]+)\.xml")


@dataclass(frozen=True)
class SnapshotFile:
    """A snapshot and what the gateway's loader makes of it."""

    document: Document
    snapshot: Snapshot = field(repr=False)

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.document.path

    def line(self, pid: str, name: str = "") -> int:
        """Line of a component, or of a property in it; of the component when it has no such property; else 0."""
        return line_in(self.document, pid, name)

    def breach(self, configuration: Configuration, name: str, found: str, wanted: str) -> Breach:
        """A breach at a property, called by its name."""
        return Breach(
            self.path, self.line(configuration.pid, name), f"{configuration.pid} {name}: {found}", f"{name}: {wanted}"
        )


def line_in(document: Document, pid: str, name: str = "") -> int:
    """Line of a component or of a property in it; see `SnapshotFile.line`."""
    text = document.text
    start = re.search(rf"<[\w:]*configuration\b[^>]*?\bpid\s*=\s*[\"']{re.escape(pid)}[\"']", text)
    if start is None:
        return 0
    end = re.compile(r"</[\w:]*configuration\s*>").search(text, start.end())
    inside = re.compile(rf"\bname\s*=\s*[\"']{re.escape(name)}[\"']") if name else None
    place = inside.search(text, start.end(), end.start() if end else len(text)) if inside else None
    return document.line_at(place.start() if place else start.start())


def candidates(view: ImageView, layout: Layout) -> tuple[GuestPath, ...]:
    """The snapshots in the gateway's directory, lowest id first; the last is the one it loads (formats 1.4)."""
    found = [(match, path) for path in children(view, layout.snapshots) if (match := _NAME.fullmatch(path.name))]
    return tuple(path for _, path in sorted(found, key=lambda item: (int(item[0][1]), item[1])))


@shared
def loaded(view: ImageView, layout: Layout) -> tuple[Document, Loaded] | None:
    """The file the gateway loads and what it gets; None when the directory has none."""
    paths = candidates(view, layout)
    found = document(view, paths[-1]) if paths else None
    return None if found is None else (found, esf_snapshot.load(found.data, layout.generation))


@shared
def snapshot_file(view: ImageView, layout: Layout) -> SnapshotFile | None:
    """The configuration the gateway starts with; None when it starts with defaults, or not at all."""
    result = loaded(view, layout)
    if result is None or result[1].snapshot is None:
        return None
    return SnapshotFile(result[0], result[1].snapshot)


SnapshotCheck = Callable[[SnapshotFile, ImageView, Layout, Expected], Judgement]


def on_snapshot(defaults: str = "") -> Callable[[SnapshotCheck], Check]:
    """A check of what the gateway loads.

    Args:
        defaults: what is in force without a snapshot, where that is unsafe: then its absence fails the check.
    """

    def wrap(look: SnapshotCheck) -> Check:
        def check(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
            found = snapshot_file(view, layout)
            if found is not None:
                return look(found, view, layout, expected)
            where = str(view.place(layout.snapshots))
            if defaults:
                return Judgement.failed(Breach(where, 0, f"no snapshot the gateway would load: {defaults}", "one"))
            return Judgement.not_applicable(f"{where}: no snapshot the gateway would load (see snapshot.loadable)")

        check.__doc__ = look.__doc__
        return on_esf(check)

    return wrap
