"""Whose identity an image has: its gateway's own in a gateway's image, none in any other image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats import canonical_json
from pipeline.formats.canonical_json import JsonError
from pipeline.formats.ssh import ssh_public_key
from pipeline.formats.ssh.ssh_public_key import PublicKeyError
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.looking import MARKER, files, is_own, loose, paths, words_of
from pipeline.rules.ssh import dropbear, sshd
from pipeline.rules.ssh.host_key import public_part

MACHINE_ID = "/etc/machine-id"
BUS_IDS = ("/var/lib/dbus/machine-id", "/var/db/dbus/machine-id")
READS = (
    MACHINE_ID,
    *BUS_IDS,
    MARKER,
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ssh/**",
    "/etc/dropbear/*",
    "/var/lib/dropbear/*",
)

_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)
_UNSET = ("localhost", "localhost.localdomain", "debian", "raspberrypi", "vanilla", "")
_NO_MARKER = f"the image is no single gateway's own (no {MARKER})"


def _machine_id(view: ImageView, expected: Expected) -> Judgement:
    del expected
    breaches = [*_bus_ids(view)]
    data = view.find(MACHINE_ID)
    if data is not None and data.strip() not in (b"", b"uninitialized"):
        if not re.fullmatch(rb"[0-9a-f]{32}\n", data) or data.strip() == b"0" * 32:
            breaches.append(Breach(MACHINE_ID, 1, "not the form of a machine identity", "32 hex digits and a line end"))
        elif not is_own(view):
            breaches.append(Breach(MACHINE_ID, 1, "one machine's identity, the same in every copy", "empty or missing"))
    elif is_own(view):
        breaches.append(Breach(MACHINE_ID, 0, "no identity: the first boot makes one up", "the gateway's own"))
    return Judgement.of(breaches, "the gateway's own" if is_own(view) else "none, as a vanilla image should have")


def _bus_ids(view: ImageView) -> Iterator[Breach]:
    """An empty /etc/machine-id is filled from the bus's (machine-id(5)), so that clones the identity all the same."""
    for path in BUS_IDS:
        node = view.tree.get(view.tree.resolve(GuestPath(path), follow_last=False))
        if node is not None and not (node.kind is Kind.LINK and view.place(path) == MACHINE_ID):
            yield Breach(path, 0, "the bus has an identity of its own", f"a link to {MACHINE_ID}")


def _host_keys(view: ImageView, expected: Expected) -> Judgement:
    del expected
    if sshd.daemon(view) is None and dropbear.dropbear(view) is None:
        return Judgement.not_applicable("the image has no SSH server")
    private = host_key_files(view)
    if not is_own(view):
        if private:
            names = ", ".join(str(path) for path in private)
            return Judgement.unverifiable(f"{_NO_MARKER}: cannot see whether other images have the same {names}")
        return Judgement.not_applicable(f"{_NO_MARKER}, and it has no host keys")
    breaches: list[Breach] = []
    if not private:
        breaches.append(Breach("/etc/ssh", 0, "no host key: sshd does not start", "the gateway's own"))
    seen: dict[tuple[bytes, bool], GuestPath] = {}
    for path in private:
        node = view.node(path)
        if node is not None and node.kind is Kind.FILE:
            breaches += loose(str(path), node, 0o600)
            breaches += _pair(view, path, seen)
    return Judgement.of(breaches, f"{len(private)} host keys of this gateway's own")


def host_key_files(view: ImageView) -> tuple[GuestPath, ...]:
    """Private host keys in the usual places, and where sshd is told to look."""
    return tuple(path for path in paths(view, *_key_patterns(view)) if not path.endswith((".pub", "-cert.pub")))


def _key_patterns(view: ImageView) -> tuple[str, ...]:
    server = sshd.daemon(view)
    named = () if server is None else server.effective.everywhere.get("hostkey", ())
    told = [statement.arguments[0] for statement in named if statement.arguments[:1] and "/" in statement.arguments[0]]
    return ("/etc/ssh/ssh_host_*_key", *dropbear.KEYS, *told)


def _pair(view: ImageView, path: GuestPath, seen: dict[tuple[bytes, bool], GuestPath]) -> Iterator[Breach]:
    data = view.find(path) or b""
    if not data.strip():
        yield Breach(str(path), 0, "empty: sshd does not start, and makers of keys pass it over", "a private key")
        return
    if b"ENCRYPTED" in data[:200] or data[:40].startswith(b"ssh-"):
        yield Breach(str(path), 0, "no private key sshd can read by itself", "a private key without passphrase")
        return
    inside = public_part(data)
    if inside is None:
        yield Breach(str(path), 0, "not a private key of a form that is known", "one of OpenSSH, PEM or dropbear")
        return
    # Each server has its own form of one key; two files of one form are two names of one key.
    form = (inside, "dropbear" in path)
    if form in seen:
        yield Breach(str(path), 0, f"the same key as {seen[form]}", "a key of its own")
    seen[form] = path
    public = view.find(f"{path}.pub")
    if public is None:
        return
    try:
        stated = ssh_public_key.parse(public.decode("utf-8", "replace").strip()).blob
    except PublicKeyError as error:
        yield Breach(f"{path}.pub", 1, str(error), "the public half of the key beside it")
        return
    if stated != inside:
        yield Breach(f"{path}.pub", 1, "the public half of another key", f"that of {path}")


def _host_name(view: ImageView, expected: Expected) -> Judgement:
    del expected
    if not is_own(view):
        return Judgement.not_applicable(_NO_MARKER)
    breaches = []
    data = view.find("/etc/hostname")
    name = "" if data is None else data.decode("utf-8", "replace").strip()
    if name in _UNSET or not _HOST_NAME.fullmatch(name):
        breaches.append(Breach("/etc/hostname", 1 if data else 0, "no name of a gateway", "the gateway's own"))
    try:
        about = canonical_json.loads(view.find(MARKER) or b"")
    except JsonError:
        about = None
    stated = about.get("gateway") if isinstance(about, dict) else None
    if stated != name:
        breaches.append(Breach(MARKER, 0, "says another gateway than /etc/hostname", "the same name"))
    for path, hosts in files(view, "/etc/hosts"):
        for number, words in words_of(hosts):
            if words[0] == "127.0.1.1" and name not in words[1:]:
                breaches.append(Breach(path, number, "127.0.1.1 is somebody else", "the gateway's own name"))
    return Judgement.of(breaches, name)


RULES = (
    Rule(
        id="identity.machine_id",
        title="a gateway's image has a machine identity of its own, any other image none",
        why="Gateways that share a machine identity get each other's leases, and their logs cannot be told apart.",
        severity=Severity.MEDIUM,
        documents=("A:129",),
        references=(
            "machine-id(5)",
            "systemd Building Images Safely",
            "virt-sysprep machine-id",
            "ETSI 5.4-4",
            "CRA I.1(2)(d)",
        ),
        profile="documents",
        check=_machine_id,
        remedy="build the image with this pipeline; take the identity out of the vanilla image",
        enforced_by="identity",
    ),
    Rule(
        id="identity.host_keys",
        title="SSH host keys are there, whole, private, and nobody else's",
        why=(
            "Whoever has the key of one gateway can pretend to be any gateway that shares it, and read what "
            "administrators type."
        ),
        severity=Severity.HIGH,
        documents=("A:129", "A:135"),
        references=(
            "CIS 5.1.2",
            "CIS 5.1.3",
            "virt-sysprep ssh-hostkeys",
            "ETSI 5.4-4",
            "62443 CR 1.9",
            "CaC file_permissions_sshd_private_key",
        ),
        profile="documents",
        check=_host_keys,
        remedy="build the image with this pipeline, which derives each gateway's own",
        enforced_by="identity",
    ),
    Rule(
        id="identity.host_name",
        title="a gateway's image has its own host name, everywhere the same",
        why=(
            "Gateways with one name are mistaken for each other: in logs, in the cloud, and by whoever restarts the "
            "wrong one."
        ),
        severity=Severity.LOW,
        documents=("A:129",),
        references=("RFC 1123 2.1", "virt-sysprep net-hostname"),
        profile="documents",
        check=_host_name,
        remedy="name of the gateway in the inventory",
        enforced_by="identity",
    ),
)
