"""A whole image in memory: the demo's ESF with keystores and signed plugins, as delivered and as planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from pipeline.demo import esf
from pipeline.formats.crypto import jks
from pipeline.formats.crypto.jks import TrustedCertificate
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.release import Console, Policy, Release, Rules
from pipeline.model.rule import Expected
from pipeline.model.tree import Tree
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla
from pipeline.plan.image_plan import Inputs, plan_device, plan_product
from pipeline.rules.expectations import expected_of
from pipeline.signing.bundles.bundle import sign_bundle
from tests.support.golden import a_golden
from tests.support.hardened import secrets
from tests.support.network import GATEWAYS, NORTH
from tests.support.release import a_release
from tests.support.trust import VENDOR, VENDOR_CA, a_bundle, a_signer, a_trust, a_vendor
from tests.support.uboot import an_environment
from tests.support.vanilla import ESF, a_vanilla

REAL = "/opt/eurotech/esf_5.0.0"
PLUGIN = f"{REAL}/plugins/org.example.platform_5.0.0.jar"
CERTIFICATES = f"{REAL}/kura/certificates.ks"
CACERTS = f"{REAL}/security/cacerts.ks"

_RESTORED = {
    "snapshot_0.xml": f"{REAL}/data/snapshots/snapshot_0.xml",
    "kuranet.conf": f"{REAL}/data/kuranet.conf",
    "iptables": "/etc/sysconfig/iptables",
    "interfaces": "/etc/network/interfaces",
    "hostapd-wlan0.conf": "/etc/hostapd-wlan0.conf",
    "dhcpd-eth0.conf": "/etc/dhcpd-eth0.conf",
}
_MODES = {"/etc/monitrc": 0o700, "/etc/ppp/chap-secrets": 0o600, "/etc/ppp/pap-secrets": 0o600}


@cache
def the_vanilla(init: str = "sysv") -> Vanilla:
    """The demo's vanilla image as far as files matter, with keystores and a plugin of the tests' own vendor."""
    files: dict[str, bytes | str | None] = {str(path): content for path, content in esf.files_of("").items()}
    for name, original in _RESTORED.items():
        files[f"{REAL}/.data/{name}"] = files[original]
    files[f"{REAL}/security/policy_backup/security.policy"] = files[f"{REAL}/kura/security.policy"]
    files[PLUGIN] = sign_bundle(a_bundle("org.example.platform"), a_vendor(), "keep", name="platform")
    leaf, root = (certificate.der for certificate in a_vendor().certificates)
    files[CERTIFICATES] = keystore({"vendor": leaf, "vendor-ca": root}, esf.CERTIFICATES_PASSWORD)
    files[CACERTS] = keystore({"cloud-ca": root}, esf.CACERTS_PASSWORD)
    files["/boot/uboot.env"] = an_environment({"bootcmd": "run distro_bootcmd", "bootdelay": "2"})
    files |= {"/etc/init.d/procps": "#!/bin/sh\n", f"{ESF}/kura/kura.properties": files[f"{REAL}/kura/kura.properties"]}
    links: dict[str, str | None] = {
        "/etc/rc2.d/S02firewall": "../init.d/firewall",
        "/etc/rc2.d/S03kura": "../init.d/kura",
        "/etc/rcS.d/S02procps": "../init.d/procps",
    }
    vanilla = a_vanilla({**_without_twins(files)}, links, init=init)
    nodes = dict(vanilla.tree.nodes)
    for path, mode in _MODES.items():
        if GuestPath(path) in nodes:
            nodes[GuestPath(path)] = replace(nodes[GuestPath(path)], mode=mode)
    return replace(vanilla, tree=Tree(nodes))


def _without_twins(files: Mapping[str, bytes | str | None]) -> dict[str, bytes | str | None]:
    """Paths through the link of the installation, so that they replace what the builder has there."""
    return {path.replace(REAL, ESF): content for path, content in files.items()}


def keystore(certificates: Mapping[str, bytes], password: str) -> bytes:
    """A JKS of trusted certificates."""
    entries = [TrustedCertificate(alias, der) for alias, der in certificates.items()]
    return jks.write_keystore(entries, password, b"salt", "test keystore")


@cache
def the_release() -> Release:
    """A release whose vendor is the tests' own."""
    return a_release(policy=Policy(vendor_signers=(f"{VENDOR};{VENDOR_CA}",)))


def own_secrets(name: str) -> GatewaySecrets:
    """Strong secrets, and another machine for every name."""
    return replace(
        secrets(),
        machine_id=name.encode().hex()[:32].ljust(32, "7"),
        wifi_passphrase="qT7-mzN2_vRk8.Wd5pYc3H@x",
        console_password="hN4.wKz7@Rt2-vQm9_XcF6pB",
        certificates_password="Lm8_rTq3.VxN6@hWz2-KpD5j",
        cacerts_password="Yb5@kGt9-ZcM4.wRh7_QvX3n",
    )


@cache
def hardened(gateway: str = NORTH.name, init: str = "sysv") -> ImageView:
    """What the plan makes of it for a gateway, by name.

    Args:
        init: or ``strict`` for SysV hardened by the profile strict, with a console's user of its own name.
    """
    release = the_release()
    if init == "strict":
        own = Console(username="site-operator")
        release, init = replace(release, rules=Rules(profile="strict"), console=own), "sysv"
    return planned(next(item for item in GATEWAYS if item.name == gateway), the_vanilla(init), release)


def planned(gateway: Gateway, vanilla: Vanilla, release: Release | None = None) -> ImageView:
    """Vanilla image, product layer, device layer: as `doit build` does, without an image."""
    golden = a_golden()
    inputs = Inputs(vanilla, golden, release or the_release(), a_trust(golden, a_signer()), ())
    product = plan_product(inputs)
    device = plan_device(inputs, product, gateway, own_secrets(gateway.name))
    return ImageView.of(vanilla).after(product.layer).after(device.layer)


def vanilla_view(init: str = "sysv") -> ImageView:
    """The image as delivered."""
    return ImageView.of(the_vanilla(init))


@cache
def expected() -> Expected:
    """The release's decisions as checks see them."""
    return expected_of(the_release())


EMPTY: Mapping[str, str] = MappingProxyType({})
