"""The file system of a golden gateway: the demo's export at its paths, and around it what must not be taken."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.demo.golden import forbidden_things
from tests.support.golden import EXPORT, SNAPSHOT

INSTALLED = "esf_5.0.0_reliagate-20-25"
EPOCH = 1_735_689_600
SHADOW = b"root:$6$abcdefgh$0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghij:19000:0:99999:7:::\n"


def a_gateway_root(root: Path) -> Path:
    """Make it, with the installation behind a link whose target states the release."""
    root.mkdir(parents=True)
    for path in sorted(EXPORT.rglob("*")):
        name = path.relative_to(EXPORT).as_posix().replace("eurotech/esf/", f"eurotech/{INSTALLED}/")
        place = root / name
        if path.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.readlink())
        elif path.is_file() and path.parent != EXPORT:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    (root / "opt/eurotech/esf").symlink_to(INSTALLED)
    for name, content in forbidden_things(EXPORT, epoch=EPOCH).items():
        if name.startswith("snapshot_"):
            continue
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (root / "etc/shadow").write_bytes(SHADOW)
    (root / "etc/hostname").write_text("golden-sample\n")
    return root


def expected_files() -> dict[str, bytes]:
    """What a capture has to bring, byte by byte, without the snapshot."""
    return {
        path.relative_to(EXPORT).as_posix(): path.read_bytes()
        for path in sorted(EXPORT.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.parent != EXPORT
    }


def snapshot_file() -> Path:
    """The console's download."""
    return EXPORT / SNAPSHOT
