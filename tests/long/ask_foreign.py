"""Make a small image of another processor's Debian packages, and ask its own programs in the appliance.

    python -m tests.long.ask_foreign [--arch arm64|armhf] [--suite bookworm]

Packages come from the archive through apt with directories of its own and are only unpacked, none of their scripts
runs. Good files must be taken and broken ones refused, by sshd, iptables, ifup and visudo for that processor. Needs
``qemu-user-static``. Outside CI: it fetches some 50 MB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.image.appliance.session import Drive, launch
from pipeline.image.read.look import look_at
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.asking import Case, ask_all, ask_image
from tests.support.readers.breakages import PLANTS

_PACKAGES = (
    "openssh-server",
    "iptables",
    "ifupdown",
    "sudo",
    "dash",
    "base-files",
    "libc6",
    "libc-bin",
    "libnss-systemd-",
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nsudo:x:27:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/fstab": "/dev/sda1 / ext4 defaults 0 1\n",
    "etc/ssh/sshd_config": "Port 22\nInclude /etc/ssh/sshd_config.d/*.conf\nSubsystem sftp internal-sftp\n",
    "etc/sysconfig/iptables": "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"the console\" -j ACCEPT\n-A INPUT -j REJECT\nCOMMIT\n",
    "etc/network/interfaces": "auto lo\niface lo inet loopback\nauto eth0\n"
    "iface eth0 inet static\n address 10.0.0.2/24\n",
}  # fmt: skip


def main() -> int:
    """Fetch, unpack, pack, ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="arm64")
    parser.add_argument("--suite", default="bookworm")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        image = make_image(Path(place), given.arch, given.suite)
        return _ask(image, Path(place))


def make_image(place: Path, arch: str, suite: str) -> Path:
    """A bare ext4 image with the packages unpacked and the files above."""
    for name in (
        "state/lists/partial",
        "cache/archives/partial",
        "etc/apt/apt.conf.d",
        "etc/apt/preferences.d",
        "root",
    ):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (place / "sources.list").write_text(f"deb [signed-by={keyring}] http://deb.debian.org/debian {suite} main\n")
    (place / "apt.conf").write_text(
        f'APT::Architecture "{arch}";\nAPT::Architectures {{"{arch}";}};\nDir "{place}";\nDir::State "{place}/state";\n'
        f'Dir::State::status "{place}/status";\nDir::Cache "{place}/cache";\nAPT::Sandbox::User "root";\n'
        f'Dir::Etc::sourcelist "{place}/sources.list";\nDir::Etc::sourceparts "-";\n'
    )
    apt = ["env", f"APT_CONFIG={place}/apt.conf", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", "--download-only", *_PACKAGES], check=True)
    root = place / "root"
    for package in sorted((place / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    for name, content in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "etc/sudoers").chmod(0o440)
    # What the packages' own scripts would have linked.
    (root / "usr/sbin/iptables-restore").symlink_to("xtables-nft-multi")
    (root / "usr/sbin/iptables-save").symlink_to("xtables-nft-multi")
    for name in ("proc", "sys", "dev", "run", "tmp"):
        (root / name).mkdir(exist_ok=True)
    image = place / "foreign.img"
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, image, "400M"], check=True)
    return image


def _ask(image: Path, place: Path) -> int:
    wrong = 0
    state = place / "state-of-the-appliance"
    with launch([Drive(image, writable=False)], state_dir=state, say=print) as session:
        device = session.devices[0]
        view = look_at(session, device, image, load_layouts(), say=print)
        for answer in ask_image(session, device, view, state_dir=state, say=print):
            print(f"as it is: {answer.reader} {answer.verdict.value} {answer.message} ({answer.version})")
            wrong += answer.verdict is not ReaderVerdict.YES
        chosen = [one for one in PLANTS if one.reader in ("sshd", "iptables", "ifupdown", "sudo")][::4]
        made = [(plant, *plant.question(view)) for plant in chosen]
        cases = [Case(f"p{number}", after, layer, (asked,)) for number, (_, layer, after, asked) in enumerate(made)]
        if view.disk is None:
            return 2
        for (plant, *_), (answer,) in zip(
            made, ask_all(session, device, view.disk, cases, state_dir=state, say=print), strict=True
        ):
            print(f"{plant.name}: {answer.verdict.value} {answer.message}")
            wrong += not plant.is_told(answer)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
