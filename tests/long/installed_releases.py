"""Every release of Kura as its genuine installer leaves it, put to recognition and to the rules that follow scripts.

    python -m tests.long.installed_releases MIRROR [TAG-PATTERN]

MIRROR is a git directory of github.com/eclipse-kura/kura with its tags and branches. For every profile of every release
tag the archive is packed as Kura's own Ant script says, unpacked, and the genuine ``kura_install.sh`` run (see
`tests.long.run_installer`); the catalogues of RELEASE_INFO are read too. Prints one line for each, and the figures.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.image.read.inspect import find_installation
from pipeline.image.read.never_booted import signs
from pipeline.image.read.view import assemble
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.vanilla import Vanilla
from pipeline.rules.registry import RULES, judge
from tests.long.kura_distribution import Sources, catalogues, distribution, profiles
from tests.long.run_installer import installed

_RELEASE = re.compile(r"KURA_((?:[3-9])\.\d+\.\d+)_(?:RELEASE|M1)")
_ONLY_PREVIEW = ("KURA_5.6.0_M1",)
_RULES = ("firewall.loaded", "framework.started", "network.ppp_link", "framework.jvm_options")
_DEBIAN = {
    "/etc/os-release": b'ID=debian\nVERSION_ID="11"\n',
    "/etc/network/interfaces": b"auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n",
    "/etc/netplan/50-cloud-init.yaml": b"network:\n  version: 2\n",
    "/etc/cloud/cloud.cfg.d/05_logging.cfg": b"\n",
    "/etc/default/dnsmasq": b"ENABLED=1\n",
    "/etc/bind/named.conf": b"",
    "/etc/apparmor.d/keep": b"",
}
_RED_HAT = {
    "/etc/os-release": b'ID=centos\nVERSION_ID="7"\n',
    "/etc/sysconfig/network-scripts/ifcfg-lo": b"DEVICE=lo\n",
    "/usr/lib/systemd/system/iptables.service": (
        b"[Unit]\nDescription=IPv4 firewall with iptables\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        b"ExecStart=/usr/libexec/iptables/iptables.init start\n[Install]\nWantedBy=basic.target\n"
    ),
}


def main() -> int:
    """Prints what is found; 1 when anything is not recognised as what it is."""
    mirror, pattern = Path(sys.argv[1]), re.compile(sys.argv[2] if len(sys.argv) > 2 else ".")
    wrong, seen = 0, Counter[str]()
    for tag in _tags(mirror):
        if not pattern.search(tag):
            continue
        sources, version = Sources(mirror, tag), _RELEASE.fullmatch(tag)[1]  # type: ignore[index]
        for profile in profiles(sources):
            verdict = _installed(sources, profile, version)
            bad = verdict.startswith("WRONG")
            wrong += bad
            seen["as installed: " + ("wrong" if bad else "recognised")] += 1
            print(f"{tag} {profile}: {verdict}", flush=True)
    for name, verdict in _catalogues(mirror, pattern):
        bad = verdict.startswith("WRONG")
        wrong += bad
        seen["catalogues: " + ("wrong" if bad else "recognised")] += 1
        if bad:
            print(f"catalogue {name}: {verdict}")
    print(dict(seen))
    return 1 if wrong else 0


def _tags(mirror: Path) -> list[str]:
    listed = subprocess.run(["git", "-C", str(mirror), "tag"], check=True, capture_output=True, text=True)
    names = [name for name in listed.stdout.split() if _RELEASE.fullmatch(name)]
    return sorted(name for name in names if name.endswith("RELEASE") or name in _ONLY_PREVIEW)


def _installed(sources: Sources, profile: str, version: str) -> str:
    red_hat = "fedora" in profile or "centos" in profile
    archive = distribution(sources, profile, version)
    where = next(iter(archive)).partition("/kura_")[0]
    tree, files, log = installed(archive, _RED_HAT if red_hat else _DEBIAN, where)
    try:
        found = find_installation(tree, load_layouts(), lambda path: files[path])
    except PipelineError as error:
        return f"WRONG refused: {error.problems[0].what} | log: {log[-300:]}"
    if found.version != version or not any(version.startswith(prefix) for prefix in found.layout.versions):
        return f"WRONG taken for {found.layout.name} {found.version}"
    view = assemble(Disk(0, "mbr", ()), tree, files, found)
    booted = signs(Vanilla("", view.disk, {}, found.layout, found.version, view.init, tree, files))  # type: ignore[arg-type]
    booted = tuple(item for item in booted if "/etc/machine-id" not in item.what and "/var/" not in item.what)
    if booted:
        return f"WRONG taken for booted: {booted[0].what}"
    if found.layout.administers_network == profile.endswith("-nn"):
        return f"WRONG: network {found.layout.network_truth}"
    return f"{found.layout.name}, network {found.layout.network_truth}; " + "; ".join(_judged(view))


def _judged(view: ImageView) -> Iterator[str]:
    rules = tuple(rule for rule in RULES if rule.id in _RULES)
    for result in judge(view, Expected(), profile="strict", waivers=(), epoch=0, rules=rules):
        judgement = result.judgement
        shown = judgement.why or "; ".join(f"{item.path}:{item.line} {item.found}" for item in judgement.breaches)
        yield f"{result.rule.id} {judgement.outcome.value} ({shown[:150]})"


def _catalogues(mirror: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "-C", str(mirror), "for-each-ref", "--format=%(refname)"],
        check=True,
        capture_output=True,
        text=True,
    )
    done: set[str] = set()
    for tag in (name for name in listed.stdout.split() if re.search(r"release-[345]|develop$|RELEASE$", name)):
        for name, paths in catalogues(Sources(mirror, tag)).items():
            version = name.split("_")[1]
            if name not in done and pattern.search(f"KURA_{version}_RELEASE"):
                done.add(name)
                yield name, _catalogue(name, version, paths)


def _catalogue(name: str, version: str, paths: tuple[str, ...]) -> str:
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    real = f"/opt/eclipse/{name}"
    for path in (*(f"{real}/{item.lstrip('/')}" for item in paths), "/opt/eclipse/x"):
        guest = GuestPath(path)
        for above in guest.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        nodes[guest] = Node(Kind.FILE, 0o644)
    nodes[GuestPath("/opt/eclipse/kura")] = Node(Kind.LINK, 0o777, target=real)
    # The one directory the archive lacks and every installer makes.
    nodes.setdefault(GuestPath(f"{real}/data"), Node(Kind.DIRECTORY, 0o755))
    try:
        found = find_installation(Tree(nodes), load_layouts(), lambda _: f"kura.version=KURA_{version}\n".encode())
    except PipelineError as error:
        return f"WRONG refused: {error.problems[0].what}"
    right = found.version == version and any(version.startswith(prefix) for prefix in found.layout.versions)
    return found.layout.name if right else f"WRONG taken for {found.layout.name} {found.version}"


if __name__ == "__main__":
    sys.exit(main())
