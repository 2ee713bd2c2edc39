"""Deployment packages (OSGi Compendium 114), by the rules of the reader on the gateway, Felix DeploymentAdmin.

That reader takes the archive as a stream: what is not where it expects it ends the installation with "Expected more
bundles in the stream". Among what it cannot take is a signature of the package itself, so only the bundles inside are
signed, never the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import Problem, raise_if_any

MANIFEST = "META-INF/MANIFEST.MF"

# AbstractInfo.verifyEntryName of Felix DeploymentAdmin 0.9.5: no other characters, no two slashes in a row.
_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_SYMBOLIC_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
# Felix takes any name for a package that is not blank; it becomes a directory, and a key of dpa.properties.
_PACKAGE_NAME = re.compile(r"(?!\.\.?$)[!-.0-\[\]-~](?:[ -.0-\[\]-~]*[!-.0-\[\]-~])?")
_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9})(?:\.(\d{1,9})(?:\.([A-Za-z0-9_-]+))?)?)?")
_REMEDY = "build the package again with the vendor's tool, or take it again from the golden sample"


@dataclass(frozen=True)
class Member:
    """One file of the archive as a stream reader meets it; ``streamable`` is False for stored data without sizes."""

    name: str
    streamable: bool = True


@dataclass(frozen=True)
class BundleEntry:
    """A bundle as the package's manifest declares it."""

    name: str
    symbolic_name: str
    version: str


@dataclass(frozen=True)
class DeploymentPackage:
    """A package that the gateway's reader accepts, as far as its own manifest can tell."""

    symbolic_name: str
    version: str
    bundles: tuple[BundleEntry, ...]


def read_package(
    members: Sequence[Member],
    main: Mapping[str, str],
    sections: Mapping[str, Mapping[str, str]],
    *,
    complete: bool,
    where: str,
) -> DeploymentPackage:
    """Check a package's listing against its manifest.

    Args:
        members: files of the archive in the order of its bytes, directory entries included.
        main: headers of the manifest's main section; names of headers in lower case, here and below.
        sections: headers of each named section, in the order of the manifest.
        complete: whether the manifest's last line is ended; older Java versions lose or refuse it otherwise.
        where: what the user calls the package.

    Raises:
        PipelineError: every rule that is broken.
    """
    found = [*_order(members, sections), *_headers(main), *_entries(sections)]
    if not complete:
        found.append("the last line of its manifest is not ended")
    present = {member.name for member in members}
    found += [
        f"its manifest names {name}, which it does not contain"
        for name, headers in sections.items()
        if name not in present and not _is_missing(headers)
    ]
    problems = [Problem(f"{where}: {what}", _REMEDY) for what in found]
    bundles = [_bundle(name, headers, where, problems) for name, headers in sections.items() if _is_bundle(headers)]
    names = [bundle.symbolic_name for bundle in bundles]
    repeated = sorted({name for name in names if names.count(name) > 1})
    problems += [Problem(f"{where}: bundle {name} is in it twice", _REMEDY) for name in repeated]
    raise_if_any(problems)
    return DeploymentPackage(
        main["deploymentpackage-symbolicname"],
        main["deploymentpackage-version"],
        tuple(bundle for bundle in bundles if bundle.name in present),
    )


def check_bundle(declared: BundleEntry, headers: Mapping[str, str], where: str) -> list[Problem]:
    """Compare what a package declares of a bundle with the bundle's own manifest (headers in lower case)."""
    symbolic_name = headers.get("bundle-symbolicname", "").split(";")[0].strip()
    version = headers.get("bundle-version", "0.0.0").strip()
    if not symbolic_name:
        return [Problem(f"{where}: {declared.name} has no Bundle-SymbolicName: it is not a bundle", _REMEDY)]
    problems = []
    if symbolic_name != declared.symbolic_name:
        problems.append(
            Problem(f"{where}: {declared.name} is declared as {declared.symbolic_name} and is {symbolic_name}", _REMEDY)
        )
    if _comparable(version) != _comparable(declared.version):
        problems.append(
            Problem(f"{where}: {declared.name} is declared with version {declared.version} and has {version}", _REMEDY)
        )
    return problems


def _order(members: Sequence[Member], sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Rules about the stream: bundles first, then resources, and nothing between them (UpdateCommand).

    The reader stops behind the last one the manifest names, so what follows is never looked at.
    """
    rest = list(members)
    if rest and rest[0].name == "META-INF/":
        rest = rest[1:]
    if not rest or rest[0].name != MANIFEST:
        yield f"{MANIFEST} is not its first file"
    named = {name for name, headers in sections.items() if not _is_missing(headers)}
    awaited = named & {member.name for member in rest}
    bundles = {name for name in awaited if _is_bundle(sections[name])}
    seen_resource = ""
    for member in rest:
        name = member.name
        if not member.streamable:
            yield f"{name} is stored without its size before it, which a stream reader cannot take"
        if name == MANIFEST:
            continue
        if name in awaited:
            if name in bundles and seen_resource:
                yield f"bundle {name} comes after resource {seen_resource}"
            seen_resource = seen_resource if name in bundles else name
            awaited.discard(name)
        elif awaited:
            yield _stranger(name)
        elif ".." in name.split("/") or name.startswith("/") or "\\" in name:
            yield f"{name!r} would be written outside the package's directory"


def _stranger(name: str) -> str:
    """What is in the way of a file the reader waits for."""
    if name.endswith("/"):
        return f"it has a directory entry, {name}"
    if name.upper().startswith("META-INF/"):
        return f"{name}: the gateway's reader stops at a package that is signed itself or has other META-INF files"
    if name.startswith("OSGI-INF/"):
        return f"{name}: the gateway's reader stops at localization files before the bundles"
    return f"{name} is not named in its manifest"


def _entries(sections: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """What the manifest says of single files (AbstractInfo, BundleInfoImpl, ProcessResourceCommand)."""
    for name, headers in sections.items():
        if not _NAME.fullmatch(name):
            yield f"{name!r} has characters outside A-Z a-z 0-9 . _ - /"
        for header in (_MISSING, _CUSTOMIZER):
            value = headers.get(header)
            if value not in (None, "true", "false") and (header == _MISSING or _is_bundle(headers)):
                yield f"{_HEADERS[header]} of {name} is {value!r}, and may be 'true' or 'false' in these letters"
        if _is_bundle(headers):
            if _is_missing(headers):
                yield f"bundle {name} is declared missing, which only a fix pack may say"
        elif not _is_missing(headers):
            # Neither Kura nor ESF has a processor, and what a bundle of the package would register cannot be seen.
            yield f"resource {name}: the gateway has no processor of resources, so nothing of the package is installed"


_MISSING, _CUSTOMIZER = "deploymentpackage-missing", "deploymentpackage-customizer"
_HEADERS = {_MISSING: "DeploymentPackage-Missing", _CUSTOMIZER: "DeploymentPackage-Customizer"}


def _is_missing(headers: Mapping[str, str]) -> bool:
    return headers.get(_MISSING) == "true"


def _headers(main: Mapping[str, str]) -> Iterator[str]:
    name, version = main.get("deploymentpackage-symbolicname", ""), main.get("deploymentpackage-version", "")
    if not name.strip():
        yield "it has no DeploymentPackage-SymbolicName"
    elif not _PACKAGE_NAME.fullmatch(name):
        yield f"DeploymentPackage-SymbolicName is {name!r}, of which no directory can be made"
    if not version.strip():
        yield "it has no DeploymentPackage-Version"
    elif not _VERSION.fullmatch(version):
        blanks = ", blanks around it" if version != version.strip() else ""
        yield f"DeploymentPackage-Version is {version!r}{blanks}"
    if "deploymentpackage-fixpack" in main:
        yield "it is a fix pack, and no gateway has the package it would mend before its first start"


def _is_bundle(headers: Mapping[str, str]) -> bool:
    return "bundle-symbolicname" in headers


def _bundle(name: str, headers: Mapping[str, str], where: str, problems: list[Problem]) -> BundleEntry:
    # Felix compares what stands before the first ';' with the bundle's own name, blanks included.
    symbolic_name = headers.get("bundle-symbolicname", "").split(";")[0]
    version = headers.get("bundle-version", "").strip()
    if symbolic_name != symbolic_name.strip():
        told = f"{where}: Bundle-SymbolicName of {name} has blanks, so it is another than the bundle's own"
        problems.append(Problem(told, _REMEDY))
    elif not _SYMBOLIC_NAME.fullmatch(symbolic_name):
        problems.append(Problem(f"{where}: Bundle-SymbolicName of {name} is missing or malformed", _REMEDY))
    if not _VERSION.fullmatch(version):
        problems.append(Problem(f"{where}: Bundle-Version of {name} is missing or malformed", _REMEDY))
    return BundleEntry(name, symbolic_name, version)


def _comparable(version: str) -> tuple[int, int, int, str] | str:
    """OSGi compares versions, not their text: 1.0 is 1.0.0."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return version
    return int(match[1]), int(match[2] or 0), int(match[3] or 0), match[4] or ""
