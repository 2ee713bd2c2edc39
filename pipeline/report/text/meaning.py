"""What two images that were read mean differently: configuration, policy, firewall, people, packages. Pure.

Tells no secret.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import PipelineError
from pipeline.formats.accounts import accounts
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_policy import Row, read_policy
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.report.text.causes import Causes
from pipeline.report.text.difference import Difference
from pipeline.rules.esf.snapshot_file import snapshot_file
from pipeline.standards import installed_packages
from pipeline.transforms.esf.snapshot.difference import is_secret

_FIREWALL = ("/etc/sysconfig/iptables", "/etc/init.d/firewall_cust")
_PEOPLE = ("passwd", "group", "shadow")
_SAME, _OTHER = "secret", "another secret"


@dataclass(frozen=True)
class _Meant:
    """One thing an image says; a secret's value begins with a zero byte and is a digest."""

    value: str = field(repr=False)
    path: GuestPath
    line: int = field(default=0, compare=False)


def meaning_differs(causes: Causes, one: ImageView, two: ImageView) -> tuple[Difference, ...]:
    """Settings, policy rows, firewall rules, accounts and packages that are not the same in both."""
    found: list[Difference] = []
    for area, read in (
        ("snapshot", _settings),
        ("policy", _policy),
        ("firewall", _firewall),
        ("users", _people),
        ("installed packages", _packages),
    ):
        before, after = dict(read(one)), dict(read(two))
        for name in sorted({*before, *after}):
            mine, theirs = before.get(name), after.get(name)
            if mine == theirs:
                continue
            path = (mine or theirs or _Meant("", GuestPath("/"))).path
            lines = (mine.line if mine else 0, theirs.line if theirs else 0)
            texts = _told(mine, None), _told(theirs, mine)
            found.append(Difference(area, name, *texts, causes.cause(path, lines, name)))
    return tuple(found)


def _told(value: _Meant | None, other: _Meant | None) -> str:
    if value is None:
        return ""
    if value.value.startswith("\0"):
        return _OTHER if other is not None and other.value.startswith("\0") else _SAME
    return value.value or '""'


def _masked(value: str) -> str:
    """Something to compare a secret by, which is never told."""
    return "\0" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def _settings(view: ImageView) -> Iterator[tuple[str, _Meant]]:
    found = snapshot_file(view, view.layout) if view.layout is not None else None
    if found is None:
        return
    path, snapshot = GuestPath(found.path), found.snapshot
    ours = esf_snapshot.render(snapshot) == found.document.data
    places = esf_snapshot.places(snapshot) if ours else {}
    for configuration in snapshot.configurations:
        for prop in configuration.properties:
            text = ", ".join(prop.texts)
            value = _masked(text) if text and is_secret(prop) else text
            line = places.get((configuration.pid, prop.name), (0, 0))[0]
            yield f"{configuration.pid} {prop.name}", _Meant(value, path, line)


def _policy(view: ImageView) -> Iterator[tuple[str, _Meant]]:
    if view.layout is None or view.layout.policy is None:
        return
    place, content = _read(view, view.layout.policy)
    if content is None:
        return
    try:
        policy = read_policy(content, str(place))
    except PipelineError:
        return
    yield "development mode", _Meant(str(policy.permit_debug).lower(), place)
    for name, text in _numbered((f"row {row.name!r}", _row(row)) for row in policy.rows):
        yield name, _Meant(text, place)


def _row(row: Row) -> str:
    condition = row.condition
    whose = "all bundles"
    if condition is not None:
        whose = f"{'all but ' if condition.negated else ''}{condition.type.rpartition('.')[2]} {condition.argument}"
    may = "; ".join(f"{item.type.rpartition('.')[2]} {', '.join(item.values)}".strip() for item in row.permissions)
    return f"{row.access} {whose}: {may}"


def _numbered(pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Names that are there again get a number, so that none hides another."""
    seen: Counter[str] = Counter()
    for name, text in pairs:
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} again ({seen[name]})"), text


def _firewall(view: ImageView) -> Iterator[tuple[str, _Meant]]:
    for path in _FIREWALL:
        place, content = _read(view, path)
        for number, line in enumerate((content or b"").decode("utf-8", "replace").splitlines(), 1):
            if line.startswith(("-A", ":")) or "iptables -" in line:
                yield f"{path}: {line.strip()}", _Meant("there", place, number)


def _people(view: ImageView) -> Iterator[tuple[str, _Meant]]:
    for kind in _PEOPLE:
        place, content = _read(view, f"/etc/{kind}")
        try:
            rows = accounts.parse(kind, content).rows if content else ()
        except accounts.AccountsError:
            rows = ()
        for number, row in enumerate(rows, 1):
            has_password = kind == "shadow" and row[1] not in ("", "*", "!", "!!", "!*", "x")
            text = _masked(row[1]) if has_password else ":".join(row[1:])
            yield f"{kind} {row[0]}", _Meant(text, place, number)


def _packages(view: ImageView) -> Iterator[tuple[str, _Meant]]:
    try:
        packages = installed_packages(view.files)
    except PipelineError as error:
        yield "database", _Meant(error.problems[0].what, GuestPath("/var/lib"))
        return
    for package in packages:
        yield (
            f"{package.kind} {package.name} {package.architecture}".rstrip(),
            _Meant(package.version, package.database),
        )


def _read(view: ImageView, path: str) -> tuple[GuestPath, bytes | None]:
    try:
        place = view.tree.resolve(GuestPath(path))
    except PipelineError:
        return GuestPath(path), None
    return place, view.files.get(place)
