"""Deployment packages of the golden sample, with signed bundles, and the list by which the gateway installs them."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.errors import Problem, raise_if_any
from pipeline.formats.java.java_properties import Properties
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, Origin, Removal
from pipeline.model.tree import Kind, Node
from pipeline.model.trust import Trust
from pipeline.model.vanilla import Vanilla

_RULE = "packages.install"
_DPA = "dpa.properties"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXPORT = "export packages and dpa.properties again from the golden sample (A:166 to A:171)"


def install(trust: Trust, golden: Golden, vanilla: Vanilla) -> Layer:
    """The signed packages under the target's own packages directory, and ``dpa.properties`` that names each of them.

    The gateway installs from this list at every boot and only logs what fails, so everything it would stumble over is
    an error here. Packages that lie in the vanilla image without being in the golden sample go.

    Raises:
        PipelineError: an entry without its file, a file without an entry, a key that is not the package's symbolic
            name, a name the gateway could not open, one bundle in two packages; all at once.
    """
    raise_if_any(_problems(trust, golden))
    layout = vanilla.layout
    directory = vanilla.tree.get(vanilla.tree.resolve(layout.packages))
    owner = directory or vanilla.tree.get(vanilla.tree.resolve(layout.root)) or Node(Kind.DIRECTORY, 0o755)
    uid, gid, mode = owner.uid, owner.gid, owner.mode
    dpa = Properties.parse(b"")
    for package in sorted(trust.packages, key=lambda package: package.symbolic_name):
        dpa = dpa.with_value(package.symbolic_name, f"file:{layout.packages / package.file_name}")
    why = (Origin(_RULE, f"golden: {_DPA}", "A:170"),)
    wanted = {package.file_name for package in trust.packages}
    return Layer.of(
        DirEntry(layout.packages, (Origin(_RULE, "golden: packages/", "A:171"),), mode, uid, gid),
        FileEntry(layout.dpa, _as_stored(dpa), why, 0o644, uid, gid),
        *(
            FileEntry(
                layout.packages / package.file_name,
                package.content,
                (Origin(_RULE, f"golden: packages/{package.file_name}", "A:171"),),
                0o644,
                uid,
                gid,
            )
            for package in trust.packages
        ),
        *(
            Removal(layout.packages / path.name, (Origin("packages.only_listed", "vanilla image", "A:171"),))
            for path in _present(vanilla)
            if path.name not in wanted
        ),
    )


def _as_stored(dpa: Properties) -> bytes:
    """Colons escaped as ``Properties.store`` does, without its date; names and paths hold nothing else to escape."""
    return "".join(f"{key}={value.replace(':', chr(92) + ':')}\n" for key, value in dpa.items()).encode("ascii")


def _present(vanilla: Vanilla) -> tuple[GuestPath, ...]:
    directory = vanilla.tree.resolve(vanilla.layout.packages)
    return vanilla.tree.children(directory)


def _problems(trust: Trust, golden: Golden) -> list[Problem]:
    problems: list[Problem] = []
    by_file = {package.file_name: package for package in trust.packages}
    listed: list[str] = []
    for key, url in Properties.parse(golden.dpa, f"golden: {_DPA}").items():
        where = f"golden: {_DPA}: {key}"
        path = re.fullmatch(r"file:(?://(?=/))?(/.*)", url)
        if path is None:
            problems.append(Problem(f"{where}: {url!r} is not a file: URL with an absolute path", _EXPORT))
            continue
        name = path[1].rsplit("/", 1)[1]
        listed.append(name)
        package = by_file.get(name)
        if not _NAME.fullmatch(name):
            problems.append(
                Problem(
                    f"{where}: the gateway does not decode escapes, it would not find {name!r}",
                    "rename the package, to letters, digits, dots, dashes and underscores",
                )
            )
        elif package is None:
            problems.append(Problem(f"{where}: {name} is not among the packages of the export", _EXPORT))
        elif package.symbolic_name != key:
            problems.append(
                Problem(
                    f"{where}: {name} is the package {package.symbolic_name}", f"call the key {package.symbolic_name}"
                )
            )
    problems += [
        Problem(f"golden: packages/{name}: it is not in {_DPA}, so no gateway would install it", _EXPORT)
        for name in sorted(by_file)
        if name not in listed
    ]
    problems += [
        Problem(f"golden: {_DPA}: {name} is listed {times} times", "keep one entry for each package")
        for name, times in sorted(Counter(listed).items())
        if times > 1
    ]
    owners: dict[str, str] = {}
    for package in trust.packages:
        for bundle in package.bundles:
            other = owners.setdefault(bundle.symbolic_name, package.file_name)
            if other != package.file_name:
                problems.append(
                    Problem(
                        f"golden: bundle {bundle.symbolic_name} is in {other} and in {package.file_name}; "
                        "a gateway installs only one of the two",
                        "ship the bundle in one package",
                    )
                )
    return problems
