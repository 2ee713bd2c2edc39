"""Properties of the framework as they take effect: kura.properties < kura_custom.properties < -D (formats 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pipeline.formats.java.java_properties import Properties
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, document, on_esf
from pipeline.rules.esf.start import definitions
from pipeline.rules.shared import shared

# B:421: megabytes and number of files of an archive the console unpacks, at most.
_ZIP_LIMITS = {"file.command.zip.max.size": 100, "file.command.zip.max.number": 1024}
_PLACES = {"kura.configuration": "properties", "kura.custom.configuration": "custom_properties"}


@dataclass(frozen=True)
class Value:
    """The value of a key that takes effect, and where it stands."""

    path: str
    line: int
    text: str = field(repr=False)  # may be a password


@shared
def in_effect(view: ImageView, layout: Layout, key: str) -> Value | None:
    """The value of a key, the strongest place last; None when no place has it.

    Raises:
        PipelineError: a file Java would refuse.
    """
    found: Value | None = None
    for path in (layout.properties, layout.custom_properties):
        source = document(view, path)
        text = Properties.parse(source.data, source.path).get(key) if source else None
        if source is not None and text is not None:
            found = Value(source.path, line_of(source, key), text)
    for script, line, name, value in definitions(view, layout):
        if name == key:
            found = Value(script.path, line, value)
    return found


def line_of(source: Document, key: str) -> int:
    """The line of a key in effect: of several the last counts."""
    hits = [*re.finditer(rf"(?m)^[ \t\f]*{re.escape(key)}[ \t\f]*(?:[=:]|[ \t\f]|$)", source.text)]
    return source.line_at(hits[-1].start()) if hits else 0


def _zip_limits(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Archives that unpack without limit fill the disk (B:421 to B:425)."""
    del expected
    if document(view, layout.properties) is None:
        return Judgement.not_applicable(f"{view.place(layout.properties)} is not there")
    breaches = []
    for key, most in _ZIP_LIMITS.items():
        value = in_effect(view, layout, key)
        if value is None:
            breaches.append(Breach(str(view.place(layout.properties)), 0, f"{key} is not set", f"at most {most}"))
        elif not re.fullmatch(r"[0-9]{1,9}", value.text) or not 0 < int(value.text) <= most:
            breaches.append(Breach(value.path, value.line, f"{key} is no number from 1 to {most}", f"at most {most}"))
    return Judgement.of(breaches, "both limits are set, wherever they could be")


def _files(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A script that reads other files makes every setting vain (formats 3.1)."""
    del expected
    read = [item for item in definitions(view, layout) if item[2] in _PLACES]
    if not read:
        return Judgement.not_applicable("no start script says which files the framework reads")
    breaches = []
    for script, line, name, value in read:
        wanted = getattr(layout, _PLACES[name])
        relative = str(wanted).removeprefix(str(layout.root))
        if not value.endswith(relative):
            breaches.append(Breach(script.path, line, f"-D{name} names another file", str(wanted)))
    return Judgement.of(breaches, f"the start scripts read {layout.properties} and {layout.custom_properties}")


RULES: tuple[Rule, ...] = (
    Rule(
        id="framework.zip_limits",
        title="uploaded archives are limited in size and number of files",
        why="A small archive that unpacks to gigabytes fills the disk and stops the gateway.",
        severity=Severity.MEDIUM,
        documents=("B:421", "B:423", "B:425"),
        references=("62443 CR 7.2", "CRA I.1(2)(h)"),
        profile="documents",
        check=on_esf(_zip_limits),
        remedy="set both keys in kura.properties, and nowhere else",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.properties",
        title="the framework reads the properties files of its layout",
        why="A framework that reads other files than the hardened ones starts with the vendor's defaults.",
        severity=Severity.HIGH,
        documents=("A:225", "B:421", "B:541"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_files),
        remedy="correct -Dkura.configuration and -Dkura.custom.configuration in the start script",
        enforced_by="esf.framework",
    ),
)
