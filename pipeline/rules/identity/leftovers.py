"""Where things of one machine or one person lie: what virt-sysprep and systemd clean, and what they miss."""
# ruff: noqa: S108 - directories of the image, not of the build machine

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Patterns of what must not be there, and why."""

    patterns: tuple[str, ...]
    found: str


SEEDS = Table(
    (
        "/var/lib/systemd/random-seed",
        "/var/lib/urandom/random-seed",
        "/var/lib/random-seed",
        "/boot/loader/random-seed",
    ),
    "the same randomness in every copy",
)
LEASES = Table(
    (
        "/var/lib/dhcp/dhclient*",
        "/var/lib/dhclient/*",
        "/var/lib/dhcpcd/*",
        "/var/lib/dhcpcd5/*",
        "/var/lib/NetworkManager/*",
        "/var/lib/systemd/network/*",
        "/var/lib/connman/*",
        "/var/lib/udhcpc/*",
    ),
    "leases and client identity of one machine",
)
KEYS = Table(
    (
        "/var/lib/systemd/credential.secret",
        "/etc/bind/rndc.key",
        "/var/lib/bind/session.key",
        "/etc/ssl/private/ssl-cert-snakeoil.key",
        "/etc/ssl/certs/ssl-cert-snakeoil.pem",
        "/var/lib/snmp/*",
        "/var/lib/chrony/*",
        "/var/lib/monit/id",
        "/var/.monit.id",
        "/var/lib/bluetooth/*",
        "/var/lib/tpm2-*",
        "/etc/wireguard/*.conf",
        "/etc/openvpn/*.key",
        "/etc/ipsec.d/private/*",
        "/etc/krb5.keytab",
        "/etc/hostid",
        "/etc/iscsi/initiatorname.iscsi",
        "/etc/nvme/hostid",
        "/etc/nvme/hostnqn",
        "/etc/pki/consumer/*",
        "/etc/pki/entitlement/*.pem",
        "/etc/salt/minion_id",
        "/etc/salt/pki/minion/minion.*",
        "/etc/smolt/uuid",
        "/etc/sysconfig/hw-uuid",
        "/etc/sysconfig/rhn/systemid*",
        "/var/lib/amazon/*",
        "/var/lib/cloud/*",
        "/var/lib/dovecot/*",
        "/var/lib/ipa-client/*",
        "/var/lib/iwd/*",
        "/var/lib/samba/private/*",
        "/var/lib/sss/db/*",
        "/var/lib/tailscale/*",
        "/var/lib/waagent/*",
        "/var/lib/yum/uuid",
        "/var/lib/zerotier-one/identity.*",
        "/etc/puppetlabs/puppet/ssl",
        "/var/lib/puppet/ssl",
    ),
    "a key or identity of one machine that every copy would share",
)
DUMPS = Table(
    (
        "/var/crash/*",
        "/var/lib/systemd/coredump/*",
        "/tmp/*",
        "/tmp/.[!.]*",
        "/var/tmp/*",
        "/core",
        "/core.*",
        "/var/spool/cron/crontabs/*",
        "/var/spool/cron/atjobs/*",
        "/var/mail/*",
        "/var/spool/mail/*",
        "/var/lib/systemd/timers/*",
        "/var/lib/logrotate/status",
        "/var/backups/*",
        "/var/spool/abrt/*",
        "/var/spool/cron/atspool/*",
        "/var/account/pacct*",
        "/var/cache/apt/archives/*.deb",
        "/var/cache/apt/archives/partial/*",
        "/var/lib/AccountsService/users/*",
        "/var/lib/fprint/*",
        "/var/lib/rpm/__db.*",
        "/var/lib/systemd/backlight/*",
        "/var/lib/systemd/linger/*",
        "/var/lib/systemd/rfkill/*",
        "/etc/blkid.tab*",
        "/etc/blkid/blkid.tab*",
        "/etc/lvm/devices/system.devices",
        "/etc/multipath/wwids",
        "/lost+found/*",
        "/root/anaconda-ks.cfg",
        "/root/install.log*",
    ),
    "left behind by one machine or person",
)
COPIES = Table(
    (
        "/etc/*~",
        "/etc/*.bak",
        "/etc/*.orig",
        "/etc/*.rpmsave",
        "/etc/*.dpkg-old",
        "/etc/.*.sw[op]",
        "/root/*~",
        "/root/*.bak",
        "/etc/*/*~",
        "/etc/*/*.bak",
        "/etc/*/*.orig",
        "/etc/*/*.rpmsave",
        "/etc/*/*.dpkg-old",
        "/etc/*/.*.sw[op]",
    ),
    "an old copy of a file, with what the file had before",
)
HISTORIES = (
    ".bash_history",
    ".ash_history",
    ".sh_history",
    ".zsh_history",
    ".python_history",
    ".mysql_history",
    ".sqlite_history",
    ".psql_history",
    ".lesshst",
    ".viminfo",
    ".wget-hsts",
    ".nano_history",
)
CREDENTIALS = (
    ".ssh/id_*",
    ".ssh/known_hosts*",
    ".ssh/identity",
    ".ssh/config",
    ".netrc",
    ".git-credentials",
    ".gitconfig",
    ".docker",
    ".aws",
    ".azure",
    ".gnupg",
    ".m2/settings.xml",
    ".pgpass",
    ".my.cnf",
    ".smbcredentials",
    ".npmrc",
)
