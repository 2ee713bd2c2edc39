"""A vanilla image in memory: a consistent tree and the files inspection would have read."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from pipeline.model.disk import Disk, Partition
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.vanilla import Vanilla

ESF = "/opt/eurotech/esf"

LAYOUT = Layout(
    name="esf-5",
    product="ESF",
    versions=("5.",),
    generation="A",
    root=GuestPath(ESF),
    snapshots=GuestPath(f"{ESF}/data/snapshots"),
    packages=GuestPath(f"{ESF}/kura/packages"),
    dpa=GuestPath(f"{ESF}/kura/dpa.properties"),
    properties=GuestPath(f"{ESF}/kura/kura.properties"),
    custom_properties=GuestPath(f"{ESF}/kura/kura_custom.properties"),
    policy=GuestPath(f"{ESF}/kura/security.policy"),
    policy_backup=GuestPath(f"{ESF}/security/policy_backup"),
    cacerts=GuestPath(f"{ESF}/security/cacerts.ks"),
    certificates=GuestPath(f"{ESF}/kura/certificates.ks"),
    kuranet=GuestPath(f"{ESF}/data/kuranet.conf"),
    restore=GuestPath(f"{ESF}/.data"),
    start_scripts=(GuestPath(f"{ESF}/bin/start_kura_background.sh"), GuestPath(f"{ESF}/bin/start_kura.sh")),
    network_truth="files",
    console_auth="plain",
    console_ports=(80,),
    keystore_model="property",
    owner="0",
)

# Directories a Debian root file system has; those of a gateway's software come with its files.
_DIRECTORIES = (
    "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp",
    "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/var/lib", "/var/log", "/var/tmp", "/var/cache", "/var/spool",
    "/etc/init.d", "/etc/rc0.d", "/etc/rc1.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d", "/etc/rc6.d",
    "/etc/rcS.d", "/etc/sysctl.d", "/etc/ssh/sshd_config.d", "/etc/default", "/etc/sysconfig", "/etc/ppp/peers",
    "/etc/ppp/chat", "/etc/ppp/scripts", "/etc/network", "/etc/bind", "/etc/dbus-1", "/etc/sudoers.d",
    "/var/lib/dbus", "/var/lib/dpkg",
)  # fmt: skip

_MODES: Mapping[str, int] = {
    "/etc/shadow": 0o640,
    "/etc/gshadow": 0o640,
    "/etc/sudoers": 0o440,
    "/root": 0o700,
    "/tmp": 0o1777,
    "/var/tmp": 0o1777,
}

_DPKG_STATUS = """\
Package: openssh-server
Status: install ok installed
Architecture: amd64
Version: 1:9.2p1-2+deb12u7

Package: sudo
Status: install ok installed
Architecture: amd64
Version: 1.9.13p3-1+deb12u2

"""

_SSHD_CONFIG = """\
Include /etc/ssh/sshd_config.d/*.conf

#Port 22
#PermitRootLogin prohibit-password
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem\tsftp\t/usr/lib/openssh/sftp-server
"""

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
"""

_SHADOW = """\
root:$6$vendor$KcZ0FVd7eQkMxXfvrzJzTOg0i1lNBdVsWUA9kQ3qT1Q1zJ7vX5pYbYl8kMvS2uS7t1iVqfXcRz5oVZqk0p1Qb/:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
nobody:*:19000:0:99999:7:::
sshd:!:19000::::::
"""

_GROUP = """\
root:x:0:
daemon:x:1:
adm:x:4:
sudo:x:27:
operator:x:37:
shadow:x:42:
nogroup:x:65534:
"""

_GSHADOW = """\
root:*::
daemon:*::
adm:*::
sudo:*::
operator:*::
shadow:*::
nogroup:!::
"""

_INTERFACES = """\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp
"""

_IPTABLES = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1450 -j ACCEPT
COMMIT
"""

_SNAPSHOT = """\
<?xml version="1.0" encoding="UTF-8"?>
<esf:configurations xmlns:ocd="http://www.osgi.org/xmlns/metatype/v1.2.0" \
xmlns:esf="http://eurotech.com/esf/2.0">
</esf:configurations>
"""

_START = """\
#!/bin/sh
DIR=$(cd $(dirname $0)/..; pwd)
nohup java -Xms512m -Xmx512m -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath=/var/log/kura-heapdump.hprof \\
  -Dkura.home=${DIR}/kura -jar ${DIR}/plugins/org.eclipse.osgi_3.11.1.v20160708-1632.jar -console 5002 -consoleLog &
"""

_FILES: Mapping[str, str] = {
    "/bin/bash": "ELF\n",
    "/bin/sh": "ELF\n",
    "/sbin/nologin": "ELF\n",
    "/usr/sbin/sshd": "ELF\n",
    "/usr/bin/sudo": "ELF\n",
    "/etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "/etc/fstab": "/dev/mmcblk0p2 / ext4 defaults 0 1\n/dev/mmcblk0p1 /boot vfat defaults 0 2\n",
    "/etc/passwd": PASSWD,
    "/etc/shadow": _SHADOW,
    "/etc/group": _GROUP,
    "/etc/gshadow": _GSHADOW,
    "/etc/shells": "/bin/sh\n/bin/bash\n",
    "/etc/sudoers": "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
    "/etc/hostname": "vanilla\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tvanilla\n\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "/etc/ssh/sshd_config": _SSHD_CONFIG,
    "/etc/network/interfaces": _INTERFACES,
    "/etc/sysconfig/iptables": _IPTABLES,
    "/etc/sysctl.conf": "#kernel.sysrq=438\n",
    "/etc/init.d/ssh": "#!/bin/sh\n",
    "/etc/init.d/kura": f"#!/bin/sh\n/bin/sh {ESF}/bin/start_kura_background.sh\n",
    "/var/lib/dpkg/status": _DPKG_STATUS,
    f"{ESF}/kura/kura.properties": "kura.version=ESF_5.0.0\nkura.keystore.password=defaultPassword\n",
    f"{ESF}/kura/dpa.properties": "#vanilla\n",
    f"{ESF}/kura/security.policy": '<?xml version="1.0"?>\n<policies/>\n',
    f"{ESF}/kura/log4j.properties": "log4j.rootCategory=INFO\n",
    f"{ESF}/kura/config.ini": "osgi.clean=true\n",
    f"{ESF}/data/snapshots/snapshot_0.xml": _SNAPSHOT,
    f"{ESF}/data/kuranet.conf": "#\n",
    f"{ESF}/bin/start_kura_background.sh": _START,
    f"{ESF}/bin/start_kura.sh": _START,
}

# The versioned directory stands behind the link, as the installer makes it; the link is absolute.
_LINKS: Mapping[str, str] = {
    "/bin": "usr/bin",
    "/sbin": "usr/sbin",
    "/lib": "usr/lib",
    "/var/run": "/run",
    "/etc/rc2.d/S01ssh": "../init.d/ssh",
    "/etc/rc3.d/S01ssh": "../init.d/ssh",
}


def a_vanilla(
    files: Mapping[str, bytes | str | None] = MappingProxyType({}),
    links: Mapping[str, str | None] = MappingProxyType({}),
    init: str = "sysv",
    esf_version: str = "5.0.0",
    directories: tuple[str, ...] = (),
    layout: Layout = LAYOUT,
) -> Vanilla:
    """An ESF 5 image on Debian 12 that has never booted; files, links and directories given replace or add to it.

    A file or link given as None is taken away. Paths go through the links of the image, so
    `/opt/eurotech/esf/kura/x` lands in the versioned directory. Every directory on the way is made, 0755 root.
    """
    nodes: dict[GuestPath, Node] = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    contents: dict[GuestPath, bytes] = {}
    wanted_links = {**_LINKS, ESF: f"/opt/eurotech/esf_{esf_version}", **links}
    for path in (f"/opt/eurotech/esf_{esf_version}", *_DIRECTORIES):
        _make_directories(nodes, GuestPath(path))
    # A link is made before what lies behind it, shorter paths first.
    for path, target in sorted(wanted_links.items(), key=lambda item: (item[0].count("/"), item[0])):
        if target is not None:
            place = _place(nodes, path, follow_last=False)
            _make_directories(nodes, place.parent)
            nodes[place] = Node(Kind.LINK, 0o777, target=target)
    for directory in (f"{ESF}/kura/packages", f"{ESF}/security/policy_backup", f"{ESF}/.data", *directories):
        _make_directories(nodes, _place(nodes, directory))
    everything: dict[str, bytes | str | None] = {**_FILES, **files}
    for path, content in sorted(everything.items()):
        if content is None:
            continue
        place = _place(nodes, path)
        _make_directories(nodes, place.parent)
        data = content.encode() if isinstance(content, str) else content
        contents[place] = data
        executable = path.endswith(".sh") or {"bin", "sbin", "init.d"} & {*place.parent.parts}
        mode = _MODES.get(path, 0o755 if executable else 0o644)
        nodes[place] = Node(Kind.FILE, mode, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    for path, mode in _MODES.items():
        place = GuestPath(path)
        if place in nodes:
            nodes[place] = replace(nodes[place], mode=mode)
    boot = Partition(1, 1 << 20, 32 << 20, "vfat", label="BOOT", mountpoint=GuestPath("/boot"))
    root = Partition(2, 33 << 20, 990 << 20, "ext4", label="root", mountpoint=GuestPath("/"))
    return Vanilla(
        sha256="11" * 32,
        disk=Disk(size=1 << 30, table="mbr", partitions=(boot, root)),
        os_release={"ID": "debian", "VERSION_ID": "12"},
        layout=layout,
        esf_version=esf_version,
        init=init,
        tree=Tree(nodes),
        files=contents,
    )


def _place(nodes: Mapping[GuestPath, Node], path: str, *, follow_last: bool = True) -> GuestPath:
    return Tree(nodes).resolve(GuestPath(path), follow_last=follow_last)


def _make_directories(nodes: dict[GuestPath, Node], path: GuestPath) -> None:
    for directory in (*path.ancestors(), path):
        nodes.setdefault(directory, Node(Kind.DIRECTORY, 0o755))
