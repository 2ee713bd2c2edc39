#!/usr/bin/env python3
"""Deployment packages, judged by this product and by the classes of Felix DeploymentAdmin itself.

    tests/long/kura/felix_install.py CLONE [COUNT]

CLONE is a git directory of github.com/apache/felix-dev with its release tags. What we accept, Felix must install: a
package it refuses is missing on the gateway, and one line of a log says so. Nothing of Felix is kept.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pipeline.errors import PipelineError
from pipeline.rules.esf.installation import Document
from pipeline.rules.esf.packages import read_package
from pipeline.signing.bundles import packages

TAG = "org.apache.felix.deploymentadmin-0.9.5"
JARS = ":".join(f"/usr/share/java/{name}.jar" for name in ("osgi.core", "osgi.cmpn", "osgi.annotation"))


def main() -> int:
    """Make packages, ask both, and print where they differ; non-zero for a wrong acceptance."""
    clone, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    dice = random.Random("deployment packages")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "dp"
        directory.mkdir()
        for number in range(count):
            (directory / f"{number:05}.dp").write_bytes(package(dice))
        theirs = felix(clone, directory, Path(place))
        counted: Counter[str] = Counter()
        for name, verdict in sorted(theirs.items()):
            ours = refusal(name, (directory / name).read_bytes())
            there = "installed" if verdict == "installed" else "refused"
            kind = f"{'refused' if ours else 'accepted'} here, {there} there"
            counted[kind] += 1
            if not ours and verdict != "installed":
                print(f"  {name}: accepted, and Felix says {verdict}")
            elif ours and verdict == "installed" and counted[kind] <= 40:
                print(f"  {name}: stricter: {ours}")
    for kind, number in sorted(counted.items()):
        print(f"{kind}: {number}")
    return 1 if counted["accepted here, refused there"] else 0


def refusal(name: str, content: bytes) -> str:
    """Why the rules or the signing step refuse a package; empty when they take it."""
    try:
        read_package(Document(name, content))
        packages.to_be_signed({name: content}, "resign")
    except PipelineError as error:
        return error.problems[0].what
    return ""


def felix(clone: Path, directory: Path, place: Path) -> dict[str, str]:
    """What Felix says of every package."""
    sources, classes = place / "sources", place / "classes"
    sources.mkdir()
    classes.mkdir()
    archive = subprocess.run(["git", "-C", str(clone), "archive", TAG, "src/main"], capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", str(sources)], input=archive.stdout, check=True)
    files = [str(path) for path in sources.rglob("*.java") if path.name != "Activator.java"]
    harness = str(Path(__file__).with_name("FelixInstall.java"))
    subprocess.run(
        ["javac", "-nowarn", "-proc:none", "-d", str(classes), "-cp", JARS, *files, harness],
        check=True, capture_output=True,
    )  # fmt: skip
    done = subprocess.run(
        ["java", f"-Djava.io.tmpdir={place}", "-cp", f"{classes}:{JARS}", "FelixInstall", str(directory)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows = [line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line]
    return {row[0]: row[1] for row in rows}


def jar(name: str, version: str) -> bytes:
    """A bundle that holds nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "META-INF/MANIFEST.MF",
            f"Manifest-Version: 1.0\r\nBundle-ManifestVersion: 2\r\nBundle-SymbolicName: {name}\r\n"
            f"Bundle-Version: {version}\r\n\r\n",
        )
        archive.writestr("a.txt", "a")
    return out.getvalue()


def package(dice: random.Random) -> bytes:
    """A package: right, or wrong in up to two ways."""
    wrong = {dice.choice(WAYS) for _ in range(dice.choice((0, 1, 1, 1, 2, 2)))}
    names = [f"org.plant.b{number}" for number in range(dice.randrange(1, 4))]
    main = {
        "Manifest-Version": "1.0",
        "DeploymentPackage-SymbolicName": dice.choice(("heater", "org.plant.heater", "a-b_c")),
        "DeploymentPackage-Version": dice.choice(("1.0.0", "1", "1.2", "1.0.0.q-1_2")),
    }
    sections: dict[str, dict[str, str]] = {}
    members: list[tuple[str, bytes]] = []
    for number, name in enumerate(names):
        version = dice.choice(("1.0.0", "2", "1.2.3.q"))
        path = dice.choice((f"{name}.jar", f"b/{name}-1.jar", f"bundles/x/{name}.jar"))
        sections[path] = {"Bundle-SymbolicName": name, "Bundle-Version": version}
        if dice.random() < 0.2:
            sections[path]["Bundle-SymbolicName"] += ";singleton:=true"
        first = number == 0
        if first and wrong:
            spoil_bundle(dice, wrong, sections[path])
        actual = ("org.plant.other" if first and "other name" in wrong else name,
                  "9.9.9" if first and "other version" in wrong else version)  # fmt: skip
        members.append((path, jar(*actual)))
    spoil_main(dice, wrong, main)
    members = spoil_members(dice, wrong, members, sections)
    return zipped(dice, wrong, main, sections, members)


WAYS = (
    "fix pack", "missing", "missing true", "blanks in version", "blanks in name", "odd package name", "no package name",
    "bad version", "customizer", "digest", "no bundle version", "bad bundle version", "blanks in bundle version",
    "other name", "other version", "resource", "resource with processor", "missing resource", "extra last",
    "extra first", "extra between", "signature first", "signature last", "localization first", "localization last",
    "directory", "manifest not first", "not in archive", "twice", "bad entry name", "no end", "stored stream",
    "no manifest", "no bundle name", "lower-case header", "long line", "directory of the manifest", "deflated twice",
)  # fmt: skip


def spoil_bundle(dice: random.Random, wrong: set[str], headers: dict[str, str]) -> None:
    name = headers["Bundle-SymbolicName"]
    if "missing" in wrong:
        headers["DeploymentPackage-Missing"] = dice.choice(("false", "False", "TRUE", "no", " false", "false "))
    if "missing true" in wrong:
        headers["DeploymentPackage-Missing"] = "true"
    if "blanks in name" in wrong:
        headers["Bundle-SymbolicName"] = dice.choice((f" {name}", f"{name} ", name.replace(";", " ;"), f"{name}; x:=y"))
    if "customizer" in wrong:
        headers["DeploymentPackage-Customizer"] = dice.choice(("true", "false", "yes", "True", ""))
    if "digest" in wrong:
        headers[dice.choice(("SHA1-Digest", "SHA-256-Digest", "MD5-Digest"))] = "AAAA"
    if "no bundle version" in wrong:
        headers.pop("Bundle-Version")
    if "bad bundle version" in wrong:
        headers["Bundle-Version"] = dice.choice(("1.x", "1..2", "-1", "1.2.3.4.5", "1.2.3.a b", "", "1.2.3."))
    if "blanks in bundle version" in wrong:
        headers["Bundle-Version"] = f" {headers.get('Bundle-Version', '1')} "
    if "no bundle name" in wrong:
        headers.pop("Bundle-SymbolicName", None)


def spoil_main(dice: random.Random, wrong: set[str], main: dict[str, str]) -> None:
    if "fix pack" in wrong:
        main["DeploymentPackage-FixPack"] = dice.choice(("[1,2)", "1.0", "x", ""))
    if "blanks in version" in wrong:
        main["DeploymentPackage-Version"] = dice.choice((" 1.0", "1.0 ", "1. 0", "\t1"))
    if "bad version" in wrong:
        main["DeploymentPackage-Version"] = dice.choice(("", "x", "1.a", "1.0.0.0.0", "1.0.0.ü", "99999999999"))
    if "odd package name" in wrong:
        main["DeploymentPackage-SymbolicName"] = dice.choice(("The heater", "a..b", "a;b", "ümläut", ".x", "x ", "a:b"))
    if "no package name" in wrong:
        main["DeploymentPackage-SymbolicName"] = dice.choice(("", " "))


def spoil_members(
    dice: random.Random, wrong: set[str], members: list[tuple[str, bytes]], sections: dict[str, dict[str, str]]
) -> list[tuple[str, bytes]]:
    extra = (dice.choice(("readme.txt", "a b.txt", "x/y.bin", "about.html")), b"x")
    signature = (dice.choice(("META-INF/PLANT.SF", "META-INF/PLANT.RSA", "META-INF/LICENSE")), b"x")
    words = ("OSGI-INF/l10n/package.properties", b"a=b")
    found = list(members)
    for way, item, place in (
        ("extra first", extra, 0), ("signature first", signature, 0), ("localization first", words, 0),
        ("directory", ("b/", b""), 0), ("extra between", extra, 1),
        ("extra last", extra, len(found)), ("signature last", signature, len(found)),
        ("localization last", words, len(found)),
    ):  # fmt: skip
        if way in wrong:
            found.insert(min(place, len(found)), item)
    if "resource" in wrong or "resource with processor" in wrong:
        sections["r.xml"] = {"Resource-Processor": "org.plant.p"} if "resource with processor" in wrong else {"X": "y"}
        found.insert(dice.randrange(len(found) + 1), ("r.xml", b"<x/>"))
    if "missing resource" in wrong:
        sections["gone.xml"] = {"DeploymentPackage-Missing": dice.choice(("true", "false", "True"))}
    if "not in archive" in wrong:
        found = found[1:]
    if "twice" in wrong:
        copied = next(iter(sections))
        sections[f"again/{copied}"] = dict(sections[copied])
        found.append((f"again/{copied}", dict(members).get(copied, b"")))
    if "bad entry name" in wrong:
        old = next(iter(sections))
        new = dice.choice((f"a b/{old}", f"x//{old}", f"ü{old}", f"{old}+1"))
        sections[new] = sections.pop(old)
        found = [(new if name == old else name, data) for name, data in found]
    return found


def zipped(
    dice: random.Random, wrong: set[str], main: dict[str, str], sections: dict[str, dict[str, str]],
    members: list[tuple[str, bytes]],
) -> bytes:  # fmt: skip
    lines = [f"{name}: {value}" for name, value in main.items()]
    for name, headers in sections.items():
        lines += ["", f"Name: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    text = "".join(f"{wrapped(line)}\r\n" for line in lines)
    if "lower-case header" in wrong:
        text = text.replace("Bundle-SymbolicName", "bundle-symbolicname")
    data = text.encode()
    if "no end" in wrong:
        data = data[:-2]
    if "no manifest" not in wrong:
        place = 1 if "manifest not first" in wrong else 0
        members = [*members[:place], ("META-INF/MANIFEST.MF", data), *members[place:]]
    if "directory of the manifest" in wrong:
        members = [("META-INF/", b""), *members]
    out = io.BytesIO()
    target: object = _Stream(out) if "stored stream" in wrong else out
    method = dice.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(target, "w", method) as archive:  # type: ignore[call-overload]
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return out.getvalue()


def wrapped(line: str) -> str:
    """A manifest's line of more than 72 bytes goes on in the next."""
    pieces, rest = [line[:70]], line[70:]
    while rest:
        pieces.append(f" {rest[:69]}")
        rest = rest[69:]
    return "\r\n".join(pieces)


class _Stream:
    """A file that cannot be gone back in, so that zipfile writes sizes behind the data."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()


if __name__ == "__main__":
    sys.exit(main())
