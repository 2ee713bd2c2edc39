"""The key the framework encrypts snapshots and passwords with: every copy of Kura has the same, and it is published."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, node_of, on_esf, place_of
from pipeline.rules.esf.start import Started, commands, scripts, starters

_PROPERTY = "-Dorg.eclipse.kura.core.crypto.secretKey="
_FROM_FILE = re.compile(r"\$\((?:cat|<)\s+(/[^\s)]+)\)")
_FROM_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
_CREDENTIAL = re.compile(r"(?m)^\s*(?:Load|Set)Credential(?:Encrypted)?\s*=\s*kura_encryption_key:")
_LENGTHS = (16, 24, 32)
_WANTED = "a key of this gateway's own"
_DEFAULT = "encrypts with the framework's published default key, which everybody has"

READS = ("/etc/kura-encryption-key", "/etc/kura-key.conf", "/etc/systemd/system/kura.service.d/*.conf")


def _encryption_key(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Without a key of its own, whoever reads a gateway's snapshot can decrypt it (Kura's documentation: crucial)."""
    del expected
    if layout.product != "Kura":
        return Judgement.unverifiable(f"where {layout.product} takes its encryption key from is in no document")
    started = commands(view, layout)
    if not started:
        found = scripts(view, layout)
        if not found:
            return Judgement.not_applicable("no start script of the installation is in this image")
        return Judgement.unverifiable(f"how Java is started is not to be seen in {found[0].path}")
    if layout.name == "kura-6" and any(_CREDENTIAL.search(item.text) for item in starters(view)):
        return Judgement.passed("the unit gives the framework a key as a credential of systemd")
    breaches: list[Breach] = []
    for item in started:
        found_breaches = tuple(_judged(view, item))
        if found_breaches == (_UNSEEN,):
            return Judgement.unverifiable(f"the key that {item.document.path} gives is not to be seen in this image")
        breaches += found_breaches
    return Judgement.of(breaches, f"{len(started)} commands start the framework with a key of this gateway's own")


_UNSEEN = Breach("", 0, "not to be seen", "")


def _judged(view: ImageView, started: Started) -> Iterator[Breach]:
    words = [word for word in started.command.options if word.value.startswith(_PROPERTY)]
    path, line = started.document.path, started.command.line
    if not words:
        yield Breach(path, line, _DEFAULT, _WANTED)
        return
    value = words[-1].value[len(_PROPERTY) :].strip("\"'")
    line = started.line(words[-1])
    if found := _FROM_FILE.fullmatch(value):
        yield from _in_file(view, path, line, found[1])
    elif found := _FROM_VARIABLE.fullmatch(value):
        yield from _in_variable(view, path, line, found[1])
    elif re.search(r"[$`]", value):
        yield _UNSEEN
    else:
        yield Breach(path, line, "the key stands in the script, the same in every copy", _WANTED)


def _in_file(view: ImageView, path: str, line: int, name: str) -> Iterator[Breach]:
    node = node_of(view, name)
    if node is None:
        yield Breach(path, line, f"takes the key from {name}, which is not there: {_DEFAULT}", _WANTED)
        return
    found = document(view, name)
    if found is not None and len(found.data.strip()) not in _LENGTHS:
        yield Breach(name, 1, f"a key of {len(found.data.strip())} bytes, which the framework cannot use", "32 bytes")
    if node.mode & 0o077:
        yield Breach(name, 0, f"mode {node.mode:04o}: others may read the key", "at most 0400")


def _in_variable(view: ImageView, path: str, line: int, name: str) -> Iterator[Breach]:
    """Set by the unit or by a file it names; else it is empty, and the framework takes the default."""
    for item in starters(view):
        if re.search(rf"(?m)^\s*Environment\s*=.*\b{name}=", item.text):
            yield Breach(item.path, 0, f"{name} stands in the unit, the same in every copy", _WANTED)
            return
        for named in re.findall(r"(?m)^\s*EnvironmentFile\s*=\s*-?(/\S+)", item.text):
            place = place_of(view, named)
            if place is None or view.tree.get(place) is None:
                continue
            if place not in view.files:
                yield _UNSEEN
                return
            if re.search(rb"(?m)^\s*" + name.encode() + rb"=\S", view.files[place]):
                return
    yield Breach(path, line, f"takes the key from {name}, which nothing sets: {_DEFAULT}", _WANTED)


RULES: tuple[Rule, ...] = (
    Rule(
        id="framework.encryption_key",
        title="what the framework encrypts, it encrypts with a key of this gateway's own",
        why=(
            "With the key that every installation shares, passwords in a stolen snapshot or backup are as good as in "
            "clear."
        ),
        severity=Severity.HIGH,
        documents=("A:141",),
        references=("ETSI 5.4-1", "62443 CR 4.3", "CRA I.1(2)(e)"),
        profile="strict",
        check=on_esf(_encryption_key),
        remedy='profile strict gives each gateway its own, and so does [rules] also = ["framework.encryption_key"]',
        enforced_by="esf.framework",
    ),
)
