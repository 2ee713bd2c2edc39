#!/usr/bin/env python3
"""Kura's own firewall services, run on the files of finished images: started, saved twice, rolled back to snapshot 0.

    tests/long/kura/finished_images.py CLONE IMAGE...

CLONE as for `kura_firewall`; IMAGE lies beside its manifest, as a build leaves it. The packet rules, the custom script
and the snapshot come out of the image by debugfs; the release whose classes run is chosen by the image's layout (ESF 5
stands on Kura 3, so 3.0.0 and 3.2.0; Kura 4: 4.1.2; Kura 5: 5.0.0 or 5.5.0). With iptables-nft and with -legacy, in
name spaces of their own. Nothing may be let in that the image's rules do not let in, as loaded at boot, and both
policies must stay DROP, in force and in the saved file, after every step. Ends with 1 where that is not so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pipeline.formats.esf import esf_snapshot
from tests.long.kura.kura_firewall import NAMES, PID, Kura, compiled, inward
from tests.support.esf.every_layout import RELEASES
from tests.support.media.image_files import read_file

_RELEASES = {
    "esf-5": ("3.0.0", "3.2.0"), "kura-3": ("3.0.0", "3.2.0"), "kura-4": ("4.1.2",), "kura-5-0": ("5.0.0",),
    "kura-5": ("5.5.0",), "kura-6": ("5.5.0",),
}  # fmt: skip
_STEPS = ("started", "once", "twice", "rolledback")


def main() -> int:
    """One line for each image, release and kind of iptables; what is let in more is named."""
    clone, images = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
    worse = 0
    with tempfile.TemporaryDirectory() as place:
        made: dict[str, Kura] = {}
        for number, image in enumerate(images):
            manifest = json.loads((image.parent / "manifest.json").read_bytes())
            layout = _layout(manifest)
            for release in _RELEASES[layout]:
                if release not in made:
                    made[release] = compiled(clone, release, layout, Path(place) / release)
                for variant in ("nft", "legacy"):
                    work = Path(place) / f"{number}-{release}-{variant}"
                    found = list(_faults(made[release], image, manifest, work, variant))
                    worse += len(found)
                    shown = f"{manifest['gateway']['name']} ({layout}), Kura {release}, {variant}"
                    print(f"{shown}: {len(found)} faults" + "".join(f"\n  {line}" for line in found), flush=True)
    return 1 if worse else 0


def _layout(manifest: dict[str, dict[str, dict[str, str]]]) -> str:
    """By the release of the golden sample, and by where the snapshot lies."""
    (version,) = (value for name, value in manifest["inputs"]["golden"].items() if name.endswith("_version"))
    if any(path.startswith("/opt/eurotech/") for path in manifest["changes"]):
        return "esf-5"
    return next(name for name, release in RELEASES.items() if release == version and name.startswith("kura-"))


def _faults(kura: Kura, image: Path, manifest: dict[str, object], work: Path, variant: str) -> Iterator[str]:
    directory = work / "files"
    directory.mkdir(parents=True)
    five = kura.layout.generation == "C"
    (directory / "image.rules").write_bytes(read_file(image, "/etc/sysconfig/iptables"))
    changes = manifest["changes"]
    assert isinstance(changes, dict)
    if "/etc/init.d/firewall_cust" in changes:
        (directory / "image.cust").write_bytes(read_file(image, "/etc/init.d/firewall_cust"))
    path = next(path for path in changes if path.endswith("/snapshots/snapshot_0.xml"))
    snapshot = esf_snapshot.load(read_file(image, path), kura.layout.generation).snapshot
    assert snapshot is not None
    firewall = snapshot.by_pid.get(PID)
    told = [firewall.text(name) if firewall else "" for name in NAMES]
    (directory / "image.told").write_text("".join(f"{line}\n" for line in told))
    if five:
        (directory / "image.starts").touch()
    kura.run("files", directory, variant)
    before = inward(directory / "image.before", five=five)
    yield from _of_policies(directory / "image.before")
    for step in _STEPS if five else _STEPS[1:]:
        for name in (f"image.{step}", f"image.{step}-live"):
            after = directory / name
            if not after.exists():
                yield f"{name}: not there"
                continue
            yield from (f"{name}: let in: {line}" for line in sorted(inward(after, five=five) - before))
            # 5.x saves the file without policies only where it saves no table; what is in force always counts.
            yield from _of_policies(after)
    thrown = directory / "image.thrown"
    if thrown.exists():
        yield thrown.read_text()


def _of_policies(file: Path) -> Iterator[str]:
    """Policies of the filter table that are not DROP; a saved file without any leaves what is in force."""
    table = file.read_text().partition("*filter")[2].partition("COMMIT")[0]
    for chain in ("INPUT", "FORWARD"):
        stated = [line.split()[1] for line in table.splitlines() if line.startswith(f":{chain} ")]
        if stated not in (["DROP"], []) or (not stated and file.name.endswith("-live")):
            yield f"{file.name}: policy of {chain} is {', '.join(stated) or 'not stated'}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{(error.stderr or b'').decode(errors='replace')}")
