"""A real OSGi framework (Equinox, as Debian packages it) as judge of keystores, policies and bundles."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "acceptance/framework"
# Packages libeclipse-osgi-java, libosgi-core-java, libosgi-annotation-java.
_JARS = tuple(Path("/usr/share/java") / name for name in ("eclipse-osgi.jar", "osgi.core.jar", "osgi.annotation.jar"))
_CLASS_PATH = ":".join(map(str, _JARS))
_QUIET = {**os.environ, "JAVA_TOOL_OPTIONS": "", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Seen:
    """What became of a bundle in the framework.

    Attributes:
        signers: chains of the signers it trusts, ``nobody`` for none.
        permissions: ``all`` or ``none``, as the bundle is asked for AllPermission.
        started: ``started``, or ``not installed`` or ``refused`` with the reason.
        files: ``intact``, or which file could not be read.
    """

    signers: str
    permissions: str
    started: str
    files: str


@dataclass(frozen=True)
class Run:
    """A run of the framework: each bundle by its file name, and everything that was printed."""

    rows: int
    bundles: Mapping[str, Seen]
    lines: tuple[str, ...]


def compile_classes(directory: Path) -> Path:
    """The harness and the probe, compiled; and a policy by which the harness itself may do everything."""
    missing = [path for path in _JARS if not path.exists()]
    assert not missing, f"{missing}: install the packages of ci/packages-test.txt"
    classes = directory / "classes"
    command = ["javac", "-Xlint:-options", "--release", "11", "-d", str(classes), "-cp", _CLASS_PATH]
    sources = sorted(str(path) for path in SOURCES.glob("*.java"))
    subprocess.run([*command, *sources], check=True, env=_QUIET)
    (directory / "everything.policy").write_text("grant { permission java.security.AllPermission; };\n")
    return directory


def run_framework(directory: Path, keystore: Path, policy: Path, bundles: Sequence[Path]) -> Run:
    """Install, start and question bundles in a framework with this keystore and policy.

    Args:
        directory: where `compile_classes` has compiled.
    """
    command = [
        "java",
        "-Djava.security.manager=allow",
        f"-Djava.security.policy={directory / 'everything.policy'}",
        "-cp", f"{directory / 'classes'}:{_CLASS_PATH}",
        "Harness", str(keystore), str(policy), str(directory / "framework"), *map(str, bundles),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_QUIET, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = tuple(done.stdout.splitlines())
    found = [line.split("\t") for line in lines if line.startswith("bundle\t")]
    rows = next(int(line.split("\t")[1]) for line in lines if line.startswith("rows\t"))
    return Run(rows, {name: Seen(*rest) for _, name, *rest in found}, lines)


def probe(classes: Path, name: str = "org.example.probe") -> bytes:
    """A bundle that tries things for which it needs permissions, unsigned."""
    manifest = (
        "Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2\r\n"
        f"Bundle-SymbolicName: {name}\r\nBundle-Version: 1.0.0\r\nBundle-Activator: Probe\r\n"
        "Import-Package: org.osgi.framework\r\n\r\n"
    )
    files = {path.name: path.read_bytes() for path in sorted((classes / "classes").glob("Probe*.class"))}
    return archive_of({"META-INF/MANIFEST.MF": manifest.encode(), **files})


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """A JAR of these files, in this order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), content)
    return target.getvalue()


def tampered(bundle: bytes, change: Callable[[str, bytes], bytes | None], **added: bytes) -> bytes:
    """A sound archive in which files are not what was signed: changed, taken away (None), or added."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = {name: change(name, archive.read(name)) for name in archive.namelist()}
    return archive_of({name: content for name, content in (files | added).items() if content is not None})
