"""Kura 5 in memory: the demonstration's installation and its golden sample, whose network is in the snapshot alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pipeline.demo import kura, pkcs12
from pipeline.demo.esf import files_of
from pipeline.formats.crypto import jks
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Snapshot
from pipeline.inputs.layout_files import choose_layouts
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.setting import SnapshotSetting
from pipeline.model.tree import Tree
from pipeline.model.vanilla import Vanilla
from tests.support.trust import HEATER, a_bundle, a_package, certificate, pkcs8_of, rsa_key
from tests.support.vanilla import a_vanilla

KURA = "/opt/eclipse/kura"
LAYOUT: Layout = choose_layouts("kura-5")[0]
CACERTS, HTTPS = f"{KURA}/user/security/cacerts.ks", f"{KURA}/user/security/httpskeystore.ks"
CLOUD = jks.TrustedCertificate("demo-cloud-ca", certificate("CN=Cloud", rsa_key("cloud"), ca=True), 1_500_000_000_000)
_EXAMPLE = Path(__file__).resolve().parents[2] / "examples/kura-5/golden"
_NONE: Mapping[str, bytes | str | None] = MappingProxyType({})

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
kurad:x:990:991::/opt/eclipse:/usr/sbin/nologin
"""


@cache
def https_store() -> bytes:
    """What an installer leaves: one key for all copies of the image, in a PKCS #12."""
    key = rsa_key("installer")
    return pkcs12.write_keystore("localhost", pkcs8_of(key), (certificate("CN=Kura", key),), "changeit")


def a_kura(files: Mapping[str, bytes | str | None] = _NONE, layout: Layout = LAYOUT) -> Vanilla:
    """The demo's Kura 5 on Debian 12 with systemd, never booted; everything below /opt/eclipse is kurad's."""
    # Under the installation's link, so that what a test gives replaces what is delivered.
    delivered: dict[str, bytes | str | None] = {
        str(path).replace(str(kura.INSTALLATION), KURA): content for path, content in files_of("", "kura5").items()
    }
    delivered |= {
        "/etc/passwd": PASSWD,
        "/etc/init.d/kura": None,
        f"{KURA}/.data/snapshot_0.xml": delivered[f"{KURA}/user/snapshots/snapshot_0.xml"],
        f"{KURA}/.data/iptables": delivered["/etc/sysconfig/iptables"],
        CACERTS: jks.write_keystore([CLOUD], "changeit", b"vendor", "vendor"),
        HTTPS: https_store(),
    }
    image = a_vanilla(
        {**delivered, **files},
        links={KURA: str(kura.INSTALLATION)},
        init="systemd",
        esf_version="5.6.0",
        directories=(f"{KURA}/data", f"{KURA}/log"),
        layout=layout,
    )
    owned = {
        path: replace(node, uid=990, gid=991) if path.is_under(GuestPath("/opt/eclipse")) else node
        for path, node in image.tree.nodes.items()
    }
    return replace(image, tree=Tree(owned))


def a_kura_golden(change: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot) -> Golden:
    """The demo's golden sample with its snapshot changed; one unsigned package."""
    content = next(_EXAMPLE.glob("snapshot_*.xml")).read_bytes()
    snapshot = esf_snapshot.load(content, "C").snapshot
    assert snapshot is not None
    packages = {"heater_1.0.0.dp": a_package({HEATER: a_bundle()})}
    dpa = f"heater=file\\:{KURA}/packages/heater_1.0.0.dp\n".encode()
    rendered = esf_snapshot.render(change(snapshot))
    return Golden("5.6.0", rendered, dpa, packages, None, {}, {}, (), (), "00" * 32, product="Kura")


def without(pid: str) -> Callable[[Snapshot], Snapshot]:
    """A change: a component is not configured."""
    return lambda snapshot: Snapshot(tuple(found for found in snapshot.configurations if found.pid != pid))


def with_values(pid: str, **values: str) -> Callable[[Snapshot], Snapshot]:
    """A change: properties of type String, underscores standing for dots."""

    def change(snapshot: Snapshot) -> Snapshot:
        component = snapshot.get(pid) or esf_snapshot.Configuration(pid)
        given = [
            replace(known, values=(value,), encrypted=False, array=False)
            if (known := component.get(name.replace("_", ".")))
            else esf_snapshot.Property(name.replace("_", "."), "String", (value,))
            for name, value in values.items()
        ]
        return snapshot.with_configuration(component.with_properties(*given))

    return change


def values_of(settings: tuple[SnapshotSetting, ...]) -> dict[str, str | None]:
    """Settings by pid and name, the first value of each."""
    return {f"{found.pid} {found.name}": found.values[0] if found.values else None for found in settings}
