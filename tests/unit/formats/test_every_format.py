"""The index of formats: what is read is written the same, and no bytes at all make a reader crash.

For every format there are three claims, each where it is promised: `render(parse(b)) == b` (byte-exact),
`parse(render(parse(b))) == parse(b)` (nothing is lost by reading and writing), and for any bytes either a value or the
error that the reader documents. `parse(render(x)) == x` for made-up values is beside each format (see `ELSEWHERE`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.errors import PipelineError
from pipeline.formats.accounts import accounts, sudoers
from pipeline.formats.boot import (
    fw_env_config,
    inittab,
    monitrc,
    shell_variables,
    sysctl_conf,
    systemd_unit,
    uboot_env,
)
from pipeline.formats.esf import esf_policy, esf_snapshot, firewall_ports, kuranet, net_properties
from pipeline.formats.java import start_script
from pipeline.formats.java.java_properties import Properties
from pipeline.formats.network import (
    chap_secrets,
    chat_script,
    dhcpd_conf,
    hostapd_conf,
    hosts_file,
    ifcfg,
    interfaces,
    named_conf,
    ppp_peer,
    udhcpd_conf,
    wpa_supplicant_conf,
)
from pipeline.formats.network.iptables import text as iptables
from pipeline.formats.packages import dpkg_status
from pipeline.formats.ssh import ssh_public_key, sshd_config
from tests.support.uboot import an_environment

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "pipeline/demo/esf_files"
GOLDEN = ROOT / "golden"


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        read: bytes to a value.
        write: the value to bytes; None where nothing is ever written.
        exact: whether what is read is written to the byte.
        refuses: what a reader says no with.
        samples: real files, which are also spoilt in many ways.
    """

    read: Callable[[bytes], Any]
    samples: tuple[bytes, ...]
    write: Callable[[Any], bytes] | None = None
    exact: bool = False
    refuses: tuple[type[Exception], ...] = field(default=(PipelineError,))


def text_format(
    parse: Callable[[str, str], Any], render: Callable[[Any], str] | None, *samples: bytes, exact: bool = False
) -> Format:
    """A format of text; bytes that are none are kept as they are here, and the caller's to refuse."""
    return Format(
        lambda data: parse(data.decode("utf-8", "surrogateescape"), "f"),
        samples,
        (lambda value: render(value).encode("utf-8", "surrogateescape")) if render else None,
        exact,
    )


def golden(path: str) -> bytes:
    return (GOLDEN / path).read_bytes()


def demo(path: str) -> bytes:
    return (DEMO / path).read_bytes()


IFCFG = (
    b'# Networking Interface\nDEVICE=eth0\nNAME="the first"\nONBOOT=yes\nBOOTPROTO=dhcp\n\n#Wireless configuration\n'
)
STATION = b'ctrl_interface=/run/wpa\nnetwork={\n    ssid="x"\n    psk="secret123"\n    scan_freq=2412\n}\n'
UDHCPD = b"start 192.168.1.100\nend 192.168.1.110\ninterface eth0\nopt subnet 255.255.255.0\nopt router 192.168.1.1\n"
PASSWD = b"root:x:0:0:root:/root:/bin/bash\nkurad:x:990:990::/opt/eclipse:/usr/sbin/nologin\n"
SHADOW = b"root:$6$salt$hash:19000:0:99999:7:::\nkurad:!:19000::::::\n"
PORTS = b"22,tcp,,,,,,#;443,tcp,10.234.0.0/16,eth0,,02:60:0c:00:00:01,1024:65535,#"
NET = {
    "net.interfaces": "lo,eth0,eth0.100",
    "net.interface.eth0.100.type": "VLAN",
    "net.interface.eth0.type": "ETHERNET",
}
STATUS = b"Package: sudo\nStatus: install ok installed\nVersion: 1.9\nArchitecture: amd64\nDescription: x\n more\n\n"

READERS: dict[str, Format] = {
    "accounts": Format(
        lambda data: accounts.parse("passwd", data), (PASSWD,), accounts.render, refuses=(accounts.AccountsError,)
    ),
    "accounts (shadow)": Format(
        lambda data: accounts.parse("shadow", data), (SHADOW,), accounts.render, refuses=(accounts.AccountsError,)
    ),
    "chap_secrets": text_format(chap_secrets.parse, chap_secrets.render, golden("etc/ppp/chap-secrets")),
    "chat_script": text_format(chat_script.parse, chat_script.render, golden("etc/ppp/scripts/chat_LE910_2-1")),
    "dhcpd_conf": text_format(dhcpd_conf.parse, dhcpd_conf.render, golden("etc/dhcpd-eth0.conf")),
    "dpkg_status": Format(dpkg_status.installed, (STATUS,)),
    "esf_policy": Format(
        lambda data: esf_policy.read_policy(data, "f"),
        (golden("opt/eurotech/esf/kura/security.policy"),),
        esf_policy.render_policy,
    ),
    "esf_snapshot": Format(
        lambda data: esf_snapshot.read(data, "A", "f").snapshot,
        (
            golden("snapshot_1735689600000.xml"),
            (ROOT / "examples/kura-5/golden/snapshot_1735689600000.xml").read_bytes(),
        ),
        esf_snapshot.render,
    ),
    "firewall_ports": text_format(firewall_ports.parse_open_ports, firewall_ports.render, PORTS),
    "fw_env_config": Format(
        fw_env_config.parse, (demo("esf5/etc/fw_env.config"),), refuses=(fw_env_config.FwEnvConfigError,)
    ),
    "hostapd_conf": text_format(hostapd_conf.parse, hostapd_conf.render, golden("etc/hostapd-wlan0.conf"), exact=True),
    "hosts_file": Format(lambda data: hosts_file.with_name(data, "127.0.1.1", "new", "old"), (b"127.0.1.1 old\n",)),
    "ifcfg": text_format(ifcfg.parse, ifcfg.render, IFCFG, exact=True),
    "inittab": Format(inittab.entries, (b"id:2:initdefault:\nS0:2345:respawn:/sbin/getty ttyS0\n",)),
    "interfaces": text_format(interfaces.parse, interfaces.render, golden("etc/network/interfaces")),
    "iptables": text_format(iptables.parse, iptables.render, golden("etc/sysconfig/iptables")),
    "java_properties": Format(
        Properties.parse, (demo("esf5/opt/eurotech/esf_5.0.0/kura/kura.properties"),), Properties.render, True
    ),
    "kuranet": text_format(kuranet.parse, kuranet.render, golden("opt/eurotech/esf/data/kuranet.conf")),
    "monitrc": Format(monitrc.checks, (demo("esf5/etc/monitrc"),)),
    "named_conf": text_format(named_conf.parse, None, golden("etc/bind/named.conf")),
    "ppp_peer": text_format(ppp_peer.parse, ppp_peer.render, golden("etc/ppp/peers/LE910_2-1")),
    "shell_variables": Format(shell_variables.assignments, (b"A=1\nexport B='x y'\n",)),
    "ssh_public_key": Format(
        lambda data: ssh_public_key.parse(data.decode("latin-1")),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea operator@example",),
        refuses=(ssh_public_key.PublicKeyError,),
    ),
    "sshd_config": Format(
        sshd_config.parse,
        (b"Port 22\nPermitRootLogin no\nMatch User x\n    X11Forwarding no\n",),
        sshd_config.render,
        True,
        (sshd_config.SshdConfigError,),
    ),
    "start_script": Format(
        lambda data: start_script.java_commands(data.decode("utf-8", "surrogateescape")),
        (demo("kura5/opt/eclipse/kura_5.6.0_generic-x86_64/bin/start_kura_background.sh"),),
    ),
    "sudoers": Format(sudoers.parse, (b"Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n",)),
    "sysctl_conf": Format(sysctl_conf.parse, (b"# x\nkernel.sysrq = 0\n",), sysctl_conf.render, True),
    "systemd_unit": Format(
        lambda data: systemd_unit.parse(data, "f"), (demo("kura5/usr/lib/systemd/system/kura.service"),)
    ),
    "uboot_env": Format(
        uboot_env.parse,
        (an_environment({"bootdelay": "2", "bootcmd": "run x"}, flags=None), an_environment({"a": "b"}, flags=1)),
        uboot_env.render,
        True,
        (uboot_env.UbootEnvError,),
    ),
    "udhcpd_conf": text_format(udhcpd_conf.parse, udhcpd_conf.render, UDHCPD),
    "wpa_supplicant_conf": text_format(wpa_supplicant_conf.parse, wpa_supplicant_conf.render, STATION),
}

# Where the same is shown of formats that are not of lines of text, or are only ever written.
ELSEWHERE = {
    "bmap_text": "tests/unit/image/containers/test_delta.py",
    "custom_script": "tests/unit/formats/esf/test_custom_script.py",
    "kura_aes": "tests/unit/formats/crypto/test_kura_aes.py",
    "hash_tree": "tests/unit/formats/archive/test_hash_tree.py",
    "merge_patch": "tests/unit/formats/test_merge_patch.py",
    "own_settings": "tests/unit/transforms/esf/snapshot/test_own_names.py",
    "zstd_zeros": "tests/unit/image/containers/test_delta.py",
    "pkcs12": "tests/unit/formats/crypto/test_pkcs12.py",
    "shell": "tests/unit/formats/shell/test_trace.py",
    "bdb_hash": "tests/unit/formats/packages/test_package_databases.py",
    "bmap": "tests/unit/image/write/test_bmap.py",
    "canonical_json": "tests/unit/formats/test_canonical_json.py",
    "crypt_hash": "tests/unit/formats/accounts/test_crypt_hash.py",
    "deployment_package": "tests/unit/formats/esf/test_deployment_package.py",
    "der": "tests/unit/formats/crypto/test_der.py",
    "distinguished_name": "tests/unit/formats/crypto/test_distinguished_name.py",
    "dropbear_key": "tests/unit/formats/ssh/test_dropbear_key.py",
    "jar": "tests/unit/formats/crypto/test_fuzz.py",
    "jar_manifest": "tests/unit/formats/java/test_jar_manifest.py",
    "java_permissions": "tests/unit/transforms/esf/policy/test_policy.py",
    "jks": "tests/unit/formats/crypto/test_jks.py",
    "json_schema": "tests/unit/formats/test_json_schema.py",
    "net_properties": "tests/unit/formats/test_every_format.py",
    "pkcs11_uri": "tests/unit/formats/crypto/test_fuzz.py",
    "rpm_header": "tests/unit/formats/packages/test_package_databases.py",
    "signature_block": "tests/unit/formats/crypto/test_signature_block.py",
    "sqlite_table": "tests/unit/formats/packages/test_package_databases.py",
    "allowed_signers": "tests/unit/formats/ssh/test_allowed_signers.py",
    "sshsig": "tests/unit/formats/ssh/test_sshsig.py",
    "timestamp": "tests/unit/formats/crypto/test_fuzz.py",
    "toml_string": "tests/unit/classification",
    "tree_text": "tests/unit/formats/test_tree_text.py",
    "zip_archive": "tests/unit/formats/archive/test_zip_archive.py",
}


def test_every_format_is_in_the_index() -> None:
    place = Path(pipeline.__file__).parent / "formats"
    packages = {"esf_snapshot", "iptables", "shell", "sudoers"}
    files = [path for path in place.rglob("*.py") if path.name != "__init__.py" and path.parent.name not in packages]
    modules = {path.stem for path in files} | packages
    listed = {name.split(" ")[0] for name in READERS} | set(ELSEWHERE)
    assert modules == listed
    for name, where in ELSEWHERE.items():
        assert (ROOT / where).exists(), f"{name}: {where}"


def survives(data: bytes, known: Format) -> None:
    """The three claims, for one file."""
    try:
        value = known.read(data)
    except known.refuses:
        return
    if known.write is None:
        return
    try:
        written = known.write(value)
    except PipelineError:  # a value that was read, and that the format has no safe way to write
        return
    if known.exact:
        assert written == data or (not data.endswith(b"\n") and written == data + b"\n")
    assert known.read(written) == value


@pytest.mark.parametrize("name", READERS)
def test_real_files(name: str) -> None:
    known = READERS[name]
    for sample in known.samples:
        value = known.read(sample)
        if known.write is not None:
            written = known.write(value)
            assert known.read(written) == value
            assert known.write(known.read(written)) == written  # a second pass changes nothing
            if known.exact:
                assert written == sample


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=120) | st.text("\"'\\#!;{}=:,<>&$ \n\tabz0129/-", max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    survives(data, READERS[name])


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_spoilt_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(READERS[name].samples))
    start = data.draw(st.integers(0, len(sample)))
    end = min(len(sample), start + data.draw(st.integers(0, 12)))
    put = data.draw(st.binary(max_size=4) | st.sampled_from([b"\n", b'"', b"\\", b"\0", b"=", b"}", b"<", b"\xc3\xa4"]))
    survives(sample[:start] + put + sample[end:], READERS[name])


NAMES = st.from_regex(r"[a-z]{1,4}[0-9]?(\.[0-9]{1,3})?|[0-9]-[0-9](\.[0-9])?", fullmatch=True)
KEYS = st.from_regex(r"(config\.)?[a-z]{1,6}(\.[a-z]{1,6})?", fullmatch=True)


@given(st.dictionaries(NAMES, st.dictionaries(KEYS, st.text(max_size=8), max_size=4), max_size=5))
def test_network_sections_come_back(section: dict[str, dict[str, str]]) -> None:
    properties = {"net.interfaces": ", ".join(section)}
    for name, values in section.items():
        properties |= {f"net.interface.{name}.{key}": value for key, value in values.items()}
    assert net_properties.interfaces_of(properties) == section
    assert set(net_properties.interfaces_of(NET)) == {"lo", "eth0", "eth0.100"}
    assert net_properties.interfaces_of(NET)["eth0.100"] == {"type": "VLAN"}


LINE = st.builds(
    ifcfg.Line,
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True),
    st.text([chr(code) for code in range(0x20, 0x7F) if chr(code) not in "\"$`\\'"], max_size=12),
    st.sampled_from(['"', "'"]),
)


@given(
    st.lists(LINE, max_size=6),
    st.dictionaries(st.from_regex(r"[A-Z]{1,3}", fullmatch=True), st.text("a b", max_size=3)),
)
def test_ifcfg_files_come_back(lines: list[ifcfg.Line], values: dict[str, str]) -> None:
    file = ifcfg.Ifcfg(tuple(lines))
    assert ifcfg.parse(ifcfg.render(file), "f") == file
    changed = file.changed(values)
    assert {key: changed.get(key) for key in values} == values
    assert ifcfg.parse(ifcfg.render(changed), "f") == changed
