"""Which rule and input caused a difference between two images that were read, if any did. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Origin
from pipeline.model.line_origins import KEPT, of_line
from pipeline.model.manifest import Manifest
from pipeline.model.tree import Kind, Node, Tree
from pipeline.report.text.difference import UNEXPLAINED, cause_of, differing_inputs, told

_INTERFACE = re.compile(r"\b[a-z]+[0-9]\b")
GOLDEN, VANILLA = "golden sample", "vanilla image"


@dataclass(frozen=True)
class Side:
    """One of two images.

    Attributes:
        manifest: None where there is none, as for a vanilla image.
        tree: as it was read, with the digest of every file.
    """

    manifest: Manifest | None
    tree: Tree

    def is_as_told(self, path: GuestPath) -> bool:
        """Whether a path is what the manifest says; without manifest nothing can be otherwise."""
        if self.manifest is None:
            return True
        expected, seen = self.manifest.tree.get(path), self.tree.get(path)
        if expected is not None and seen is not None and expected.kind is Kind.FILE and expected.sha256 is None:
            return expected == replace(seen, sha256=None)
        return expected == seen


@dataclass(frozen=True)
class Causes:
    """Finds causes for what is different between two sides."""

    one: Side
    two: Side

    @cached_property
    def inputs(self) -> Mapping[str, tuple[str, str]]:
        """The inputs that are not the same, where both manifests tell them."""
        if self.one.manifest is None or self.two.manifest is None:
            return {}
        return differing_inputs(self.one.manifest, self.two.manifest)

    def cause(self, path: GuestPath, lines: tuple[int, int] = (0, 0), subject: str = "") -> str:
        """In words, or `UNEXPLAINED`.

        Args:
            lines: what differs in a file, by its line in each image; 0 where it has none.
            subject: what differs; of several rules that took something away, those are told that name the same
                interface.
        """
        a, b = self.one.manifest, self.two.manifest
        if not self.one.is_as_told(path) or not self.two.is_as_told(path):
            return UNEXPLAINED  # somebody changed an image after its build
        if a is None and b is None:
            return UNEXPLAINED
        exact = {
            origin
            for manifest, line in ((a, lines[0]), (b, lines[1]))
            if manifest is not None and line and (origin := _of(manifest, path, line)) is not None
        }
        if exact and (a is None or b is None or self.inputs):
            lacking = b if not lines[1] else a if not lines[0] else None
            if lacking is not None and all(origin.rule == KEPT for origin in exact):
                return _taken_away(lacking, path, subject)
            return self._told(exact)
        if a is not None and b is not None:
            return cause_of(path, a, b, self.inputs)
        change = (a or b or _nobody()).changes.get(path)
        return told(change.origins) if change is not None else UNEXPLAINED

    def _told(self, origins: set[Origin]) -> str:
        """Rules first; lines no rule wrote differ because what they were kept from does."""
        rules = {origin for origin in origins if origin.rule != KEPT}
        if rules:
            return told(rules)
        kept_from = sorted({GOLDEN if origin.source.startswith("golden") else VANILLA for origin in origins})
        if None in (self.one.manifest, self.two.manifest):
            return ", ".join(kept_from)
        return ", ".join(name for name in kept_from if name in self.inputs) or UNEXPLAINED

    def is_secret(self, path: GuestPath) -> bool:
        """Whether content is not to be told, not even by a digest: by a manifest, or because others may not read it."""
        for side in (self.one, self.two):
            change = side.manifest.changes.get(path) if side.manifest is not None else None
            node = side.tree.get(path)
            if (change is not None and change.secret) or (node is not None and not _for_all(node)):
                return True
        return False


def _for_all(node: Node) -> bool:
    return node.kind is not Kind.FILE or bool(node.mode & 0o004)


def _of(manifest: Manifest, path: GuestPath, line: int) -> Origin | None:
    change = manifest.changes.get(path)
    return of_line(change.lines, line) if change is not None else None


def _taken_away(manifest: Manifest, path: GuestPath, subject: str) -> str:
    """Who removed what the other image kept: lines that are gone have no reason of their own."""
    change = manifest.changes.get(path)
    if change is None:
        return UNEXPLAINED
    names = set(_INTERFACE.findall(subject))
    near = [origin for origin in change.origins if names & set(_INTERFACE.findall(origin.source))]
    return told(near or change.origins)


def _nobody() -> Manifest:
    raise AssertionError("one of the two has a manifest")
