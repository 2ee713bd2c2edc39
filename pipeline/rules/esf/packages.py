"""Deployment packages and the list by which the gateway installs them at every boot (A:166 to A:171, formats 4)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import PipelineError
from pipeline.formats.archive import zip_archive
from pipeline.formats.archive.zip_archive import ZipArchive
from pipeline.formats.esf import deployment_package
from pipeline.formats.esf.deployment_package import MANIFEST, DeploymentPackage, Member
from pipeline.formats.java import jar_manifest
from pipeline.formats.java.jar_manifest import Section
from pipeline.formats.java.java_properties import Properties
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.esf.installation import Document, below, document, node_of, on_esf, place_of, refused
from pipeline.rules.looking import harmless

# The JAR of ``java -jar`` and the launcher are the framework itself; no policy applies to what enforces it.
_FRAMEWORK = re.compile(r"org\.eclipse\.(?:osgi|equinox\.launcher)_[^/]*\.jar")
_LARGEST = 1 << 30  # bytes of one bundle inside a package


@dataclass(frozen=True)
class Bundle:
    """A bundle: where it lies, and its bytes."""

    path: str
    name: str
    data: bytes

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"bundle {self.name}" if self.name else "it"


def package_files(view: ImageView, layout: Layout) -> tuple[GuestPath, ...]:
    """Everything in the packages directory; from Kura 5 its list lies there too."""
    return tuple(path for path in below(view, layout.packages) if path != view.place(layout.dpa))


def bundles(view: ImageView, layout: Layout) -> Iterator[Bundle | GuestPath]:
    """Every bundle of the packages and plugins; a path where nobody read the file."""
    for path in package_files(view, layout):
        content = view.files.get(path)
        if content is None:
            yield path
        elif path.name.endswith(".dp"):
            yield from _inner(Document(str(path), content))
    for directory in (layout.root / "plugins", layout.root / "kura/plugins"):
        for path in below(view, directory):
            if path.name.endswith(".jar") and not _FRAMEWORK.fullmatch(path.name):
                content = view.files.get(path)
                yield path if content is None else Bundle(str(path), "", content)


def read_package(found: Document) -> tuple[ZipArchive, DeploymentPackage]:
    """A package as the gateway's reader takes it.

    Raises:
        PipelineError: it would not install.
    """
    archive = zip_archive.read_archive(zip_archive.MemorySource(found.data), found.path)
    entry = archive.find(MANIFEST)
    data = archive.read(entry) if entry else b""
    manifest = jar_manifest.parse_manifest(data, found.path)
    members = [
        Member(
            item.name, streamable=not (item.method == zip_archive.STORED and item.flags & zip_archive.HAS_DESCRIPTOR)
        )
        for item in archive.entries
    ]
    package = deployment_package.read_package(
        members, _headers(manifest.main), {section.name: _headers(section) for section in manifest.sections},
        complete=data.endswith(b"\n"), where=found.path,
    )  # fmt: skip
    return archive, package


def _headers(section: Section) -> dict[str, str]:
    return {attribute.name.lower(): attribute.value for attribute in section.attributes}


def _inner(found: Document) -> Iterator[Bundle]:
    """The bundles of a package; of one that cannot be read, nothing (packages.install says so)."""
    try:
        archive, package = read_package(found)
        for declared in package.bundles:
            entry = archive.find(declared.name)
            if entry is not None:
                yield Bundle(found.path, declared.name, archive.read(entry, limit=_LARGEST))
    except PipelineError:
        return


def _install(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Each entry of dpa.properties is a package the gateway would install; it only logs what fails (formats 4.1)."""
    del expected
    dpa = document(view, layout.dpa)
    entries = Properties.parse(dpa.data, dpa.path).items() if dpa else ()
    if dpa is None or not entries:
        return Judgement.not_applicable(f"{view.place(layout.dpa)} lists no packages")
    breaches: list[Breach] = []
    names: list[str] = []
    missing: list[GuestPath] = []
    for key, url in entries:
        line = dpa.line_of(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*[=: ]")
        place, wrong = _target(view, layout, url)
        if wrong or place is None:
            breaches.append(Breach(dpa.path, line, f"{key}: {wrong}", f"a file: URL of a package in {layout.packages}"))
            continue
        names.append(place)
        content = view.files.get(place)
        if content is None:
            missing.append(place)
            continue
        try:
            package = read_package(Document(str(place), content))[1]
        except PipelineError as error:
            breaches += refused(error, str(place))
            continue
        if package.symbolic_name != key:
            breaches.append(Breach(dpa.path, line, f"{key}: the package is {package.symbolic_name}", "its name"))
    breaches += [
        Breach(dpa.path, 0, f"{harmless(name)} is listed {times} times", "one entry for each package")
        for name, times in Counter(names).items()
        if times > 1
    ]
    if missing and not breaches:
        return Judgement.unverifiable(f"{missing[0]}: its content was not read")
    return Judgement.of(breaches, f"{len(entries)} packages are listed, and each would install")


def _target(view: ImageView, layout: Layout, url: str) -> tuple[GuestPath | None, str]:
    """Where a URL leads, as the gateway opens it: without decoding; or what is wrong."""
    found = re.fullmatch(r"file:(?://(?=/))?(/.*)", url)
    if found is None:
        return None, f"{harmless(url)!r} is no file: URL with an absolute path"
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", found[1]) or ".." in found[1].split("/"):
        return None, "the gateway does not decode escapes, it would not find this name"
    place = place_of(view, re.sub(r"/+", "/", found[1]))
    node = view.tree.get(place) if place else None
    if place is None or node is None or node.kind is not Kind.FILE:
        return None, f"{harmless(found[1])} is not there"
    if not place.is_under(view.place(layout.packages)):
        return None, f"{harmless(found[1])} lies outside the packages directory"
    return place, ""


def _only_listed(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What nobody listed is not installed, and nobody knows where it came from."""
    del expected
    present = package_files(view, layout)
    if not present:
        return Judgement.not_applicable(f"{view.place(layout.packages)} holds no packages")
    dpa = document(view, layout.dpa)
    entries = Properties.parse(dpa.data, dpa.path).items() if dpa else ()
    listed = {place for _, url in entries for place in [_target(view, layout, url)[0]] if place}
    breaches = [
        Breach(str(path), 0, f"not listed in {view.place(layout.dpa)}", "an entry, or no file")
        for path in present
        if path not in listed
    ]
    return Judgement.of(breaches, f"{len(present)} packages, all listed")


def _unsigned_itself(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The gateway's reader stops at the signature of a package: only the bundles inside are signed (formats 4.2)."""
    del expected
    present = [path for path in package_files(view, layout) if path.name.endswith(".dp")]
    if not present:
        return Judgement.not_applicable(f"{view.place(layout.packages)} holds no packages")
    if node_of(view, layout.dpa) is None:
        return Judgement.failed(Breach(str(view.place(layout.dpa)), 0, "missing: no package would be installed", "one"))
    breaches: list[Breach] = []
    for path in present:
        content = view.files.get(path)
        if content is None:
            return Judgement.unverifiable(f"{path}: its content was not read")
        try:
            read_package(Document(str(path), content))
        except PipelineError as error:
            breaches += refused(error, str(path))
    return Judgement.of(breaches, f"{len(present)} packages, each as the gateway's reader wants it")


RULES: tuple[Rule, ...] = (
    Rule(
        id="packages.install",
        title="the gateway installs every listed package",
        why=(
            "A package that is listed in a form the gateway does not understand is not installed, and nobody notices "
            "until the application is missed."
        ),
        severity=Severity.HIGH,
        documents=("A:168", "A:170", "A:171"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_install),
        remedy="export packages and dpa.properties again from the golden sample",
        enforced_by="esf.packages",
    ),
    Rule(
        id="packages.only_listed",
        title="there are no packages nobody listed",
        why="A package nobody listed is code nobody reviewed, and it may start all the same.",
        severity=Severity.MEDIUM,
        documents=("A:170", "A:171"),
        references=("62443 CR 7.7", "CRA I.1(2)(j)"),
        profile="documents",
        check=on_esf(_only_listed),
        remedy="remove the file, or list it",
        enforced_by="esf.packages",
    ),
    Rule(
        id="packages.readable",
        title="every package has the form the gateway's reader takes",
        why="The gateway skips a package it cannot read, and the application is missing in the field.",
        severity=Severity.HIGH,
        documents=("A:168", "B:441"),
        references=("62443 CR 3.4",),
        profile="documents",
        check=on_esf(_unsigned_itself),
        remedy="build the package again; sign the bundles in it, never the package",
        enforced_by="esf.packages",
    ),
)
