"""The archive of a Kura release as its own Ant script packs it, from the sources at a tag; bundles are empty files.

Reads as much of Ant as ``kura/distrib/src/main/ant/build_equinox_distrib.xml`` uses (properties, conditions, copies,
echoes, property files, replacements, zips), so that what is unpacked on a gateway is what Kura's build says, not what
somebody here thinks. Nothing of it is kept.
"""

from __future__ import annotations

import fnmatch
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

BUILD = "kura/distrib/src/main/ant/build_equinox_distrib.xml"
TARGET = "target"


@dataclass(frozen=True)
class Sources:
    """One tag of a mirror of github.com/eclipse-kura/kura."""

    mirror: Path
    tag: str

    @cached_property
    def names(self) -> frozenset[str]:
        """Every file of kura/distrib at the tag."""
        listed = self._git("ls-tree", "-r", "-z", "--name-only", self.tag, "kura/distrib").decode("utf-8", "replace")
        return frozenset(listed.split("\0"))

    def read(self, name: str) -> bytes | None:
        """A file below kura/distrib; None when the tag has none."""
        path = f"kura/distrib/{name.removeprefix('./')}"
        return self._git("show", f"{self.tag}:{path}") if path in self.names else None

    def below(self, directory: str) -> list[str]:
        """The files right in a directory."""
        start = f"kura/distrib/{directory.strip('/')}/"
        return sorted(name[len("kura/distrib/") :] for name in self.names if name.startswith(start))

    def _git(self, *words: str) -> bytes:
        return subprocess.run(["git", "-C", str(self.mirror), *words], check=True, capture_output=True).stdout


def profiles(sources: Sources) -> tuple[str, ...]:
    """The profiles of a release that have an installer of their own."""
    found = re.compile(r"kura/distrib/src/main/resources/([^/]+)/kura_install\.sh")
    return tuple(sorted({hit[1] for name in sources.names if (hit := found.fullmatch(name))}))


def distribution(sources: Sources, profile: str, version: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file of the archive, by the path it is unpacked to."""
    script = sources.read(BUILD.removeprefix("kura/distrib/"))
    if script is None:
        raise FileNotFoundError(f"{sources.tag}: no {BUILD}")
    given = {
        "kura.install.dir": "/opt/eclipse",
        **_of_profile(sources, profile),
        "project.version": version,
        "kura.version": version,
        "project.build.directory": TARGET,
        "build.name": profile,
        "buildNumber": "buildNumber",
        "http.port": "80",
    }
    ant = _Ant(sources, ElementTree.fromstring(script), given)  # noqa: S314 - Kura's own file, from a mirror
    ant.run("dist-linux")
    return {f"{given['kura.install.dir']}/{name}": found for name, found in ant.packed.items()}


def _of_profile(sources: Sources, profile: str) -> dict[str, str]:
    """What the profile's Maven section hands to Ant."""
    pom = (sources.read("pom.xml") or b"").decode("utf-8", "replace")
    for section in re.findall(r"<(?:target|tasks)>(.*?)</(?:target|tasks)>", pom, re.DOTALL):
        found = dict(re.findall(r'<property\s+name="([^"]+)"\s+value="([^"]*)"', section))
        if found.get("build.name") == profile and "build_equinox_distrib.xml" in section:
            return found
    return {}


@dataclass
class _Ant:
    sources: Sources
    script: ElementTree.Element
    properties: dict[str, str]
    made: dict[str, bytes] = field(default_factory=dict)
    packed: dict[str, tuple[bytes, int]] = field(default_factory=dict)

    def run(self, name: str) -> None:
        target = next(item for item in self.script.iter("target") if item.get("name") == name)
        needed, unwanted = target.get("if"), target.get("unless")
        if (needed and needed not in self.properties) or (unwanted and unwanted in self.properties):
            return
        for task in target:
            handle = getattr(self, f"_{str(task.tag).replace('-', '_')}", None)
            if handle is not None:
                handle(task)

    def _text(self, value: str | None) -> str:
        return re.sub(r"\$\{([^}]+)\}", lambda hit: self.properties.get(hit[1], hit[0]), value or "")

    def _read(self, name: str) -> bytes | None:
        return self.made[name] if name in self.made else self.sources.read(name)

    def _property(self, task: ElementTree.Element) -> None:
        if task.get("name"):
            self.properties.setdefault(str(task.get("name")), self._text(task.get("value")))

    def _antcall(self, task: ElementTree.Element) -> None:
        self.run(str(task.get("target")))

    def _condition(self, task: ElementTree.Element) -> None:
        if all(self._holds(test) for test in task):
            self.properties.setdefault(str(task.get("property")), self._text(task.get("value")) or "true")

    def _holds(self, test: ElementTree.Element) -> bool:
        inner = [self._holds(item) for item in test]
        return {
            "and": lambda: all(inner),
            "or": lambda: any(inner),
            "not": lambda: not inner[0],
            "isset": lambda: str(test.get("property")) in self.properties,
            "contains": lambda: self._text(test.get("substring")) in self._text(test.get("string")),
            "equals": lambda: self._text(test.get("arg1")) == self._text(test.get("arg2")),
        }[str(test.tag)]()

    def _copy(self, task: ElementTree.Element) -> None:
        for single in [task.get("file")] if task.get("file") else []:
            content = self._read(self._text(single))
            to = self._text(task.get("tofile")) or f"{self._text(task.get('todir'))}/{str(single).rpartition('/')[2]}"
            if content is not None:
                self.made[to] = content

    def _echo(self, task: ElementTree.Element) -> None:
        if task.get("file"):
            name = self._text(task.get("file"))
            before = self.made.get(name, b"") if task.get("append") == "true" else b""
            self.made[name] = before + self._text(task.text).encode()

    def _replace(self, task: ElementTree.Element) -> None:
        self._changed(task, lambda text: text.replace(str(task.get("token")), self._text(task.get("value"))))

    def _replaceregexp(self, task: ElementTree.Element) -> None:
        pattern, new = str(task.get("match")), self._text(task.get("replace"))
        self._changed(task, lambda text: re.sub(pattern, lambda _: new, text))

    def _changed(self, task: ElementTree.Element, change: Callable[[str], str]) -> None:
        name = self._text(task.get("file"))
        if name in self.made:
            self.made[name] = change(self.made[name].decode("latin-1")).encode("latin-1")

    def _propertyfile(self, task: ElementTree.Element) -> None:
        name = self._text(task.get("file"))
        lines = self.made.get(name, b"").decode("latin-1").splitlines()
        for entry in task.iter("entry"):
            key, value = str(entry.get("key")), self._text(entry.get("value"))
            place = next((n for n, line in enumerate(lines) if re.match(rf"\s*{re.escape(key)}\s*[=:]", line)), None)
            if place is None:
                lines.append(f"{key}={value}")
            elif entry.get("operation") == "+":
                lines[place] += value
            else:
                lines[place] = f"{key}={value}"
        self.made[name] = ("\n".join(lines) + "\n").encode("latin-1")

    def _zip(self, task: ElementTree.Element) -> None:
        if not self._text(task.get("destfile")).endswith(f"{self.properties['build.output.name']}.zip"):
            return
        for found in task.iter("zipfileset"):
            mode = int(found.get("filemode", "644"), 8)
            for source, to in self._members(found):
                content = self._read(source)
                if content is None and source.endswith(".jar"):
                    to, content = re.sub(r"\$\{[^}]+\}", "1.0.0", to), b""
                if content is not None:
                    self.packed[re.sub(r"/+", "/", to)] = (content, mode)

    def _members(self, found: ElementTree.Element) -> Iterator[tuple[str, str]]:
        prefix, whole = self._text(found.get("prefix")), self._text(found.get("fullpath"))
        if found.get("file"):
            name = self._text(found.get("file"))
            yield name, whole or f"{prefix}/{name.rpartition('/')[2]}"
            return
        directory = self._text(found.get("dir"))
        excluded = [str(item.get("name")) for item in found.iter("exclude")]
        for name in self.sources.below(directory):
            base = name.rpartition("/")[2]
            if not any(fnmatch.fnmatch(base, pattern) for pattern in excluded):
                yield name, f"{prefix}/{base}"


def catalogues(sources: Sources) -> dict[str, tuple[str, ...]]:
    """What an installer unpacks, by name of the catalogue: kura_<version>_<profile>, and its paths."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(sources.names):
        hit = re.fullmatch(r"kura/distrib/(RELEASE_INFO/[3-9][\d.]*/(kura_.+)\.catalog)", name)
        if hit:
            text = (sources.read(hit[1]) or b"").decode("utf-8", "replace")
            found[hit[2]] = tuple(re.findall(r"(?m)^(\S[^\t\n]*)\t[0-9a-f]{32}$", text))
    return found
