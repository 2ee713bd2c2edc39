"""What all checks of ESF share: whether there is an installation, texts with their lines, and what parsers refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView, Unread
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Check, Expected, Judgement
from pipeline.model.tree import Kind, Node

NO_NETWORK = (
    "this installation administers no network and no firewall (kura.have.net.admin=false, and none of the bundles that "
    "do); both are the distribution's own"
)
NO_ESF = "there is no ESF or Kura installation in this image"

EsfCheck = Callable[[ImageView, Layout, Expected], Judgement]


def on_esf(look: EsfCheck) -> Check:
    """A check of an installation; where there is none, it does not apply."""

    def check(view: ImageView, expected: Expected) -> Judgement:
        if view.layout is None:
            return Judgement.not_applicable(NO_ESF)
        return look(view, view.layout, expected)

    check.__doc__ = look.__doc__
    return check


def on_network(look: EsfCheck) -> Check:
    """A check of an installation that has the network in its hands; of a network-less one it says why not."""

    def with_network(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
        if not layout.administers_network:
            return Judgement.not_applicable(NO_NETWORK)
        return look(view, layout, expected)

    with_network.__doc__ = look.__doc__
    return on_esf(with_network)


def no_keystore(layout: Layout) -> Judgement:
    """What is to be said where no keystore of bundle signers is known: none there, or its place is in no document."""
    if layout.lacks_certificates:
        return Judgement.unverifiable(
            f"in which file {layout.product} {layout.versions[0]} to {layout.versions[-1]} keeps its bundle signers is "
            "in no document; gateway.toml [keystores] certificates says it"
        )
    return Judgement.not_applicable("this product has no keystore of bundle signers")


@dataclass(frozen=True)
class Document:
    """A text file of the image; ``path`` is where it really lies."""

    path: str
    data: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Every byte is kept, as far as it goes."""
        return self.data.decode("utf-8", "surrogateescape")

    def line_at(self, offset: int) -> int:
        """Number of the line a place in the text is in."""
        return self.text.count("\n", 0, offset) + 1

    def line_of(self, pattern: str) -> int:
        """Number of the line where a pattern is first found; 0 when it is not."""
        found = re.search(pattern, self.text)
        return self.line_at(found.start()) if found else 0


def document(view: ImageView, path: str) -> Document | None:
    """A regular file, links followed; None when there is none.

    Raises:
        Unread: it is there, and nobody read it.
    """
    content = view.find(path)
    return None if content is None else Document(str(view.place(path)), content)


def read_documents(view: ImageView, paths: Iterable[str]) -> Iterator[Document]:
    """Those of some files that are there and were read, each once."""
    seen: set[GuestPath] = set()
    for path in paths:
        place = place_of(view, path)
        if place is not None and place not in seen and place in view.files:
            seen.add(place)
            yield Document(str(place), view.files[place])


def place_of(view: ImageView, path: str) -> GuestPath | None:
    """Where a path lies; None for circles of links and paths through files, which nobody could open."""
    try:
        return view.place(path)
    except PipelineError:
        return None


def node_of(view: ImageView, path: str) -> Node | None:
    """What lies at a path, links followed; None for what nobody could open."""
    place = place_of(view, path)
    return view.tree.get(place) if place is not None else None


def is_file(view: ImageView, path: str) -> bool:
    """Whether a regular file lies there, links followed."""
    node = node_of(view, path)
    return node is not None and node.kind is Kind.FILE


def children(view: ImageView, directory: str) -> tuple[GuestPath, ...]:
    """What lies in a directory, sorted; nothing when there is none."""
    place = place_of(view, directory)
    node = view.tree.get(place) if place is not None else None
    return view.tree.children(place) if place is not None and node is not None and node.kind is Kind.DIRECTORY else ()


def below(view: ImageView, directory: str) -> tuple[GuestPath, ...]:
    """Every regular file below a directory, sorted."""
    place = place_of(view, directory)
    if place is None:
        return ()
    return tuple(path for path in view.tree.below(place) if view.tree.nodes[path].kind is Kind.FILE)


def refused(error: PipelineError, path: str) -> tuple[Breach, ...]:
    """What a parser refuses, as breaches with the lines its messages name."""
    found = []
    for problem in error.problems:
        what = problem.what.removeprefix(f"{path}: ")
        line = re.match(r"line (\d+): ", what)
        found.append(Breach(path, int(line[1]) if line else 0, what[line.end() :] if line else what, problem.remedy))
    return tuple(found)


def unread(path: str) -> Judgement:
    """Nobody read a file the verdict depends on."""
    return Judgement.unverifiable(str(Unread(GuestPath(path))))
