"""What makes a gateway this one: nobody else's identity in the image, its own put in (uniqueness rules U1 to U25)."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.formats.network import hosts_file
from pipeline.formats.ssh import dropbear_key
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Origin, Removal, combine
from pipeline.model.release import Release
from pipeline.model.tree import Kind
from pipeline.model.tree_glob import glob
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla

# Says that an image was made by this pipeline; one that has it is no vanilla image.
MARKER = GuestPath("/etc/gateway-image.json")
MACHINE_ID = GuestPath("/etc/machine-id")
BUS_ID = GuestPath("/var/lib/dbus/machine-id")

# Pattern to the reason it must not be in an image that is copied. What virt-sysprep and systemd's "Building images
# safely" clean, and what they miss. Directories go with everything in them.
_FORGOTTEN: tuple[tuple[str, str], ...] = (
    ("/etc/machine-id", "identity of one machine"),
    ("/var/lib/dbus/machine-id", "the bus hands it out when /etc/machine-id is empty"),
    ("/var/db/dbus/machine-id", "the bus hands it out when /etc/machine-id is empty"),
    ("/etc/machine-info", "name of one machine"),
    ("/etc/ssh/ssh_host_*", "SSH host keys of one machine"),
    ("/etc/dropbear/dropbear_*_host_key", "SSH host keys of one machine"),
    ("/var/lib/dropbear/dropbear_*_host_key", "SSH host keys of one machine"),
    ("/var/lib/systemd/random-seed", "the same randomness in every copy"),
    ("/var/lib/urandom/random-seed", "the same randomness in every copy"),
    ("/var/lib/random-seed", "the same randomness in every copy"),
    ("/var/lib/systemd/credential.secret", "a secret of one machine"),
    ("/var/lib/systemd/coredump/*", "memory of crashed programs"),
    ("/var/lib/systemd/timers/*", "history of one machine"),
    ("/var/lib/systemd/timesync/clock", "clock of one machine"),
    ("/etc/adjtime", "clock of one machine"),
    ("/var/lib/dhcp/dhclient*", "leases and client identity of one machine"),
    ("/var/lib/dhclient/*", "leases and client identity of one machine"),
    ("/var/lib/dhcpcd*/*", "leases and client identity of one machine"),
    ("/var/lib/NetworkManager/*", "leases and keys of one machine"),
    ("/var/lib/systemd/network/*", "leases of one machine"),
    ("/etc/udev/rules.d/70-persistent-*.rules", "names bound to one machine's hardware addresses"),
    ("/etc/udev/rules.d/75-persistent-*.rules", "names bound to one machine's hardware addresses"),
    ("/var/lib/bluetooth/*", "pairings of one machine"),
    ("/etc/bind/rndc.key", "control key that all copies would share"),
    ("/var/cache/bind/*.jnl", "history of one machine"),
    ("/etc/ssl/private/ssl-cert-snakeoil.key", "private key that all copies would share"),
    ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "certificate of that key"),
    ("/var/lib/snmp/*", "engine identity of one machine"),
    ("/var/lib/chrony/*", "clock drift and keys of one machine"),
    ("/var/lib/ntp/*drift*", "clock drift of one machine"),
    ("/var/lib/monit/id", "identity of one machine"),
    ("/var/.monit.id", "identity of one machine"),
    ("/var/.monit.state", "history of one machine"),
    ("/etc/passwd-", "backup with old accounts"),
    ("/etc/shadow-", "backup with old password hashes"),
    ("/etc/group-", "backup with old accounts"),
    ("/etc/gshadow-", "backup with old password hashes"),
    ("/etc/subuid-", "backup with old accounts"),
    ("/etc/subgid-", "backup with old accounts"),
    ("/etc/ssh/*.dpkg-old", "backup that may be taken for the file"),
    ("/etc/ssh/*.bak", "backup that may be taken for the file"),
    ("/etc/*~", "editor backup"),
    ("/etc/*.bak", "backup"),
    ("/var/backups/*", "backups of accounts and packages"),
    ("/var/crash/*", "memory of crashed programs"),
    ("/var/mail/*", "mail of the vendor's users"),
    ("/var/spool/mail/*", "mail of the vendor's users"),
    ("/var/spool/cron/crontabs/*", "jobs of the vendor's users"),
    ("/var/tmp/*", "left behind"),
    ("/tmp/*", "left behind"),
    ("/tmp/.*", "left behind"),
    ("/etc/*/*~", "editor backup"),
    ("/etc/*/*.bak", "backup"),
    ("/root/*~", "editor backup"),
    ("/root/*.bak", "backup"),
    ("/root/anaconda-ks.cfg", "how one machine was installed"),
    ("/root/install.log*", "how one machine was installed"),
    ("/etc/passwd.*", "copy of old accounts"),
    ("/etc/shadow.*", "copy of old password hashes"),
    ("/etc/gshadow.*", "copy of old password hashes"),
    ("/etc/blkid.tab*", "disks of one machine"),
    ("/etc/blkid/blkid.tab*", "disks of one machine"),
    ("/etc/lvm/devices/system.devices", "disks of one machine"),
    ("/etc/multipath/wwids", "disks of one machine"),
    ("/etc/iscsi/initiatorname.iscsi", "identity of one machine"),
    ("/etc/nvme/hostid", "identity of one machine"),
    ("/etc/nvme/hostnqn", "identity of one machine"),
    ("/etc/hostid", "identity of one machine"),
    ("/etc/krb5.keytab", "keys of one machine"),
    ("/etc/pki/consumer/*", "subscription of one machine"),
    ("/etc/pki/entitlement/*.pem", "subscription of one machine"),
    ("/etc/sysconfig/rhn/systemid*", "subscription of one machine"),
    ("/etc/sysconfig/hw-uuid", "identity of one machine"),
    ("/etc/smolt/uuid", "identity of one machine"),
    ("/var/lib/yum/uuid", "identity of one machine"),
    ("/etc/salt/minion_id", "identity of one machine"),
    ("/etc/salt/pki/minion/minion.*", "keys of one machine"),
    ("/etc/puppetlabs/puppet/ssl", "keys of one machine"),
    ("/var/lib/puppet/ssl", "keys of one machine"),
    ("/var/lib/zerotier-one/identity.*", "identity of one machine"),
    ("/var/lib/tailscale/*", "identity of one machine"),
    ("/var/lib/ipa-client/*", "membership of one machine"),
    ("/var/lib/samba/private/*", "keys of one machine"),
    ("/var/lib/sss/db/*", "accounts one machine has seen"),
    ("/var/lib/AccountsService/users/*", "accounts one machine has seen"),
    ("/var/lib/fprint/*", "fingerprints of people"),
    ("/var/lib/dovecot/*", "keys of one machine"),
    ("/var/lib/iwd/*", "Wi-Fi networks of one machine"),
    ("/var/lib/cloud/*", "identity of one machine"),
    ("/var/lib/waagent/*", "identity of one machine"),
    ("/var/lib/amazon/*", "identity of one machine"),
    ("/var/lib/systemd/rfkill/*", "state of one machine"),
    ("/var/lib/systemd/backlight/*", "state of one machine"),
    ("/var/lib/systemd/linger/*", "state of one machine"),
    ("/var/lib/systemd/ephemeral-trees", "state of one machine"),
    ("/var/lib/rpm/__db.*", "state of one machine"),
    ("/var/cache/apt/archives/*.deb", "left behind"),
    ("/var/cache/apt/archives/partial/*", "left behind"),
    ("/var/account/pacct*", "history of one machine"),
    ("/var/spool/abrt/*", "memory of crashed programs"),
    ("/var/spool/cron/atjobs/*", "jobs of the vendor's users"),
    ("/var/spool/cron/atspool/*", "jobs of the vendor's users"),
    ("/lost+found/*", "pieces of files of one machine"),
    ("/core", "memory of a crashed program"),
    ("/core.*", "memory of a crashed program"),
    ("/var/lib/logrotate/status", "history of one machine"),
    ("/var/log/journal/*", "log of one machine"),
)
# In every home directory, wherever accounts have theirs.
_PERSONAL: tuple[tuple[str, str], ...] = (
    (".bash_history", "history of a person"),
    (".ash_history", "history of a person"),
    (".sh_history", "history of a person"),
    (".zsh_history", "history of a person"),
    (".python_history", "history of a person"),
    (".mysql_history", "history of a person"),
    (".sqlite_history", "history of a person"),
    (".psql_history", "history of a person"),
    (".nano_history", "history of a person"),
    (".lesshst", "history of a person"),
    (".viminfo", "history of a person"),
    (".wget-hsts", "history of a person"),
    (".cache", "history of a person"),
    (".ssh", "keys of a person, and who may log in as the vendor's account (A:26)"),
    (".gnupg", "keys of a person"),
    (".netrc", "passwords of a person"),
    (".git-credentials", "passwords of a person"),
    (".docker", "passwords of a person"),
    (".aws", "passwords of a person"),
    (".azure", "passwords of a person"),
    (".pgpass", "passwords of a person"),
    (".my.cnf", "passwords of a person"),
    (".smbcredentials", "passwords of a person"),
    (".npmrc", "passwords of a person"),
    (".gitconfig", "name of a person"),
    (".m2/settings.xml", "passwords of a person"),
)
# Their programs want them to exist.
_EMPTIED = (
    ("/etc/security/opasswd", "old password hashes"),
    ("/var/lib/dhcp/dhcpd*.leases", "leases of one machine"),
    ("/var/lib/misc/udhcpd*.leases", "leases of one machine"),
)
# sshd looks for host keys under these names without being told (servconf.c).
_KEY_NAMES = {"ssh-ed25519": "ed25519", "ecdsa-sha2-nistp256": "ecdsa", "ssh-rsa": "rsa"}
_DROPBEAR = ("/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/sbin/dropbearmulti", "/usr/bin/dropbearmulti")
# Files go, directories stay as the packages made them.
_CLEARED = (("/var/log", "log of one machine"), ("/run", "state of a running system"))
_LOGIN_RECORDS = ("wtmp", "btmp", "lastlog", "faillog")
# An ext4 image is written by a program that has no way to quote other names.
_NAMEABLE = re.compile(r"[ !#-~]+")


def forget(vanilla: Vanilla) -> Layer:
    """Take out of the image what belongs to one machine or one person; only what is there is removed.

    Logs go, their directories stay; records of logins are emptied, because programs only write them where they exist.

    Raises:
        PipelineError: the image was made by this pipeline, so it is not vanilla; or a name in it cannot be written.
    """
    if vanilla.exists(MARKER):
        raise PipelineError(
            f"vanilla image: {MARKER} is in it: this image was built by this pipeline",
            "start from the vendor's image",
        )
    patterns = [*_FORGOTTEN, *((f"{home}/{name}", why) for home in _homes(vanilla) for name, why in _PERSONAL)]
    reasons = {path: why for pattern, why in reversed(patterns) for path in glob(vanilla.tree, pattern)}
    removals = [
        Layer((Removal(_nameable(path), _because(why)),))
        for path, why in reasons.items()
        if not reasons.keys() & {*path.ancestors()}
    ]
    return combine([*removals, *(Layer((entry,)) for entry in (*_cleared(vanilla, reasons), *_emptied(vanilla)))])


def give(vanilla: Vanilla, release: Release, gateway: Gateway, secrets: GatewaySecrets) -> Layer:
    """The gateway's own name, machine identity and SSH host keys.

    All are made at build time: a first boot that makes them on the gateway can be interrupted, and an init without a
    key generator would leave sshd without keys (uniqueness rules U1, U2, U4).
    """
    source = f"{release.devices}: {gateway.name}"
    if not re.fullmatch(r"[0-9a-f]{32}", secrets.machine_id) or not secrets.host_keys:
        raise ValueError(f"{gateway.name}: no machine identity or no SSH host keys")
    name = (Origin("identity.host_name", source),)
    machine = (Origin("identity.machine_id", source),)
    entries: list[Entry] = [
        FileEntry(GuestPath("/etc/hostname"), f"{gateway.name}\n".encode("ascii"), name),
        FileEntry(GuestPath("/etc/hosts"), _hosts(vanilla, gateway), name),
        # Confidential, says machine-id(5), although every program on the gateway may read it.
        FileEntry(MACHINE_ID, f"{secrets.machine_id}\n".encode("ascii"), machine, 0o444, secret=True),
        FileEntry(MARKER, _marker(vanilla, release, gateway), (Origin("identity.marker", source),)),
    ]
    if vanilla.exists(BUS_ID.parent):
        entries.append(LinkEntry(BUS_ID, str(MACHINE_ID), machine))
    if vanilla.exists("/etc/mailname"):
        entries.append(FileEntry(GuestPath("/etc/mailname"), f"{gateway.name}\n".encode("ascii"), name))
    if vanilla.exists("/etc/ssh") or not _has_dropbear(vanilla):
        entries.extend(_host_keys(secrets, source))
    entries.extend(_dropbear_keys(vanilla, secrets, source))
    return Layer.of(*entries)


def _homes(vanilla: Vanilla) -> tuple[str, ...]:
    """Home directories of the image's accounts, and what lies where such directories usually do."""
    text = (vanilla.find("/etc/passwd") or b"").decode("utf-8", "replace")
    named = {fields[5] for fields in (line.split(":") for line in text.splitlines()) if len(fields) == 7}
    usual = {"/root", *(str(path) for path in glob(vanilla.tree, "/home/*"))}
    # Services have "/" or a system directory as their home; there is nothing of a person in those.
    return tuple(sorted(home for home in {*named, *usual} if re.fullmatch(r"(/[\w.+-]+)+", home, re.ASCII)))


def _cleared(vanilla: Vanilla, removed: Container[GuestPath]) -> Iterator[Entry]:
    for top, why in _CLEARED:
        for path in vanilla.tree.below(vanilla.tree.resolve(GuestPath(top))):
            node = vanilla.tree.nodes[path]
            if node.kind is not Kind.FILE or any(above in removed for above in path.ancestors()):
                continue
            if path.name not in _LOGIN_RECORDS:
                yield Removal(_nameable(path), _because(why))
            elif node.size:
                yield FileEntry(path, b"", _because(why), node.mode, node.uid, node.gid)


def _emptied(vanilla: Vanilla) -> Iterator[Entry]:
    for pattern, why in _EMPTIED:
        for path in glob(vanilla.tree, pattern):
            place = vanilla.tree.resolve(path)
            node = vanilla.tree.get(place)
            if node is not None and node.kind is Kind.FILE and node.size:
                yield FileEntry(place, b"", _because(why), node.mode, node.uid, node.gid)


def _because(why: str) -> tuple[Origin, ...]:
    return (Origin("identity.forget", f"vanilla image: {why}"),)


def _nameable(path: GuestPath) -> GuestPath:
    if not _NAMEABLE.fullmatch(path):
        raise PipelineError(
            f"vanilla image: {ascii(path)} belongs to one machine, and its name cannot be written",
            "remove it from the vanilla image",
        )
    return path


def _hosts(vanilla: Vanilla, gateway: Gateway) -> bytes:
    before = vanilla.find("/etc/hosts")
    if before is None:
        before = b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    old = (vanilla.find("/etc/hostname") or b"").decode("utf-8", "replace").strip()
    return hosts_file.with_name(before, "127.0.1.1", gateway.name, "" if old == "localhost" else old)


def _marker(vanilla: Vanilla, release: Release, gateway: Gateway) -> bytes:
    """Who this is, for people on the gateway and for inspection; no secrets."""
    about = {
        "gateway": gateway.name,
        "release": release.name,
        "product": vanilla.layout.product,
        "version": vanilla.esf_version,
    }
    return canonical_json.dumps(about)


def _host_keys(secrets: GatewaySecrets, source: str) -> Iterator[Entry]:
    origins = (Origin("identity.host_keys", source),)
    for key in secrets.host_keys:
        path = GuestPath(f"/etc/ssh/ssh_host_{_KEY_NAMES.get(key.algorithm, key.algorithm)}_key")
        yield FileEntry(path, key.private, origins, 0o600, secret=True)
        yield FileEntry(GuestPath(f"{path}.pub"), f"{key.public.strip()}\n".encode("ascii"), origins)


def _has_dropbear(vanilla: Vanilla) -> bool:
    return any(vanilla.exists(path) for path in _DROPBEAR)


def _dropbear_keys(vanilla: Vanilla, secrets: GatewaySecrets, source: str) -> Iterator[Entry]:
    """The same keys in the form of the other SSH server, where the image has it."""
    if not _has_dropbear(vanilla):
        return
    origins = (Origin("identity.host_keys", source),)
    directory = GuestPath("/etc/dropbear")
    if vanilla.tree.resolve(directory).is_under(GuestPath("/run")):
        raise PipelineError(
            f"vanilla image: {directory} is a link to memory, so dropbear would make new host keys at every start",
            f"use an image in which {directory} is a directory",
        )
    if not vanilla.exists(directory):
        yield DirEntry(directory, origins)
    for key in secrets.host_keys:
        kind = _KEY_NAMES.get(key.algorithm, "")
        if kind in ("ed25519", "ecdsa"):
            path = directory / f"dropbear_{kind}_host_key"
            yield FileEntry(path, dropbear_key.from_openssh(key.private), origins, 0o600, secret=True)
