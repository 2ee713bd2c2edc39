"""What two images that were read mean differently: configuration, policy, firewall, people. Pure; tells no secret."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from pipeline.errors import PipelineError
from pipeline.formats import accounts
from pipeline.formats.esf_policy import read_policy
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.report.difference import Difference, cause_of, differing_inputs
from pipeline.rules.esf_snapshot_file import snapshot_file

_SECRET = ("password", "passphrase", "secret", "pin", "psk")
_FIREWALL = ("/etc/sysconfig/iptables", "/etc/init.d/firewall_cust")
_PEOPLE = ("passwd", "group", "shadow")
_SAME, _OTHER = "secret", "another secret"
Found = Mapping[str, tuple[str, GuestPath]]


def meaning_differs(a: Manifest, b: Manifest, one: ImageView, two: ImageView) -> tuple[Difference, ...]:
    """Settings, policy rows, firewall rules, accounts, and content of files whose digest no manifest gives away."""
    inputs = differing_inputs(a, b)
    found: list[Difference] = []
    for area, read in (
        ("snapshot", _settings),
        ("policy", _policy),
        ("firewall", _firewall),
        ("people", _people),
        ("secret files", lambda view: _secret_files(a, view)),
    ):
        before, after = dict(read(one)), dict(read(two))
        for name in sorted({*before, *after}):
            mine, theirs = before.get(name), after.get(name)
            if mine == theirs:
                continue
            path = (mine or theirs or ("", GuestPath("/")))[1]
            told = [_told(mine, theirs), _told(theirs, None)]
            found.append(Difference(area, name, told[0], told[1], cause_of(path, a, b, inputs)))
    return tuple(found)


def _told(value: tuple[str, GuestPath] | None, other: tuple[str, GuestPath] | None) -> str:
    if value is None:
        return ""
    text = value[0]
    if text.startswith("\0"):
        return _OTHER if other is not None else _SAME
    return text


def _masked(value: str) -> str:
    """Something to compare a secret by, which is never told."""
    return "\0" + hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def _settings(view: ImageView) -> Iterator[tuple[str, tuple[str, GuestPath]]]:
    found = snapshot_file(view, view.layout) if view.layout is not None else None
    if found is None:
        return
    path = GuestPath(found.path)
    for configuration in found.snapshot.configurations:
        for prop in configuration.properties:
            secret = prop.type == "Password" or prop.name.lower().endswith(_SECRET)
            text = ", ".join(prop.texts)
            yield f"{configuration.pid} {prop.name}", (_masked(text) if secret and text else text, path)


def _policy(view: ImageView) -> Iterator[tuple[str, tuple[str, GuestPath]]]:
    if view.layout is None or view.layout.policy is None:
        return
    place, content = _read(view, view.layout.policy)
    if content is None:
        return
    try:
        policy = read_policy(content, str(place))
    except PipelineError:
        return
    yield "development mode", (str(policy.permit_debug).lower(), place)
    for number, row in enumerate(policy.rows, 1):
        yield f"row {number}", (repr(row), place)


def _firewall(view: ImageView) -> Iterator[tuple[str, tuple[str, GuestPath]]]:
    for path in _FIREWALL:
        place, content = _read(view, path)
        for line in (content or b"").decode("utf-8", "replace").splitlines():
            if line.startswith(("-A", ":")) or "iptables -" in line:
                yield f"{path}: {line.strip()}", ("there", place)


def _people(view: ImageView) -> Iterator[tuple[str, tuple[str, GuestPath]]]:
    for kind in _PEOPLE:
        place, content = _read(view, f"/etc/{kind}")
        try:
            rows = accounts.parse(kind, content).rows if content else ()
        except accounts.AccountsError:
            rows = ()
        for row in rows:
            text = _masked(row[1]) if kind == "shadow" and row[1].startswith("$") else ":".join(row[1:])
            yield f"{kind} {row[0]}", (text, place)


def _secret_files(manifest: Manifest, view: ImageView) -> Iterator[tuple[str, tuple[str, GuestPath]]]:
    for path, change in manifest.changes.items():
        if change.secret and path in view.files:
            yield path, ("\0" + hashlib.sha256(view.files[path]).hexdigest(), path)


def _read(view: ImageView, path: str) -> tuple[GuestPath, bytes | None]:
    try:
        place = view.tree.resolve(GuestPath(path))
    except PipelineError:
        return GuestPath(path), None
    return place, view.files.get(place)
