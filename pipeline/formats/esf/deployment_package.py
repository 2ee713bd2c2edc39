"""Deployment packages (OSGi Compendium 114), by the rules of the reader on the gateway, Felix DeploymentAdmin.

That reader takes the archive as a stream: what is not where it expects it ends the installation with "Expected more
bundles in the stream". Among what it cannot take is a signature of the package itself, so only the bundles inside are
signed, never the package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import Problem, raise_if_any

MANIFEST = "META-INF/MANIFEST.MF"

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_SYMBOLIC_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
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
    problems = [
        *_order(members, sections, where),
        *(Problem(f"{where}: {what}", _REMEDY) for what in _headers(main)),
    ]
    if not complete:
        problems.append(Problem(f"{where}: the last line of its manifest is not ended", _REMEDY))
    present = {member.name for member in members}
    for name, headers in sections.items():
        if name not in present and headers.get("deploymentpackage-missing", "").lower() != "true":
            problems.append(Problem(f"{where}: its manifest names {name}, which it does not contain", _REMEDY))
    bundles = [_bundle(name, headers, where, problems) for name, headers in sections.items() if _is_bundle(headers)]
    names = [bundle.symbolic_name for bundle in bundles]
    repeated = sorted({name for name in names if names.count(name) > 1})
    problems += [Problem(f"{where}: bundle {name} is in it twice", _REMEDY) for name in repeated]
    raise_if_any(problems)
    return DeploymentPackage(
        main["deploymentpackage-symbolicname"].strip(),
        main["deploymentpackage-version"].strip(),
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


def _order(members: Sequence[Member], sections: Mapping[str, Mapping[str, str]], where: str) -> list[Problem]:
    """Rules about the stream: what comes when, and under which names."""
    found: list[str] = []
    rest = list(members)
    if rest and rest[0].name == "META-INF/":
        rest = rest[1:]
    if not rest or rest[0].name != MANIFEST:
        found.append(f"{MANIFEST} is not its first file")
    seen_resource = ""
    for member in rest:
        name = member.name
        if name == MANIFEST:
            continue
        if name.endswith("/"):
            found.append(f"it has a directory entry, {name}")
        elif name.upper().startswith("META-INF/"):
            found.append(
                f"{name}: the gateway's reader stops at a package that is signed itself or has other META-INF files"
            )
        elif name.startswith("OSGI-INF/"):
            found.append(f"{name}: the gateway's reader stops at localization files")
        elif not _NAME.fullmatch(name):
            found.append(f"{name!r} has characters outside A-Z a-z 0-9 . _ - /")
        elif name not in sections:
            found.append(f"{name} is not named in its manifest")
        elif _is_bundle(sections[name]) and seen_resource:
            found.append(f"bundle {name} comes after resource {seen_resource}")
        elif not _is_bundle(sections[name]):
            seen_resource = name
        if not member.streamable:
            found.append(f"{name} is stored without its size before it, which a stream reader cannot take")
    found += [
        f"the section of {name} holds digests of a signature, which the package does not have"
        for name, headers in sections.items()
        if any(header.endswith("-digest") for header in headers)
    ]
    return [Problem(f"{where}: {what}", _REMEDY) for what in found]


def _headers(main: Mapping[str, str]) -> list[str]:
    name, version = main.get("deploymentpackage-symbolicname", ""), main.get("deploymentpackage-version", "")
    found = []
    if not _SYMBOLIC_NAME.fullmatch(name.strip()):
        found.append(
            f"DeploymentPackage-SymbolicName is {name!r}" if name else "it has no DeploymentPackage-SymbolicName"
        )
    if not _VERSION.fullmatch(version.strip()):
        found.append(f"DeploymentPackage-Version is {version!r}" if version else "it has no DeploymentPackage-Version")
    return found


def _is_bundle(headers: Mapping[str, str]) -> bool:
    return "bundle-symbolicname" in headers or "bundle-version" in headers


def _bundle(name: str, headers: Mapping[str, str], where: str, problems: list[Problem]) -> BundleEntry:
    symbolic_name = headers.get("bundle-symbolicname", "").split(";")[0].strip()
    version = headers.get("bundle-version", "").strip()
    if not _SYMBOLIC_NAME.fullmatch(symbolic_name):
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
