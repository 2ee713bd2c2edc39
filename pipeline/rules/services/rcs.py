"""What the start script of a BusyBox system runs: BusyBox starts one script, and that one decides (init.c, rcS).

Buildroot's runs ``/etc/init.d/S??*``, OpenEmbedded's ``/etc/rcS.d/S??*`` and ``/etc/rc5.d/S??*``, others call
``run-parts`` or ``/etc/init.d/rc``. Nothing is believed that the script does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.boot import inittab
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.tree import Kind
from pipeline.rules.looking import paths

READS = ("/etc/inittab", "/etc/init.d/rc*", "/etc/rc", "/etc/rc.d/rc*", "/sbin/rc", "/etc/init.d/rcS")

# Without an inittab BusyBox behaves as with this line.
_DEFAULT = "/etc/init.d/rcS"
_ACTIONS = ("sysinit", "wait", "once", "respawn")
_FOR = re.compile(r"\bfor\s+(\w+)\s+in\s+([^;\n]+)")
_ASSIGNED = re.compile(r"(?m)^\s*(?:export\s+)?(\w+)=[\"']?([\w./-]*)[\"']?\s*(?:#.*)?$")
_PATTERN = re.compile(r"(?<![\w$])((?:/|\$\{?\w+\}?/)[\w.+/${}-]*(?:[*?]|\[[^\]\s]*\])[\w.*?\[\]${}-]*)")
_RUN_PARTS = re.compile(r"\brun-parts\b[^\n;|&]*?\s[\"']?([/$][\w./${}-]+)[\"']?\s*(?=[\n;|&]|$)")
_OTHER = re.compile(
    r"(?:^|[\s;&|(])(?:\.|sh|source|exec)?\s*(/(?:etc|sbin)/(?:init\.d/|rc\.d/)?rc\w*)(?=[\s;]|$)", re.MULTILINE
)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_MOST = 64


def start_scripts(view: ImageView) -> tuple[GuestPath, ...] | None:
    """Paths of what is started, in order, links as they are named; None where it is not to be seen."""
    found: dict[GuestPath, None] = {}
    scripts = list(_first(view))
    if not scripts:
        return None
    seen: set[str] = set()
    while scripts:
        place = scripts.pop(0)
        if place in seen:
            continue
        seen.add(place)
        text = _text(view, place)
        if text is None:
            return None
        patterns = _patterns(text)
        if patterns is None:
            return None
        for pattern in patterns:
            found.update(dict.fromkeys(path for path in paths(view, pattern) if _runs(view, path)))
        scripts += [other for other in _OTHER.findall(text) if other != place and _text(view, other) is not None]
    return tuple(found)


def _first(view: ImageView) -> Iterator[str]:
    """The scripts init itself runs, as far as they are rc scripts: getty and the like start nothing."""
    data = view.find("/etc/inittab")
    if data is None:
        yield _DEFAULT
        return
    for entry in inittab.entries(data):
        words = entry.process.lstrip("+-").split()
        if entry.action in _ACTIONS and words and re.search(r"/rc(\.?[S\d])?(\.\w+)?$", words[0]):
            yield words[0]


def _text(view: ImageView, path: str) -> str | None:
    """A script without its comments."""
    data = view.find(path)
    if data is None or b"\0" in data:
        return None
    return re.sub(r"(?m)(^|\s)#.*$", r"\1", data.decode("utf-8", "replace"))


def _patterns(text: str) -> list[str] | None:
    """The patterns whose files are run, in the order of the text; None where one cannot be told."""
    values = {name: [value] for name, value in _ASSIGNED.findall(text)}
    for name, words in _FOR.findall(text):
        plain = [word.strip("\"'") for word in words.split()]
        if not any(re.search(r"[*?\[]", word) for word in plain):
            values[name] = plain
    asked = [(match.start(), match[1]) for match in _PATTERN.finditer(text)]
    asked += [(match.start(), f"{match[1].rstrip('/')}/*") for match in _RUN_PARTS.finditer(text)]
    found: list[str] = []
    for _, pattern in sorted(asked):
        spread = _spread(pattern, values)
        if spread is None:
            return None
        found += [one for one in spread if re.match(r"/etc/(?:init|rc)", one)]
    return found


def _spread(pattern: str, values: dict[str, list[str]]) -> list[str] | None:
    """A pattern with each variable's values in its place."""
    waiting, done = [pattern], []
    while waiting:
        one = waiting.pop(0)
        variable = _VARIABLE.search(one)
        if variable is None:
            done.append(one)
        elif variable[1] not in values or len(waiting) + len(done) > _MOST:
            return None
        else:
            spread = [one[: variable.start()] + value + one[variable.end() :] for value in values[variable[1]]]
            waiting = [*spread, *waiting]
    return done


def _runs(view: ImageView, path: GuestPath) -> bool:
    """Whether there is something that can be run, or sourced for its name."""
    node = view.node(path)
    executable = node is not None and node.kind is Kind.FILE and (bool(node.mode & 0o111) or path.name.endswith(".sh"))
    return executable and not re.fullmatch(r"rc[S\d]?", path.name) and not path.name.startswith("K")
