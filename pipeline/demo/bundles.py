"""The demo's deployment packages: two, each with one tiny bundle that really starts; the same bytes every time.

The results are committed in ``golden/``; a test makes them anew and compares.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.demo.class_file import activator

# The earliest time a ZIP archive can hold: nothing of the build's day gets in.
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_LONGEST_LINE = 72  # bytes of a manifest line, without its end (JAR specification)
_MANIFEST = "META-INF/MANIFEST.MF"


@dataclass(frozen=True)
class DemoPackage:
    """A deployment package of one bundle.

    Attributes:
        name: of the package; its file is ``<name>_<version>.dp``, as the gateway names it (formats 4.1).
        bundle: symbolic name, also the Java package of its activator.
    """

    name: str
    version: str
    bundle: str
    bundle_version: str
    title: str

    @property
    def file_name(self) -> str:
        """Name of the file in the gateway's packages directory."""
        return f"{self.name}_{self.version}.dp"


PACKAGES = (
    DemoPackage("heater", "1.0.0", "org.example.heater", "1.0.0.202401081530", "Heater of hall 3"),
    DemoPackage("org.example.meter", "1.1.0", "org.example.meter", "1.1.0.202402140910", "Meter of the boiler room"),
)


def bundle(package: DemoPackage) -> bytes:
    """The inner bundle: a JAR with its manifest first and one class."""
    name = f"{package.bundle.replace('.', '/')}/Activator"
    started = f"{package.bundle} {package.bundle_version} started"
    stopped = f"{package.bundle} {package.bundle_version} stopped"
    manifest = [
        {
            "Manifest-Version": "1.0",
            "Bundle-ManifestVersion": "2",
            "Bundle-Name": package.title,
            "Bundle-SymbolicName": f"{package.bundle};singleton:=true",
            "Bundle-Version": package.bundle_version,
            "Bundle-Activator": f"{package.bundle}.Activator",
            "Bundle-RequiredExecutionEnvironment": "JavaSE-1.8",
            "Import-Package": 'org.osgi.framework;version="1.8.0"',
        }
    ]
    return _archive({_MANIFEST: _manifest(manifest), f"{name}.class": activator(name, started, stopped)})


def deployment_package(package: DemoPackage) -> bytes:
    """The package in the order its reader demands: manifest, then bundles, no directories (formats 4.2)."""
    path = f"bundles/{package.bundle}_{package.bundle_version}.jar"
    manifest = [
        {
            "Manifest-Version": "1.0",
            "DeploymentPackage-SymbolicName": package.name,
            "DeploymentPackage-Version": package.version,
        },
        {
            "Name": path,
            "Bundle-SymbolicName": package.bundle,
            "Bundle-Version": package.bundle_version,
        },
    ]
    return _archive({_MANIFEST: _manifest(manifest), path: bundle(package)})


def packages() -> dict[str, bytes]:
    """All deployment packages by file name."""
    return {package.file_name: deployment_package(package) for package in PACKAGES}


def _manifest(sections: Sequence[Mapping[str, str]]) -> bytes:
    return b"".join(
        b"".join(_folded(f"{name}: {value}") for name, value in section.items()) + b"\r\n" for section in sections
    )


def _folded(line: str) -> bytes:
    """A manifest line; what is too long goes on in lines that start with a blank."""
    raw = line.encode()
    pieces = [raw[:_LONGEST_LINE]]
    rest = raw[_LONGEST_LINE:]
    while rest:
        pieces.append(b" " + rest[: _LONGEST_LINE - 1])
        rest = rest[_LONGEST_LINE - 1 :]
    return b"\r\n".join(pieces) + b"\r\n"


def _archive(members: Mapping[str, bytes]) -> bytes:
    # Stored, not deflated: what zlib makes of the same input differs between its versions.
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = 3  # Unix, on whatever system this runs
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return target.getvalue()
