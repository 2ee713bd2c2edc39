"""Which files of an image inspection reads in full, for the plan to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pipeline.errors import PipelineError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Tree

# Bytes; the largest of these files, rpm's database, has some 30 MiB in a full distribution. A larger one is not what
# its name says.
LARGEST = 64 << 20

# Paths as the documents and Linux write them; links are followed inside the image. ``*`` matches within one name,
# ``**`` everything below a directory. Only regular files are read.
WANTED: tuple[str, ...] = (
    "/etc/passwd",  # accounts
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d/*",
    "/etc/securetty",
    "/etc/fstab",  # what is mounted where
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/hostname",  # identity
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/ssh/**",
    "/etc/default/*",  # options of ssh, dropbear, monit, avahi
    "/etc/inittab",  # what starts at boot
    "/etc/init.d/*",
    "/etc/systemd/system/**",
    "/lib/systemd/system/ssh*",
    "/lib/systemd/system/dropbear*",
    "/usr/lib/systemd/system/dropbear*",
    "/lib/systemd/system/avahi-daemon*",
    "/lib/systemd/system/kura.service",  # who starts the framework, and variables that reach its Java (B:393)
    "/usr/lib/systemd/system/kura.service",
    "/etc/environment",
    "/etc/profile",
    "/etc/profile.d/*",
    "/etc/monitrc",
    "/etc/monit/**",
    "/etc/monit.d/*",
    "/usr/share/dbus-1/system-services/*",  # what the bus starts by itself
    "/etc/sysctl.conf",
    "/etc/sysctl.d/*",
    "/usr/lib/sysctl.d/*",
    "/usr/local/lib/sysctl.d/*",
    "/lib/sysctl.d/*",  # where /usr is not merged
    "/etc/modprobe.d/*",
    "/etc/sysconfig/*",  # the nine network items (A:181 to A:199)
    "/etc/sysconfig/network-scripts/*",  # what stands for /etc/network/interfaces on systems like Red Hat's
    "/etc/iptables/rules.v4",  # what is loaded before the framework starts, on Debian
    "/etc/network/**",
    "/etc/ppp/**",
    "/etc/bind/named.conf",
    "/etc/dhcpd-*.conf",
    "/etc/udhcpd-*.conf",
    "/etc/hostapd-*.conf",
    "/etc/wpa_supplicant-*.conf",
    "/etc/fw_env.config",  # where U-Boot's environment lies (A:90)
    "/boot/uboot.env",
    "/boot/uboot-redund.env",
    "/var/lib/opkg/status",
    "/usr/lib/opkg/status",
    "/var/lib/dpkg/status",  # versions of what is installed
    "/var/lib/rpm/rpmdb.sqlite",  # the same of rpm, for the bill of materials; what it has not merged yet;
    "/var/lib/rpm/rpmdb.sqlite-wal",
    "/var/lib/rpm/Packages",  # and before rpm 4.16
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "/usr/lib/sysimage/rpm/Packages",
)


def wanted(layout: Layout) -> tuple[str, ...]:
    """The patterns for an image of one layout."""
    single = (
        layout.properties,
        layout.custom_properties,
        layout.dpa,
        layout.policy,
        layout.cacerts,
        layout.certificates,
        layout.kuranet,
        layout.policy_backup,  # a file in some releases, a directory in others
        *layout.start_scripts,
    )
    # Not only the named scripts: what an init script really runs is looked for beside them.
    below = [layout.root / "bin", layout.snapshots, layout.packages, layout.restore, layout.policy_backup]
    if layout.keystore_model == "service":
        below.append(layout.cacerts.parent)  # which keystores there are, the snapshot says
    # Bundles of the platform: who signed each decides whether the security policy lets it run (B:441).
    plugins = (layout.root / "plugins", layout.root / "kura/plugins")
    return (
        *WANTED,
        *(str(path) for path in single if path is not None),
        *(f"{path}/**" for path in below if path is not None),
        *(f"{path}/*.jar" for path in plugins if layout.policy is not None),
    )


def select(tree: Tree, patterns: Iterable[str]) -> tuple[GuestPath, ...]:
    """The regular files that patterns mean in a tree, by their resolved paths, sorted.

    A pattern that matches nothing is fine: not every image has every file.
    """
    return tuple(sorted({place for pattern in patterns for place in _meant(tree, pattern)}))


def _meant(tree: Tree, pattern: str) -> Iterator[GuestPath]:
    for path in _matches(tree, pattern):
        try:
            place = tree.resolve(path)
        except PipelineError:  # a loop, or a way through a file: the gateway could not open it either
            continue
        node = tree.get(place)
        if node is not None and node.kind is Kind.FILE:
            yield place


def _matches(tree: Tree, pattern: str) -> Iterator[GuestPath]:
    names = pattern.split("/")[1:]
    literal = next((index for index, name in enumerate(names) if "*" in name), None)
    if literal is None:
        yield GuestPath(pattern)
        return
    try:
        directory = tree.resolve(GuestPath("/" + "/".join(names[:literal])))
    except PipelineError:
        return
    rest = _expression("/".join(names[literal:]))
    prefix = len(directory.rstrip("/")) + 1
    yield from (path for path in tree.below(directory) if rest.fullmatch(path, prefix))


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
             for part in re.split(r"(\*\*|\*)", pattern))  # fmt: skip
    return re.compile("".join(parts), re.DOTALL)
