"""One installation and one golden sample for each layout: the demonstrations', moved to where it keeps things."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from pipeline.formats.crypto import jks
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Configuration, Property, Snapshot
from pipeline.inputs.layout_files import layouts_with
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.keystores.services import BUNDLES, SERVICE
from tests.support import esf_view, kura
from tests.support.esf.installations import VERSIONS, as_installed
from tests.support.golden import a_golden
from tests.support.trust import HEATER, a_bundle, a_package, a_vendor
from tests.support.uboot import an_environment
from tests.support.vanilla import PASSWD, a_vanilla

RELEASES = {
    "esf-5": "5.0.0", "esf-6": "6.2.1", "esf-7-0": "7.0.0", "esf-7": "7.2.1",
    "kura-3": "3.0.0", "kura-3-edison": "3.0.0", "kura-4": "4.1.2", "kura-5-0": "5.0.0", "kura-5": "5.6.0",
    "kura-6": "6.0.0",
}  # fmt: skip
NAMED = "/opt/eurotech/esf/user/security/certificates.ks"
"""Where the tests' user says that ESF 6 keeps its bundle signers."""

LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in layouts_with(NAMED)}

_OTHERS: Mapping[str, bytes | str | None] = {
    "/boot/uboot.env": an_environment({"bootcmd": "run distro_bootcmd", "bootdelay": "2"}),
    "/etc/named.rfc1912.zones": "",
    "/etc/sysconfig/iptables": None,
}
_SINGLE = ("dpa", "properties", "custom_properties", "policy", "cacerts", "certificates", "kuranet")
_DIRECTORIES = ("snapshots", "packages", "policy_backup")
_NETWORK = "org.eclipse.kura.net.admin."
_PROVISIONING = "org.eclipse.kura.provisioning.ProvisioningService"


@cache
def a_vanilla_of(name: str) -> Vanilla:
    """The vanilla image of a layout, never booted: Kura's as its installer leaves it, ESF's as our best guess."""
    layout = LAYOUTS[name]
    if name in VERSIONS:
        return _of_installer(name)
    image = kura.a_kura(_OTHERS) if layout.generation == "C" else esf_view.the_vanilla()
    image = _moved(image, layout, RELEASES[name])
    if layout.generation == "C":
        nodes = dict(image.tree.nodes)
        started = GuestPath("/etc/systemd/system/multi-user.target.wants/firewall.service")
        nodes[started] = Node(Kind.LINK, 0o777, target="/lib/systemd/system/firewall.service")
        _directories(nodes, started)
        image = replace(image, tree=Tree(nodes))
    return _with_policy(image) if name.startswith("esf-7") else image


def _of_installer(name: str) -> Vanilla:
    """A Debian in memory, and over it what the installer of that generation makes."""
    layout, systemd = LAYOUTS[name], LAYOUTS[name].generation == "C"
    plain = a_vanilla(
        {**_OTHERS, "/etc/passwd": kura.PASSWD if systemd else PASSWD}, init="systemd" if systemd else "sysv"
    )
    gone = GuestPath("/opt/eurotech")
    nodes = {
        path: node for path, node in plain.tree.nodes.items() if not path.is_under(gone) and path != "/etc/init.d/kura"
    }
    files = {path: content for path, content in plain.files.items() if path in nodes}
    for path, member in as_installed(name).items():
        place = plain.tree.resolve(path, follow_last=False)
        content = member.read()
        node = Node(member.kind, member.mode, member.uid, member.gid, target=member.target)
        if member.kind is Kind.FILE:
            files[place] = content
            node = replace(node, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        nodes[place] = node
    for path in list(nodes):
        _directories(nodes, path)
    return replace(plain, layout=layout, esf_version=RELEASES[name], tree=Tree(nodes), files=files)


@cache
def a_golden_of(name: str) -> Golden:
    """The export of a golden sample of a layout's release: one package, and what else its generation has."""
    layout = LAYOUTS[name]
    old, source = (kura.LAYOUT, kura.a_kura_golden()) if layout.generation == "C" else (_esf_5(), a_golden())
    dpa = f"heater=file\\:{layout.packages}/heater_1.0.0.dp\n".encode()
    words = dict(_words(old, layout))
    snapshot = esf_snapshot.read(_reworded(source.snapshot, words), layout.generation, "test").snapshot
    assert snapshot is not None
    network, links = source.network, source.links
    if layout.generation == "C" and layout.network_truth == "files":
        network, links = a_golden().network, a_golden().links
        snapshot = _with_network(snapshot)
    if name.startswith("esf-7"):
        snapshot = _of_esf(snapshot, layout)
    return replace(
        source,
        esf_version=RELEASES[name],
        product=layout.product,
        snapshot=esf_snapshot.render(snapshot),
        dpa=dpa,
        packages={"heater_1.0.0.dp": a_package({HEATER: a_bundle()})},
        policy=a_golden().policy if layout.policy is not None else None,
        network={_network_place(path, layout): content for path, content in network.items()},
        links=links,
    )


def _esf_5() -> Layout:
    return LAYOUTS["esf-5"]


def _network_place(path: GuestPath, layout: Layout) -> GuestPath:
    return layout.kuranet if path == _esf_5().kuranet and layout.kuranet is not None else path


def _relative(layout: Layout, path: GuestPath) -> str:
    return posixpath.relpath(path, layout.root)


def _words(old: Layout, new: Layout) -> Iterator[tuple[bytes, bytes]]:
    """How texts name what has moved, longest first: below a variable, and with the whole path."""
    for name in (*_SINGLE, *_DIRECTORIES):
        before, after = getattr(old, name), getattr(new, name)
        if before is not None and after is not None and before != after:
            yield f"/{_relative(old, before)}".encode(), f"/{_relative(new, after)}".encode()
    yield str(old.root).encode(), str(new.root).encode()


def _reworded(content: bytes, words: Mapping[bytes, bytes]) -> bytes:
    for before in sorted(words, key=lambda word: (-len(word), word)):
        content = content.replace(before, words[before])
    return content


def _moved(image: Vanilla, layout: Layout, release: str) -> Vanilla:
    """The image with the installation where a layout has it, under the name of its release."""
    old = image.layout
    here = image.tree.resolve(old.root)
    there = GuestPath(f"{layout.root}_{release}")
    places = {}
    for name in (*_SINGLE, *_DIRECTORIES):
        before, after = getattr(old, name), getattr(layout, name)
        if before is not None:
            moved = None if after is None else there / _relative(layout, after)
            places[here / _relative(old, before)] = moved
    words = dict(_words(old, layout))
    stated = f"kura.version={layout.product.upper()}_{release}".encode()
    nodes: dict[GuestPath, Node] = {}
    files: dict[GuestPath, bytes] = {}
    builders = _esf_5().root.parent  # the builder of images puts an ESF 5 beside Kura
    for path, node in sorted(image.tree.nodes.items()):
        if old.product == "Kura" and path.is_under(builders):
            continue
        place = _new_place(path, here, there, places)
        if path == old.root:
            place, node = layout.root, replace(node, target=str(there))
        if place is None:
            continue
        content = image.files.get(path)
        if content is not None and not path.endswith((".ks", ".jar", ".dp")):
            content = _reworded(content, words)
            if path == here / _relative(old, old.properties):
                content = b"\n".join(
                    stated if line.startswith(b"kura.version") else line for line in content.split(b"\n")
                )
        if content is not None:
            files[place] = content
            node = replace(node, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        nodes[place] = node
    for path in list(nodes):
        _directories(nodes, path)
    return replace(image, layout=layout, esf_version=release, tree=Tree(nodes), files=files)


def _new_place(
    path: GuestPath, here: GuestPath, there: GuestPath, places: Mapping[GuestPath, GuestPath | None]
) -> GuestPath | None:
    for before, after in sorted(places.items(), key=lambda item: -len(item[0])):
        if path == before or path.is_under(before):
            return None if after is None else GuestPath(after + path[len(before) :])
    if path == here or path.is_under(here):
        return GuestPath(there + path[len(here) :])
    return path


def _directories(nodes: dict[GuestPath, Node], path: GuestPath) -> None:
    while path.parent != path:
        path = path.parent
        nodes.setdefault(path, Node(Kind.DIRECTORY, 0o755))


def _with_policy(image: Vanilla) -> Vanilla:
    """What ESF 7 has beside Kura 5: a security policy with its copy, and bundle signers in a keystore service."""
    layout, first = image.layout, esf_view.the_vanilla()
    assert layout.policy is not None
    assert layout.policy_backup is not None
    policy = first.read(_esf_5().policy or GuestPath("/"))
    leaf, root = (certificate.der for certificate in a_vendor().certificates)
    store = jks.write_keystore(
        [jks.TrustedCertificate("vendor", leaf), jks.TrustedCertificate("vendor-ca", root)], "changeit", b"s", "test"
    )
    snapshot = layout.snapshots / "snapshot_0.xml"
    delivered = esf_snapshot.load(image.read(snapshot), "C").snapshot
    assert delivered is not None
    added = {
        layout.policy: policy,
        layout.policy_backup: policy,
        layout.cacerts.parent / "dmkeystore.ks": store,
        layout.root / "plugins/org.example.platform_7.0.0.jar": first.read(GuestPath(esf_view.PLUGIN)),
        snapshot: esf_snapshot.render(_of_esf(delivered, layout)),
    }
    nodes, files = dict(image.tree.nodes), dict(image.files)
    for path, content in added.items():
        place = image.tree.resolve(path)
        files[place] = content
        known = nodes.get(place, Node(Kind.FILE, 0o644, 990, 991))
        nodes[place] = replace(known, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        _directories(nodes, place)
    return replace(image, tree=Tree(nodes), files=files)


def _of_esf(snapshot: Snapshot, layout: Layout) -> Snapshot:
    """With provisioning, and the keystore service of bundle signers."""
    esf = esf_snapshot.read(a_golden().snapshot, "A", "test").snapshot
    assert esf is not None
    tls = next(found for found in snapshot.instances_of(SERVICE) if found.text("keystore.path") == layout.cacerts)
    store = Configuration(BUNDLES, tls.properties).with_properties(
        Property("keystore.path", "String", (str(layout.cacerts.parent / "dmkeystore.ks"),)),
        Property("kura.service.pid", "String", (BUNDLES,)),
    )
    return snapshot.with_configuration(esf.by_pid[_PROVISIONING]).with_configuration(store)


def _with_network(snapshot: Snapshot) -> Snapshot:
    """With the network and firewall that the files of ESF 5's golden sample are of."""
    esf = esf_snapshot.read(a_golden().snapshot, "A", "test").snapshot
    assert esf is not None
    for pid, configuration in esf.by_pid.items():
        if pid.startswith(_NETWORK):
            snapshot = snapshot.with_configuration(configuration)
    return snapshot
