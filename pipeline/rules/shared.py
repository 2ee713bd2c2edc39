"""Works out once what many rules ask of many similar images; what they read is recorded, to know when that holds.

A function of a view that is marked `shared` keeps its answer together with everything it read to get there: nodes,
contents, listings, each with what was found. Asked again, of the same image by another rule or of another image, it
gives the kept answer if all of that would be read again; else it works. Nothing is guessed: a path nobody read cannot
matter. A plain view, of an image looked at alone, knows nothing of this and every function simply works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Node, Tree

_MOST_KEPT = 8  # answers of one function to one question; images of one release come in a few kinds

Key = TypeVar("Key")
Value = TypeVar("Value")
Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


@dataclass
class _Trace:
    """What was read, and found: None where nothing is."""

    nodes: dict[GuestPath, Node | None] = field(default_factory=dict)
    files: dict[GuestPath, bytes | None] = field(default_factory=dict)
    children: dict[GuestPath, tuple[GuestPath, ...]] = field(default_factory=dict)
    below: dict[GuestPath, tuple[GuestPath, ...]] = field(default_factory=dict)
    raw: dict[object, bytes | None] = field(default_factory=dict)
    beside: dict[str, bytes | None] = field(default_factory=dict)
    every: set[str] = field(default_factory=set)
    parts: list[_Kept] = field(default_factory=list)


@dataclass(frozen=True)
class _Differences:
    """Where a view differs from the base: paths by node and by content, and which of them are only on one side."""

    nodes: frozenset[GuestPath]
    files: frozenset[GuestPath]
    node_names: tuple[frozenset[GuestPath], frozenset[GuestPath]]
    file_names: tuple[frozenset[GuestPath], frozenset[GuestPath]]


@dataclass(frozen=True, eq=False)
class _Kept:
    arguments: tuple[object, ...]
    trace: _Trace
    differences: _Differences
    answer: object


class _Recorded(Mapping[Key, Value]):
    """A mapping that writes down who was asked for; going through all of it is written down as such."""

    def __init__(self, inner: Mapping[Key, Value], asked: dict[Key, Value | None], trace: _Trace, name: str) -> None:
        self.inner, self._asked, self._trace, self._name = inner, asked, trace, name

    def __getitem__(self, key: Key) -> Value:
        self._asked[key] = self.inner.get(key)
        return self.inner[key]

    def __contains__(self, key: object) -> bool:
        self._asked[key] = self.inner.get(key)  # type: ignore[index, arg-type]
        return key in self.inner

    def get(self, key: Key, default: object = None) -> object:  # type: ignore[override]
        """As any mapping's."""
        value = self.inner.get(key)
        self._asked[key] = value
        return default if value is None else value

    def __iter__(self) -> Iterator[Key]:
        self._trace.every.add(self._name)
        return iter(self.inner)

    def __len__(self) -> int:
        self._trace.every.add(self._name)
        return len(self.inner)


class _RecordedTree(Tree):
    """A tree whose listings are written down too."""

    inner: Tree
    trace: _Trace
    memory: Memory

    def __init__(self, inner: Tree, trace: _Trace, memory: Memory) -> None:
        super().__init__(_Recorded(inner.nodes, trace.nodes, trace, "nodes"))
        for name, value in (("inner", inner), ("trace", trace), ("memory", memory)):
            object.__setattr__(self, name, value)  # it is frozen for everybody else

    def __iter__(self) -> Iterator[GuestPath]:
        self.trace.every.add("nodes")
        return iter(self.inner)

    def children(self, directory: GuestPath) -> tuple[GuestPath, ...]:
        found = self.inner.children(directory)
        self.trace.children[directory] = found
        return found

    def below(self, directory: GuestPath) -> tuple[GuestPath, ...]:
        found = self.inner.below(directory)
        self.trace.below[directory] = found
        return found


class Memory:
    """Answers about images of one release; all of them are compared with the base."""

    def __init__(self, base: ImageView) -> None:
        """Begin with nothing."""
        self._base = base
        self._kept: dict[object, list[_Kept]] = {}
        self._view = base
        self._differences = _differences(base, base)
        self._holds: dict[int, bool] = {}
        self.worked = 0
        """How often a function had to work, for tests and figures."""

    def open(self, view: ImageView) -> ImageView:
        """The view that records; the one that was opened before is closed. A view of another system stays plain."""
        base = self._base
        if (view.layout, view.esf_version, view.init, view.disk, view.os_release) != (
            base.layout, base.esf_version, base.init, base.disk, base.os_release,
        ):  # fmt: skip
            return view
        self._view, self._differences, self._holds = view, _differences(base, view), {}
        return self._recording(_Trace())

    def answer(self, function: Callable[..., Answer], view: ImageView, arguments: tuple[object, ...]) -> Answer:
        """What a function says of the view that is open: kept, or worked out and kept."""
        above = view.tree.trace if isinstance(view.tree, _RecordedTree) else _Trace()
        if not self._is_open(view):  # a rule made itself another view of it
            return function(view, *arguments)
        kept = self._kept.setdefault((function, *map(_drawer, arguments)), [])
        for index, one in enumerate(kept):
            if one.arguments == arguments and self._would_read_the_same(one):
                kept.insert(0, kept.pop(index))
                above.parts.append(one)
                return one.answer  # type: ignore[return-value]
        trace = _Trace()
        self.worked += 1
        try:
            answer = function(self._recording(trace), *arguments)
        except BaseException:
            above.parts.append(_Kept(arguments, trace, self._differences, None))  # what it read counts all the same
            raise
        mine = _Kept(arguments, trace, self._differences, answer)
        self._holds[id(mine)] = True
        above.parts.append(mine)
        kept.insert(0, mine)
        if len(kept) > _MOST_KEPT:
            same = [index for index, one in enumerate(kept) if one.arguments == arguments]
            for index in same[: _MOST_KEPT - 1 : -1]:
                del kept[index]
        return answer

    def _recording(self, trace: _Trace) -> ImageView:
        view = self._view
        return replace(
            view,
            tree=_RecordedTree(view.tree, trace, self),
            files=_Recorded(view.files, trace.files, trace, "files"),
            raw=_Recorded(view.raw, trace.raw, trace, "raw"),  # type: ignore[arg-type]
            beside=_Recorded(view.beside, trace.beside, trace, "beside"),
        )

    def _is_open(self, view: ImageView) -> bool:
        mine = self._view
        return (
            isinstance(view.tree, _RecordedTree)
            and view.tree.inner is mine.tree
            and all(
                isinstance(part, _Recorded) and part.inner is whole
                for part, whole in ((view.files, mine.files), (view.raw, mine.raw), (view.beside, mine.beside))
            )
        )

    def _would_read_the_same(self, kept: _Kept) -> bool:
        known = self._holds.get(id(kept))
        if known is None:
            known = _reads_the_same(kept, self._view, self._differences) and all(
                self._would_read_the_same(part) for part in kept.trace.parts
            )
            self._holds[id(kept)] = known
        return known


def shared(
    function: Callable[Concatenate[ImageView, Arguments], Answer],
) -> Callable[Concatenate[ImageView, Arguments], Answer]:
    """Mark a pure function of a view, and of values that compare by content, whose answer nobody changes."""

    @wraps(function)
    def ask(view: ImageView, *arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
        if isinstance(view.tree, _RecordedTree) and not named:
            return view.tree.memory.answer(function, view, arguments)
        return function(view, *arguments, **named)

    return ask  # type: ignore[return-value] # the view is named by whoever marks a function


def _drawer(argument: object) -> object:
    """Something quick to look up by that is the same for equal arguments; they are compared all the same."""
    return argument if isinstance(argument, (str, int, tuple)) else getattr(argument, "id", type(argument).__name__)


def listed(
    function: Callable[Arguments, Iterator[Value]],
) -> Callable[Arguments, tuple[Value, ...]]:
    """Let a generator give all it finds at once, so that it can be kept."""

    @wraps(function)
    def every(*arguments: Arguments.args, **named: Arguments.kwargs) -> tuple[Value, ...]:
        return tuple(function(*arguments, **named))

    return every


def _differences(base: ImageView, view: ImageView) -> _Differences:
    nodes, files = _changed(base.tree.nodes, view.tree.nodes), _changed(base.files, view.files)
    return _Differences(nodes, files, _names(base.tree.nodes, view.tree.nodes), _names(base.files, view.files))


def _changed(base: Mapping[GuestPath, object], now: Mapping[GuestPath, object]) -> frozenset[GuestPath]:
    changed = {path for path, value in now.items() if (known := base.get(path)) is not value and known != value}
    return frozenset(changed | (base.keys() - now.keys()))


def _names(
    base: Mapping[GuestPath, object], now: Mapping[GuestPath, object]
) -> tuple[frozenset[GuestPath], frozenset[GuestPath]]:
    return frozenset(now.keys() - base.keys()), frozenset(base.keys() - now.keys())


def _reads_the_same(kept: _Kept, view: ImageView, differences: _Differences) -> bool:
    """Whether whoever read these things would find the same in this view; elsewhere both are as the base is."""
    trace, before = kept.trace, kept.differences
    if ("nodes" in trace.every and before.node_names != differences.node_names) or (
        "files" in trace.every and before.file_names != differences.file_names
    ):
        return False
    nodes, contents = trace.nodes, trace.files
    if nodes and any(
        path in nodes and nodes[path] != view.tree.nodes.get(path)
        for paths in (before.nodes, differences.nodes)
        for path in paths
    ):
        return False
    if contents and any(
        path in contents and contents[path] != view.files.get(path)
        for paths in (before.files, differences.files)
        for path in paths
    ):
        return False
    return (
        _same_listings(trace, view.tree, before, differences)
        and _same(trace, "raw", trace.raw, view.raw)
        and _same(trace, "beside", trace.beside, view.beside)
    )


def _same_listings(trace: _Trace, tree: Tree, before: _Differences, now: _Differences) -> bool:
    if not (trace.children or trace.below) or before.node_names == now.node_names:
        return True
    moved = {path for one in (before, now) for names in one.node_names for path in names}
    parents = {path.parent for path in moved}
    if any(tree.children(one) != trace.children[one] for one in parents if one in trace.children):
        return False
    above = {one for path in moved for one in path.ancestors()}
    return not any(tree.below(one) != trace.below[one] for one in above if one in trace.below)


def _same(trace: _Trace, name: str, asked: Mapping[Any, bytes | None], now: Mapping[Any, bytes]) -> bool:
    if name in trace.every and {key for key, value in asked.items() if value is not None} != set(now):
        return False
    return all(now.get(key) == value for key, value in asked.items())
