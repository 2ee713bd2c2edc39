"""What the genuine installer of each generation of Kura leaves, path by path: own wording, the facts of kura-facts.md.

One tree a generation, as installed and never started: nothing that only a running framework makes (``packages/``,
``dpa.properties``, a second snapshot). The same members become an image in memory (`tests.support.every_layout`) and a
disk (`tests.long.genuine_builds`). Texts are the demonstrations', moved to where a generation keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from pipeline.demo import kura as demo_kura
from pipeline.demo.esf import files_of
from pipeline.demo.members import Member
from pipeline.formats.crypto import jks
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind
from tests.support import kura
from tests.support.esf import kura3, kura6
from tests.support.trust import a_bundle

VERSIONS = {"kura-3": "3.0.0", "kura-3-edison": "3.0.0", "kura-4": "4.1.2", "kura-5-0": "5.0.0", "kura-6": "6.0.0"}
_PROFILE = {"kura-3": "_raspberry-pi-2", "kura-3-edison": "_intel-edison", "kura-4": "_raspberry-pi-2"}
ROOTS = {"kura-3-edison": "/home/root/eclipse"}
RNDC_KEY = (
    b'key "rndc-key" {\n\talgorithm hmac-sha256;\n\tsecret "c2hhcmVkIGJ5IGFsbCBjb3BpZXMgb2YgdGhpcyBpbWFnZSE=";\n};\n'
)

_ESF = "/opt/eurotech/esf_5.0.0"
_NETWORK = ("dhcpd-eth0.conf", "dhcpd-wlan0.conf", "hostapd-wlan0.conf")
_SCRIPTS = ("start_kura.sh", "start_kura_background.sh", "start_kura_debug.sh")
Files = dict[str, Member]


def as_installed(name: str, owner: tuple[int, int] = (990, 991)) -> dict[GuestPath, Member]:
    """Every path that an installer of a generation makes or replaces.

    Args:
        name: of a layout in `VERSIONS`.
        owner: number of the process's user and group, from Kura 5 on.
    """
    parent = ROOTS.get(name, "/opt/eclipse")
    made = _GENERATIONS[name](name, owner)
    return {
        GuestPath(path.replace("/opt/eclipse", parent)): _below(member, parent) for path, member in sorted(made.items())
    }


def _below(member: Member, parent: str) -> Member:
    """Texts and links name another directory on Edison; keystores and archives name none."""
    content = member.read()
    if member.kind is Kind.FILE and b"\0" not in content:
        member = replace(member, content=content.replace(b"/opt/eclipse", parent.encode()))
    return replace(member, target=member.target.replace("/opt/eclipse", parent))


def installation(name: str) -> str:
    """The versioned directory, or from Kura 6 on the only one."""
    if name == "kura-6":
        return kura.KURA
    return f"/opt/eclipse/kura_{VERSIONS[name]}{_PROFILE.get(name, '_raspberry-pi-2')}"


def _text(content: str | bytes, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> Member:
    return Member(Kind.FILE, mode, *owner, content=content.encode() if isinstance(content, str) else content)


@cache
def _texts(name: str, tree: str) -> Mapping[str, bytes]:
    """The demonstration's texts, as this release and its paths call things."""
    old = ((_ESF, installation(name)), ("/opt/eurotech/esf", kura.KURA), ("ESF_5.0.0", f"KURA_{VERSIONS[name]}"))
    if tree == "kura5":
        old = (
            (str(demo_kura.INSTALLATION), installation(name)),
            ("KURA_5.6.0", f"KURA_{VERSIONS[name]}"),
            ("generic-x86_64", "raspberry-pi-2"),
        )
    found: dict[str, bytes] = {}
    for path, content in files_of("", tree).items():
        place = str(path)
        for before, after in old:
            place = place.replace(before, after)
            content = content.replace(before.encode(), after.encode())
        found[place] = content
    return found


def _common(name: str, owner: tuple[int, int]) -> Files:
    """What Kura 3, 4 and 5.0 have alike: files of the network, and copies of them for a factory reset."""
    esf, root = _texts(name, "esf5"), installation(name)
    found: Files = {
        "/etc/apparmor.d/usr.sbin.named": _text("/usr/sbin/named flags=(complain) {\n}\n"),
        "/etc/logrotate.conf": _text("weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n"),
        "/etc/logrotate.d/kura": _text(kura3.ROTATION),
        "/etc/network/if-down.d/ifdown-local": _text(kura3.HOOK, 0o755),
        "/etc/network/if-up.d/ifup-local": _text(kura3.HOOK, 0o755),
        "/etc/bind/rndc.key": _text(RNDC_KEY, 0o640),
        "/etc/sysctl.conf": _text("net.ipv4.ip_forward=0\nnet.ipv6.conf.all.disable_ipv6=1\n"),
        kura.KURA: Member(Kind.LINK, 0o777, target=root),
        f"{root}/log": Member(Kind.DIRECTORY, 0o755),
        f"{root}/data": Member(Kind.DIRECTORY, 0o755),
    }
    for path in ("/etc/bind/named.conf", "/etc/named.rfc1912.zones", "/etc/network/interfaces", "/var/named/named.ca"):
        found[path] = _text(esf[path])
    for file in _NETWORK:
        found[f"/etc/{file}"] = _text(esf[f"/etc/{file}"], owner=owner)
        found[f"{root}/.data/{file}"] = _text(esf[f"/etc/{file}"])
    found[f"{root}/.data/interfaces"] = found["/etc/network/interfaces"]
    return found


def _with_scripts(found: Files) -> Files:
    found["/etc/init.d/firewall"] = _text(kura3.FIREWALL, 0o755)
    found["/etc/init.d/kura"] = _text(kura3.KURA, 0o755)
    for script in ("firewall", "kura"):
        for level in "2345":
            found[f"/etc/rc{level}.d/S01{script}"] = Member(Kind.LINK, 0o777, target=f"../init.d/{script}")
        for level in "016":
            found[f"/etc/rc{level}.d/K01{script}"] = Member(Kind.LINK, 0o777, target=f"../init.d/{script}")
    found["/etc/monit/conf.d/monitrc.raspbian"] = _text(kura3.MONIT)
    return found


def _kura_3(name: str, owner: tuple[int, int]) -> Files:
    """No ``security/``, no copy of the snapshot: both come with the first start."""
    root, esf = installation(name), _texts(name, "esf5")
    found = _with_scripts(_common(name, (0, 0)))
    for file in (
        "jdk.dio.policy",
        "jdk.dio.properties",
        "kura.properties",
        "kura_custom.properties",
        "log4j.properties",
    ):
        found[f"{root}/kura/{file}"] = _text(_without_passwords(esf[f"{root}/kura/{file}"]))
    found[f"{root}/kura/config.ini"] = _text(_CONFIG)
    for script in _SCRIPTS:
        found[f"{root}/bin/{script}"] = _text(esf[f"{root}/bin/{script}"], 0o777)
    found[f"{root}/.data/.recoverDefaultConfig.sh"] = _text(esf[f"{root}/.data/.recoverDefaultConfig.sh"], 0o755)
    found[f"{root}/data/snapshots/snapshot_0.xml"] = _text(esf[f"{root}/data/snapshots/snapshot_0.xml"])
    for path in (f"{root}/data/kuranet.conf", f"{root}/.data/kuranet.conf"):
        found[path] = _text(esf[f"{root}/data/kuranet.conf"])
    for path in ("/etc/sysconfig/iptables", f"{root}/.data/iptables"):
        found[path] = _text(esf["/etc/sysconfig/iptables"])
    return {**found, **_plugins(root, ("plugins", "kura/plugins"))}


def _kura_4(name: str, owner: tuple[int, int]) -> Files:
    """As Kura 3, in other directories, with a keystore and a copy of the snapshot."""
    root, found = installation(name), _kura_3(name, owner)
    moved = {
        f"{root}/kura/kura_custom.properties": f"{root}/user/kura_custom.properties",
        f"{root}/kura/log4j.properties": f"{root}/user/log4j.xml",
        f"{root}/kura/plugins": f"{root}/plugins",
        f"{root}/kura/": f"{root}/framework/",
        f"{root}/data/": f"{root}/user/",
        f"{root}/.data/.recoverDefaultConfig.sh": f"{root}/bin/.recoverDefaultConfig.sh",
    }
    words = {
        "${DIR}/kura/kura_custom.properties": "${DIR}/user/kura_custom.properties",
        "${DIR}/kura/dpa.properties": "${DIR}/data/dpa.properties",
        "-Dlog4j.configuration=": "-Dlog4j.configurationFile=",
        "${DIR}/kura/log4j.properties": "${DIR}/user/log4j.xml",
        "-Dkura.home=${DIR}/kura ": "-Dkura.home=${DIR} ",
        "${DIR}/kura/": "${DIR}/framework/",
        "/opt/eclipse/kura/kura/packages": "/opt/eclipse/kura/data/packages",
        "/opt/eclipse/kura/data/snapshots": "/opt/eclipse/kura/user/snapshots",
        "/opt/eclipse/kura/data/kuranet.conf": "/opt/eclipse/kura/user/kuranet.conf",
        "/opt/eclipse/kura/kura/": "/opt/eclipse/kura/framework/",
        "/opt/eclipse/kura/security/": "/opt/eclipse/kura/user/security/",
    }
    placed: Files = {}
    for path, member in found.items():
        for before, after in moved.items():
            if path == before or (before.endswith(("/", "plugins")) and path.startswith(before)):
                path = after + path[len(before) :]
                break
        placed[path] = _worded(member, words)
    properties = placed[f"{root}/framework/kura.properties"]
    stated = properties.read() + b"\n# --- the keystore's initial password\nkura.ssl.keyStorePassword=changeit\n"
    placed[f"{root}/framework/kura.properties"] = replace(properties, content=stated)
    placed[f"{root}/data"] = Member(Kind.DIRECTORY, 0o755)
    placed[f"{root}/user/security/cacerts.ks"] = _text(
        jks.write_keystore([kura.CLOUD], "changeit", b"vendor", "vendor")
    )
    placed[f"{root}/.data/snapshot_0.xml"] = placed[f"{root}/user/snapshots/snapshot_0.xml"]
    return placed


def _kura_5_0(name: str, owner: tuple[int, int]) -> Files:
    """Units instead of scripts, a user of its own, rules in own chains; the network is still in files."""
    root, texts, esf = installation(name), _texts(name, "kura5"), _texts(name, "esf5")
    found = _common(name, owner)
    for path, content in texts.items():
        if path.startswith(root):
            mode = 0o777 if path.endswith(_SCRIPTS) else 0o755 if "/bin/" in path else 0o644
            found[path] = _text(content, mode, owner)
    del found[f"{root}/bin/gen_config_ini.sh"]
    _units(found, kura3.UNIT_5_0.encode(), texts["/usr/lib/systemd/system/firewall.service"], "/lib/systemd/system")
    for path in (f"{root}/user/kuranet.conf", f"{root}/.data/kuranet.conf"):
        found[path] = _text(esf[f"{root}/data/kuranet.conf"], owner=owner)
    for path in ("/etc/sysconfig/iptables", f"{root}/.data/iptables"):
        found[path] = _text(texts["/etc/sysconfig/iptables"])
    found |= _keystores(root, owner)
    found[f"{root}/.data/snapshot_0.xml"] = found[f"{root}/user/snapshots/snapshot_0.xml"]
    for path in ("/opt/eclipse", root, f"{root}/console/skin", f"{root}/data", f"{root}/bin", f"{root}/user"):
        found[path] = Member(Kind.DIRECTORY, 0o755, *owner)
    return {**found, **_plugins(root, ("plugins",), owner)}


def _kura_6(name: str, owner: tuple[int, int]) -> Files:
    """``kura-core``, and ``kura-networking``, which lays down no rules and a unit that starts nothing."""
    root, texts = installation(name), _texts(name, "kura5")
    found: Files = {}
    for path, content in texts.items():
        if path.startswith(root) and not path.rpartition("/")[2].startswith("start_"):
            found[path] = _text(content, 0o700 if "/bin/" in path else 0o600, owner)
    found[f"{root}/bin/start_kura.sh"] = _text(kura6.SCRIPT, 0o700, owner)
    _units(found, kura6.UNIT.encode(), kura6.FIREWALL_UNIT.encode(), "/usr/lib/systemd/system")
    found["/etc/bind/rndc.key"] = _text(RNDC_KEY, 0o640)
    for path in ("/etc/NetworkManager/conf.d/99-kura-nm.conf", "/etc/tmpfiles.d/kura.conf"):
        found[path] = _text(texts[path])
    found |= _keystores(root, owner)
    for path in (root, f"{root}/data", f"{root}/log", f"{root}/bin", f"{root}/user", f"{root}/console/skin"):
        found[path] = Member(Kind.DIRECTORY, 0o700, *owner)
    found["/opt/eclipse"] = Member(Kind.DIRECTORY, 0o755, *owner)
    found[root] = Member(Kind.DIRECTORY, 0o755, *owner)
    return {**found, **_plugins(root, ("plugins",), owner)}


def _units(found: Files, kura_unit: bytes, firewall: bytes, linked: str) -> None:
    for unit, content in (("kura", kura_unit), ("firewall", firewall)):
        found[f"/usr/lib/systemd/system/{unit}.service"] = _text(content)
        found[f"/etc/systemd/system/multi-user.target.wants/{unit}.service"] = Member(
            Kind.LINK, 0o777, target=f"{linked}/{unit}.service"
        )


def _keystores(root: str, owner: tuple[int, int]) -> Files:
    """Certificates as JKS; the console's key as PKCS #12, written by root after owners and modes were set."""
    cacerts = jks.write_keystore([kura.CLOUD], "changeit", b"vendor", "vendor")
    return {
        f"{root}/user/security/cacerts.ks": _text(cacerts, owner=owner),
        f"{root}/user/security/httpskeystore.ks": _text(kura.https_store()),
    }


def _plugins(root: str, directories: Iterable[str], owner: tuple[int, int] = (0, 0)) -> Files:
    """Bundles that stand for the platform's many."""
    name = "org.example.platform.core"
    return {f"{root}/{place}/{name}_1.0.0.jar": _text(a_bundle(name), owner=owner) for place in directories}


def _without_passwords(properties: bytes) -> bytes:
    """Kura 3 has no keystore and no password of one in its properties."""
    return b"".join(line for line in properties.splitlines(keepends=True) if b"eystore" not in line.lower())


def _worded(member: Member, words: Mapping[str, str]) -> Member:
    content = member.read()
    if member.kind is not Kind.FILE or b"\0" in content:
        return member
    for before, after in words.items():
        content = content.replace(before.encode(), after.encode())
    return replace(member, content=content)


_CONFIG = """\
osgi.framework=file\\:plugins/org.eclipse.osgi_3.11.1.v20160708-1632.jar
osgi.bundles=reference:file:/opt/eclipse/kura/plugins/org.example.platform.core_1.0.0.jar@4:start
osgi.clean=true
osgi.noShutdown=true
osgi.bundles.defaultStartLevel=5
org.osgi.service.http.port=80
eclipse.ignoreApp=true
"""

_GENERATIONS: Mapping[str, Callable[[str, tuple[int, int]], Files]] = {
    "kura-3": _kura_3, "kura-3-edison": _kura_3, "kura-4": _kura_4, "kura-5-0": _kura_5_0, "kura-6": _kura_6,
}  # fmt: skip
