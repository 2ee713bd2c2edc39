"""Everything virt-sysprep 1.48 cleans by default is cleaned here too, or left alone for a reason; so is what it misses.

The names are those of `virt-sysprep --list-operations`; those with a star there are its defaults.
"""
# ruff: noqa: S108 - directories of the image, not of this machine

from __future__ import annotations

import pytest

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry
from pipeline.transforms.identity import identity
from tests.support.breakages import put
from tests.support.hardened import a_hardened_view
from tests.support.vanilla import a_vanilla

CLEANED: dict[str, tuple[str, ...]] = {
    "abrt-data": ("/var/spool/abrt/ccpp-1",),
    "backup-files": ("/etc/hosts~", "/etc/ssh/sshd_config.bak", "/root/notes~", "/var/tmp/x.bak"),
    "bash-history": ("/root/.bash_history", "/home/vendor/.bash_history"),
    "blkid-tab": ("/etc/blkid.tab", "/etc/blkid/blkid.tab"),
    "crash-data": ("/var/crash/vmcore",),
    "cron-spool": ("/var/spool/cron/crontabs/root", "/var/spool/cron/atjobs/a1", "/var/spool/cron/atspool/a1"),
    "dhcp-client-state": ("/var/lib/dhcp/dhclient.eth0.leases", "/var/lib/dhclient/dhclient.leases"),
    "dovecot-data": ("/var/lib/dovecot/ssl-parameters.dat",),
    "ipa-client": ("/var/lib/ipa-client/pki",),
    "kerberos-hostkeytab": ("/etc/krb5.keytab",),
    "logfiles": ("/var/log/syslog", "/root/anaconda-ks.cfg", "/root/install.log", "/var/lib/fprint/a"),
    "machine-id": ("/etc/machine-id", "/var/lib/dbus/machine-id"),
    "mail-spool": ("/var/mail/root", "/var/spool/mail/root"),
    "pacct-log": ("/var/account/pacct",),
    "package-manager-cache": ("/var/cache/apt/archives/x_1_all.deb",),
    "passwd-backups": ("/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"),
    "puppet-data-log": ("/var/lib/puppet/ssl/key", "/var/log/puppet/agent.log"),
    "rh-subscription-manager": ("/etc/pki/consumer/key.pem", "/etc/pki/entitlement/1.pem"),
    "rhn-systemid": ("/etc/sysconfig/rhn/systemid",),
    "rpm-db": ("/var/lib/rpm/__db.001",),
    "samba-db-log": ("/var/lib/samba/private/secrets.tdb", "/var/log/samba/log.smbd"),
    "smolt-uuid": ("/etc/smolt/uuid", "/etc/sysconfig/hw-uuid"),
    "ssh-hostkeys": ("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key.pub"),
    "ssh-userdir": ("/root/.ssh/id_ed25519", "/home/vendor/.ssh/authorized_keys"),
    "sssd-db-log": ("/var/lib/sss/db/cache.ldb",),
    "tmp-files": ("/tmp/x", "/tmp/.x", "/var/tmp/x"),
    "udev-persistent-net": ("/etc/udev/rules.d/70-persistent-net.rules",),
    "utmp": ("/run/utmp",),
    "yum-uuid": ("/var/lib/yum/uuid",),
    # not by default there
    "lvm-system-devices": ("/etc/lvm/devices/system.devices",),
    "zsh-history": ("/root/.zsh_history",),
}
NOT_OURS = {
    "customize": "is for what its user asks for",
    "script": "is for what its user asks for",
    "ca-certificates": "the vendor's trusted certificates are part of the product",
    "firewall-rules": "would remove the firewall this product writes",
    "flag-reconfiguration": "makes the first boot ask questions",
    "fs-uuids": "the boot loader and fstab name the file systems by them; they differ by image seal, not by gateway",
    "kerberos-data": "a gateway is no domain controller; what it has of Kerberos is its keytab",
    "lvm-uuids": "random, so no build could be repeated; logical volumes are refused",
    "net-hostname": "each gateway gets its own name",
    "net-hwaddr": "found by identity.hardware, which stops the build: which adapter is meant, people must say",
    "net-nmconn": "found by identity.credentials and identity.hardware; connections of the product would go as well",
    "dhcp-server-state": "emptied, not removed: dhcpd starts only where its leases exist",
    "pam-data": "lies in memory (/run), which no image keeps",
    "user-account": "accounts are set up, their passwords void",
}
MISSED_BY_IT = (
    "/etc/dropbear/dropbear_rsa_host_key", "/var/lib/NetworkManager/secret_key", "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret", "/var/lib/systemd/network/lease", "/var/lib/systemd/rfkill/x",
    "/var/lib/systemd/timers/x", "/var/lib/bluetooth/x", "/var/lib/cloud/instance", "/var/lib/chrony/drift",
    "/var/lib/monit/id", "/var/lib/iwd/net.psk", "/var/lib/waagent/x", "/var/lib/amazon/x", "/etc/bind/rndc.key",
    "/var/lib/tailscale/state", "/var/lib/zerotier-one/identity.secret", "/etc/salt/pki/minion/minion.pem",
    "/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostid", "/etc/hostid", "/lost+found/#12", "/core",
    "/root/.viminfo", "/root/.lesshst", "/root/.python_history", "/root/.wget-hsts", "/root/.gnupg/x", "/root/.pgpass",
    "/root/.azure/x", "/root/.m2/settings.xml",
)  # fmt: skip
EVERYTHING = sorted({path for paths in CLEANED.values() for path in paths} | {*MISSED_BY_IT})
# The plan gives these back as the gateway's own, or empty.
ITS_OWN = {"/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key.pub"}


def test_every_operation_is_decided_about() -> None:
    assert not {*CLEANED} & {*NOT_OURS}
    assert len({*CLEANED} | {*NOT_OURS}) == 43 + len({"lvm-system-devices", "zsh-history"})


@pytest.mark.parametrize("path", EVERYTHING)
def test_it_is_taken_out_of_the_vanilla_image(path: str) -> None:
    vanilla = a_vanilla({path: "x"})
    assert not any(
        node.size for place, node in vanilla.tree.apply(identity.forget(vanilla)).nodes.items() if place == path
    )


@pytest.mark.parametrize("path", sorted({*EVERYTHING} - ITS_OWN - {"/run/utmp"}))
def test_in_a_finished_image_it_is_found(path: str) -> None:
    """`doit audit` says so of anybody's image, and no build gets past it."""
    view = put(path, "x" * 8)(a_hardened_view())
    failed = [rule.id for rule in registry.LINUX if _fails(rule.id, view)]
    assert failed, path


def _fails(name: str, view: ImageView) -> bool:
    rule = next(rule for rule in registry.LINUX if rule.id == name)
    return name.startswith(("identity.", "accounts.backups", "ssh.no_root")) and (
        rule.check(view, Expected()).outcome is RuleOutcome.FAIL
    )


def test_secrets_and_addresses_of_networkmanager_are_found() -> None:
    path = "/etc/NetworkManager/system-connections/office.nmconnection"
    text = "[wifi]\nssid=office\nmac-address=02:00:00:00:00:01\n[wifi-security]\npsk=not-for-everybody\n"
    view = put(path, text, 0o600)(a_hardened_view())
    found = {
        (breach.path, breach.line)
        for rule in registry.LINUX
        if rule.id in ("identity.credentials", "identity.hardware")
        for breach in rule.check(view, Expected()).breaches
    }
    assert found == {(path, 3), (path, 5)}
    assert "not-for-everybody" not in str([rule.check(view, Expected()) for rule in registry.LINUX])


def test_the_image_without_any_of_it_has_nothing_to_find() -> None:
    assert not [rule.id for rule in registry.LINUX if _fails(rule.id, a_hardened_view())]
    assert GuestPath("/etc/machine-id") in a_hardened_view().tree.nodes
