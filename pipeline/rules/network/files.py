"""The network's files: readable, without what is one device's, in step with what a reset restores (A:181 to A:247)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pipeline.errors import PipelineError
from pipeline.formats.network import (
    chap_secrets,
    chat_script,
    dhcpd_conf,
    hostapd_conf,
    interfaces,
    ppp_peer,
    udhcpd_conf,
    wpa_supplicant_conf,
)
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.esf.installation import (
    Document,
    children,
    document,
    is_file,
    on_esf,
    on_network,
    place_of,
    read_documents,
    refused,
)
from pipeline.rules.grammar import hostapd, pppd, udhcpd, wpa_supplicant
from pipeline.rules.looking import harmless, paths
from pipeline.rules.network.interfaces import INTERFACES, PEERS, network

# What /etc/network/interfaces may source.
_SOURCED = "/etc/network/interfaces.d/*"

READS = (
    INTERFACES, _SOURCED, f"{PEERS}/*", "/etc/ppp/*-secrets", "/etc/ppp/scripts/*", "/etc/hostapd-*.conf",
    "/etc/hostapd/*.conf", "/etc/hostapd.conf", "/etc/wpa_supplicant-*.conf", "/etc/dhcpd-*.conf", "/etc/udhcpd-*.conf",
    "/etc/bind/named.conf", "/etc/udev/rules.d/70-persistent-net.rules", "/etc/passwd",
)  # fmt: skip

_FAMILIES = ("hostapd", "wpa_supplicant", "dhcpd", "udhcpd")
_PER_INTERFACE = re.compile(r"/etc/(hostapd|wpa_supplicant|dhcpd|udhcpd)-([A-Za-z0-9._-]+)\.conf")
_HARDWARE = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")
_READERS: Mapping[str, Callable[[str, str], object]] = {
    "hostapd": hostapd_conf.parse,
    "wpa_supplicant": wpa_supplicant_conf.parse,
    "dhcpd": dhcpd_conf.parse,
    "udhcpd": udhcpd_conf.parse,
}


def per_interface(view: ImageView, *families: str) -> Iterator[tuple[str, str, Document]]:
    """Files of one interface: family, interface, file."""
    for path in paths(view, *(f"/etc/{family}-*.conf" for family in families or _FAMILIES)):
        found = _PER_INTERFACE.fullmatch(path)
        file = document(view, path) if found and is_file(view, path) else None
        if found and file:
            yield found[1], found[2], file


def _readable(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A file its reader refuses leaves an interface down, or as its vendor left it."""
    del expected
    breaches: list[Breach] = []
    seen = 0
    try:
        around = network(view, layout)
        seen += sum(part is not None for part in (around.file, around.kura))
    except PipelineError as error:
        for path in (INTERFACES, layout.kuranet or INTERFACES):
            place = str(view.place(path))
            breaches += [item for item in refused(error, place) if not item.found.startswith("/")]
        breaches = breaches or [*refused(error, str(view.place(INTERFACES)))]
    for family, _, file in per_interface(view):
        seen += 1
        breaches += _refused(_READERS[family], file)
        told = {breach.line for breach in breaches if breach.path == file.path}
        breaches += [
            Breach(file.path, line, f"{family} refuses it: {harmless(what)}", f"a file {family} starts with")
            for line, what in _grammar(view, family, file.text)
            if line not in told
        ]
    for sourced in read_documents(view, paths(view, _SOURCED)):
        seen += 1
        breaches += _refused(interfaces.parse, sourced)
    peers = [path for path in children(view, PEERS) if is_file(view, path)]
    for peer in filter(None, (document(view, path) for path in peers)):
        seen += 1
        breaches += _refused(ppp_peer.parse, peer) or [
            Breach(peer.path, line, f"pppd refuses it: {harmless(what)}", "options of pppd")
            for line, what in pppd.refusals(peer.text)
        ]
    scripts = [path for path in children(view, "/etc/ppp/scripts") if is_file(view, path) and "chat" in path.name]
    for script in filter(None, (document(view, path) for path in scripts)):
        seen += 1
        breaches += _refused(chat_script.parse, script)
    names = ("/etc/ppp/chap-secrets", "/etc/ppp/pap-secrets")
    for secrets in filter(None, (document(view, name) for name in names)):
        seen += 1
        breaches += _refused(chap_secrets.parse, secrets)
    if not seen and not breaches:
        return Judgement.not_applicable("the image has no network files")
    return Judgement.of(breaches, f"{seen} files, each as its reader wants it")


def _grammar(view: ImageView, family: str, text: str) -> Iterator[tuple[int, str]]:
    """What the program itself refuses beyond the form of its lines."""
    if family == "hostapd":
        yield from hostapd.refusals(text, view.exists)
    elif family == "wpa_supplicant":
        yield from wpa_supplicant.refusals(text)
    elif family == "udhcpd":
        yield from udhcpd.refusals(text)


def _refused(parse: Callable[[str, str], object], file: Document) -> tuple[Breach, ...]:
    try:
        parse(file.text, file.path)
    except PipelineError as error:
        return refused(error, file.path)
    return ()


def _ppp_link(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """pppN is a link, with its target written in full, to a peer that is there (A:246, A:247)."""
    del expected
    if layout.network_truth == "snapshot":
        return Judgement.not_applicable("the framework makes the modem's files anew from its snapshot at every start")
    around = network(view, layout)
    cellular = [name for name in around.names if re.fullmatch(r"ppp\d+", name)]
    wanted = [name for name in cellular if name in around.used or name in around.links]
    if not wanted:
        return Judgement.not_applicable("no cellular interface is used")
    breaches = [breach for name in wanted for breach in _peer(view, GuestPath(f"{PEERS}/{name}"))]
    breaches += [
        Breach(f"{PEERS}/{name}", 0, f"{name} is disabled, and its peer is there", "not there")
        for name in wanted
        if around.is_disabled(name)
    ]
    return Judgement.of(breaches, f"{', '.join(wanted)} lead to peers that are there")


def _peer(view: ImageView, link: GuestPath) -> Iterator[Breach]:
    node = view.tree.get(view.tree.resolve(link, follow_last=False))
    if node is None:
        yield Breach(link, 0, "missing: the modem is never dialled", f"a link to a file in {PEERS}")
        return
    if node.kind is not Kind.LINK:
        yield Breach(link, 0, "not a symbolic link: ESF compares its target", f"a link to a file in {PEERS}")
        return
    if not re.fullmatch(rf"{PEERS}/[A-Za-z0-9._-]+", node.target):
        yield Breach(link, 0, f"points to {harmless(node.target)}", f"a full path in {PEERS}")
    target = document(view, link) if is_file(view, link) else None
    if target is None:
        yield Breach(link, 0, f"points to {harmless(node.target)}, which is not there", "a peer that is there")
        return
    for script in ppp_peer.parse(target.text, target.path).scripts:
        if not is_file(view, script):
            line = target.line_of(re.escape(script))
            yield Breach(target.path, line, f"needs {harmless(script)}, which is not there", "a script that is there")


def _factory_restore(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A factory reset copies these back: the vendor's access point would be there again (formats 3)."""
    del expected
    breaches, seen = [], 0
    for path in children(view, layout.restore):
        live_path = _restored(path.name, layout)
        copy = document(view, path) if live_path and is_file(view, path) else None
        if copy is None or live_path is None:
            continue
        seen += 1
        live = document(view, live_path)
        if live is None:
            breaches.append(
                Breach(copy.path, 0, f"would bring back {live_path}, which this gateway does not have", "not there")
            )
        elif _meaning(copy.text) != _meaning(live.text):
            breaches.append(Breach(copy.path, _difference(copy, live), f"not as {live.path}", "the same"))
    if not seen:
        return Judgement.not_applicable(f"{view.place(layout.restore)} holds no network files")
    return Judgement.of(breaches, f"{seen} copies, each as the file it would replace")


def _restored(name: str, layout: Layout) -> str | None:
    if name == "interfaces":
        return INTERFACES
    if name == "kuranet.conf":
        return layout.kuranet
    if name == "named.conf":
        return "/etc/bind/named.conf"
    return f"/etc/{name}" if _PER_INTERFACE.fullmatch(f"/etc/{name}") else None


def _meaning(text: str) -> list[str]:
    """Lines without remarks and blanks at their ends; all these files take them so."""
    return [line.rstrip() for line in text.splitlines() if line.strip() and not re.match(r"\s*#(?!!kura!)", line)]


def _difference(copy: Document, live: Document) -> int:
    known = set(_meaning(live.text))
    found = (n for n, line in enumerate(copy.text.splitlines(), 1) if _meaning(line) and line.rstrip() not in known)
    return next(found, 0)


def _hardware_addresses(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """An address of the golden sample's hardware is on no other gateway (A:129, uniqueness U7)."""
    del expected
    fixed = [INTERFACES, "/etc/udev/rules.d/70-persistent-net.rules", *([layout.kuranet] if layout.kuranet else [])]
    files = [*read_documents(view, [*fixed, *paths(view, _SOURCED)]), *(file for _, _, file in per_interface(view))]
    if not files:
        return Judgement.not_applicable("the image has no network files")
    breaches = [
        Breach(file.path, file.line_at(hit.start()), "a hardware address", "none: the file goes to many gateways")
        for file in files
        for hit in _HARDWARE.finditer(file.text)
    ]
    return Judgement.of(breaches, f"{len(files)} files without hardware addresses")


def _no_leftovers(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Secrets of a connection that is not used have no reason to be there (A:118, A:189)."""
    del expected
    around = network(view, layout)
    ppp = [path for path in children(view, PEERS) if not re.fullmatch(r"ppp\d+", path.name)]
    targets = {place_of(view, f"{PEERS}/{name}") for name in around.links}
    files = [file for family in ("hostapd", "wpa_supplicant") for _, _, file in per_interface(view, family)]
    if not ppp and not files:
        return Judgement.not_applicable("no connection of the image has secrets of its own")
    names = {place_of(view, path) for path in ppp if is_file(view, path) and _is_kuras(view, path)}
    breaches = [Breach(str(path), 0, "no pppN leads to it", "not there") for path in names - targets if path]
    for _, interface, file in per_interface(view, "hostapd", "wpa_supplicant"):
        if interface not in around.names:
            breaches.append(Breach(file.path, 0, f"nothing else knows {harmless(interface)}", "not there"))
    return Judgement.of(breaches, f"{len(names) + len(files)} files, all of connections in use")


def _is_kuras(view: ImageView, path: GuestPath) -> bool:
    """Whether ESF wrote a peer; a distribution has examples of its own beside them."""
    found = document(view, path)
    return found is not None and "/etc/ppp/scripts/" in found.text


RULES: tuple[Rule, ...] = (
    Rule(
        id="network.readable",
        title="network files are as their readers want them",
        why="A network file its reader refuses leaves the interface down, and the gateway out of reach.",
        severity=Severity.HIGH,
        documents=("A:181", "A:183"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_readable),
        remedy="export the file again from the golden sample",
        enforced_by="network",
    ),
    Rule(
        id="network.ppp_link",
        title="the cellular link leads to its peer",
        why=(
            "Without the link to the peer the modem is never dialled, and a gateway that has only the cellular network "
            "is lost."
        ),
        severity=Severity.HIGH,
        documents=("A:189", "A:246", "A:247"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_network(_ppp_link),
        remedy="ln -s /etc/ppp/peers/LE910_2-1 /etc/ppp/peers/ppp0",
        enforced_by="network",
    ),
    Rule(
        id="network.factory_restore",
        title="a factory reset brings the same network back",
        why="After a factory reset the gateway would have another network and could not be reached.",
        severity=Severity.HIGH,
        documents=("A:118", "A:119", "A:181"),
        references=("CRA I.1(2)(b)",),
        profile="documents",
        check=on_network(_factory_restore),
        remedy="copy the live file over it, or remove the copy",
        enforced_by="network",
    ),
    Rule(
        id="network.hardware_addresses",
        title="no hardware address in network files",
        why="A hardware address copied from the golden sample makes two gateways answer for one on the same network.",
        severity=Severity.MEDIUM,
        documents=("A:129", "A:181"),
        references=("ETSI 5.4-4",),
        profile="documents",
        check=on_esf(_hardware_addresses),
        remedy="take it out of the golden sample's file, and export again",
        enforced_by="network",
    ),
    Rule(
        id="network.stale",
        title="no secrets of connections that are not used",
        why="Passwords of networks nobody uses any more still open those networks to whoever reads the disk.",
        severity=Severity.MEDIUM,
        documents=("A:118", "A:120", "A:189"),
        references=("ETSI 5.4-1", "62443 CR 4.1"),
        profile="documents",
        check=on_esf(_no_leftovers),
        remedy="remove the file",
        enforced_by="network",
    ),
)
