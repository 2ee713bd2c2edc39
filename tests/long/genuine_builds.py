"""Whole builds of vanilla images as genuine installers of Kura leave them: 3.0.0, 4.1.2, 5.0.0 and 6.0.0.

    python -m tests.long.genuine_builds [--boot LAYOUT ...] [--keep DIRECTORY] [LAYOUT ...]

5.6.0 is ``examples/kura-5``, which the automatic suite builds and boots. For each layout: a Debian 12 with what
`tests.support.esf.installations` says its installer leaves, a golden sample of the same release, ``doit build`` with
verification, ``doit verify`` of what came out; with ``--boot`` the gateway's image is started in QEMU and looked at
from outside too. Bundles are stand-ins. Needs root or a user name space for mmdebstrap, and libguestfs.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.demo.debian import never_booted
from pipeline.demo.disk import BOOT_LABEL, ROOT_UUID, write_disk
from pipeline.demo.kura import GID, UID
from pipeline.demo.members import Member, read_tar, with_parents
from pipeline.demo.rootfs import debian_rootfs
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from tests.support.esf.every_layout import LAYOUTS, RELEASES, a_golden_of
from tests.support.esf.installations import as_installed
from tests.support.programs.boot_tests import boot_test
from tests.support.workspaces import CHECKOUT, doit, edit

EPOCH = 1_735_689_600  # 2025-01-01, the demonstrations' vanilla clock
BUILT = ("kura-3", "kura-4", "kura-5-0", "kura-6")
_USERS = {
    "/etc/passwd": f"kurad:x:{UID}:{GID}::/opt/eclipse:/usr/sbin/nologin\n",
    "/etc/shadow": "kurad:!:19000::::::\n",
    "/etc/group": f"kurad:x:{GID}:\n",
    "/etc/gshadow": "kurad:!::\n",
}


def main() -> int:
    """Builds, verifies and boots; 1 when anything was not as it should be."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--boot", action="append", default=[], choices=BUILT, help="start this one's image too")
    options.add_argument("--keep", type=Path, help="directory for the workspaces, which stay")
    options.add_argument("layouts", nargs="*", choices=[[], *BUILT], metavar="LAYOUT")
    asked = options.parse_args()
    place = asked.keep or Path(tempfile.mkdtemp(prefix="genuine-"))
    failed = 0
    try:
        for name in asked.layouts or BUILT:
            failed += not _whole_way(name, place, boot=name in asked.boot)
    finally:
        if not asked.keep:
            shutil.rmtree(place, ignore_errors=True)
    return 1 if failed else 0


def _whole_way(name: str, place: Path, *, boot: bool) -> bool:
    started = time.monotonic()
    workspace = a_genuine_workspace(name, place)
    _decide(workspace)
    built = doit(workspace, "build", timeout=7200)
    print(f"{name}: doit build: rc {built.status}; {_last(built.text)}", flush=True)
    if built.status:
        print(built.text)
        return False
    for directory in sorted((workspace / "out" / f"{name}-1.0").iterdir()):
        if not (directory / "manifest.json").is_file():
            continue
        manifest = json.loads((directory / "manifest.json").read_bytes())
        outcomes = [found["outcome"] for found in manifest["rules"]["outcomes"].values()]
        print(f"{name} {directory.name}: {_counted(outcomes)}", flush=True)
    verified = doit(workspace, "verify", f"out/{name}-1.0", timeout=3600)
    print(f"{name}: doit verify: rc {verified.status}; {_last(verified.text)}", flush=True)
    ok = verified.status == 0
    if boot:
        gateway = min(path.parent.name for path in (workspace / "out").glob("*/*/manifest.json"))
        booted = boot_test(workspace, gateway, workspace / ".demo/keys/demo-user", workspace / "console.log")
        shown = "; ".join(f"{subject} {check}" for subject, check in sorted(booted.findings))
        print(f"{name}: boottest {gateway}: rc {booted.status}; {shown or 'no finding'}", flush=True)
        ok = ok and booted.status == 0
    print(f"{name}: {'everything as it should be' if ok else 'FAILED'}, {time.monotonic() - started:.0f} s", flush=True)
    return ok


def a_genuine_workspace(name: str, place: Path) -> Path:
    """A release engineer's workspace for one layout: vanilla image, golden export, inventory, keys."""
    layout = LAYOUTS[name]
    source = CHECKOUT if layout.network_truth == "files" else CHECKOUT / "examples/kura-5"
    workspace = place / name
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir(parents=True)
    for part in ("dodo.py", "gateway.toml", "devices.toml", "keys", "overlays"):
        if (source / part).is_dir():
            shutil.copytree(source / part, workspace / part)
        elif (source / part).exists():
            shutil.copy2(source / part, workspace / part)
    ran = doit(CHECKOUT, "demo")
    assert ran.status == 0, ran.text
    (workspace / ".demo").mkdir()
    for part in ("keys", "secrets"):
        shutil.copytree(CHECKOUT / ".demo" / part, workspace / ".demo" / part)
    write_vanilla(name, workspace / ".demo/vanilla.img", place)
    write_export(a_golden_of(name), layout, workspace / ".demo/golden")
    _adapt(name, workspace)
    return workspace


def _decide(workspace: Path) -> None:
    """What a person would do with the sample's secrets of which no rule knows: they stay behind."""
    told = doit(workspace, "golden")
    for what in re.findall(r"golden: (.+?): [a-z]+, and nobody has decided", told.text):
        doit(workspace, "golden", "--decide", "stays", "--reason", "a test of an installation", what)


def _adapt(name: str, workspace: Path) -> None:
    file = workspace / "gateway.toml"
    dropped = ("demo =", "lock =", "esf_version", "kura_version", "vendor_signers")
    kept = [line for line in file.read_text().splitlines() if not line.startswith(dropped)]
    file.write_text("\n".join(kept) + "\n")
    edit(file, "[golden]", f'[golden]\nkura_version = "{RELEASES[name]}"')
    inventory = workspace / "devices.toml"
    first, gateway = inventory.read_text().split("\n[[gateway]]\n")[:2]
    inventory.write_text(f"{first}\n[[gateway]]\n{gateway}")
    old = next(line for line in kept if line.startswith("name = "))
    edit(file, old, f'name = "{name}-1.0"\nproduct = "{name}"')


def write_vanilla(name: str, target: Path, work: Path) -> None:
    """A disk with Debian 12 and what the installer leaves; the root file system is made once for layouts alike."""
    systemd = LAYOUTS[name].generation == "C"
    files = LAYOUTS[name].network_truth == "files"
    archive = debian_rootfs(
        work / f"rootfs-{'files' if files else 'snapshot'}-{'systemd' if systemd else 'sysv'}",
        epoch=EPOCH,
        init="systemd" if systemd else "sysv",
        progress=lambda line: print(f"{name}: {line}", flush=True),
        product="esf-5" if files else "kura-5",
    )
    debian = never_booted(read_tar(archive, latest=EPOCH), root_uuid=str(ROOT_UUID), boot_label=BOOT_LABEL, epoch=EPOCH)
    if systemd and files:
        debian = dict(_with_user(debian))
    made = {path: replace(member, mtime=EPOCH) for path, member in as_installed(name, (UID, GID)).items()}
    write_disk(target, with_parents({**debian, **made}, mtime=EPOCH), epoch=EPOCH, progress=lambda _: None)


def _with_user(members: dict[GuestPath, Member]) -> Iterator[tuple[GuestPath, Member]]:
    for path, member in members.items():
        added = _USERS.get(str(path))
        yield path, member if added is None else replace(member, content=member.read() + added.encode())


def write_export(golden: Golden, layout: Layout, target: Path) -> None:
    """A golden sample as somebody would have exported it."""
    files: dict[str, bytes] = {
        "export.toml": f'kura_version = "{golden.esf_version}"\n'.encode(),
        "snapshot_1735689600000.xml": golden.snapshot,
        str(layout.dpa): golden.dpa,
        **{f"{layout.packages}/{name}": content for name, content in golden.packages.items()},
        **{str(path): content for path, content in golden.network.items()},
    }
    for name, content in files.items():
        path = target / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for link, to in golden.links.items():
        path = target / str(link).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(to)


def _last(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "nothing said"


def _counted(words: list[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))


if __name__ == "__main__":
    sys.exit(main())
