"""What breaks the rules about the SSH server."""

from __future__ import annotations

from pipeline.model.image_view import ImageView
from tests.support.breakages import (
    Breakage,
    Change,
    append,
    both,
    edit,
    link,
    prepend,
    put,
    remove,
)
from tests.support.keys.ssh_keys import ed25519
from tests.support.linux_places import (
    OPTIONS,
    SSHD,
)

_DROP_IN = "/etc/ssh/sshd_config.d/00-vendor.conf"


def _dropped_in(line: str) -> Change:
    return both(prepend(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n"), put(_DROP_IN, f"{line}\n"))


def _older(view: ImageView) -> ImageView:
    """An sshd of 2016, as far as the packages say."""
    status = view.find("/var/lib/dpkg/status") or b""
    assert b"1:9.2p1" in status
    return put("/var/lib/dpkg/status", status.replace(b"1:9.2p1", b"1:7.2p2"))(view)


def _debian(version: str) -> Change:
    """Another version of the server, as far as the packages say."""

    def change(view: ImageView) -> ImageView:
        status = view.find("/var/lib/dpkg/status") or b""
        assert b"1:9.2p1" in status
        return put("/var/lib/dpkg/status", status.replace(b"1:9.2p1", f"1:{version}".encode()))(view)

    return change


def _stops(name: str, line: str) -> Breakage:
    """A line at the top at which sshd stops."""
    return Breakage(name, "ssh.starts", SSHD, prepend(SSHD, f"{line}\n"), line)


_JAIL = "/etc/fail2ban/jail.d/defaults-debian.conf"
_FAIL2BAN = both(
    put("/usr/bin/fail2ban-server", "#!/usr/bin/python3\n", 0o755),
    put("/etc/fail2ban/jail.conf", "[DEFAULT]\nenabled = false\n[sshd]\nport = ssh\nlogpath = x\n"),
)
_LIMITED = "-A INPUT -p tcp --dport 22 -m recent --update --seconds 60 --hitcount 4 -j DROP"
_LIMIT = f"*filter\n:INPUT DROP [0:0]\n{_LIMITED}\nCOMMIT\n"
GUARDS = (
    Breakage(
        "a jail of the old port", "ssh.port_guards", "/etc/fail2ban/jail.conf",
        both(_FAIL2BAN, put(_JAIL, "[sshd]\nenabled = true\n")), "port = ssh",
    ),
    Breakage(
        "a jail of another port", "ssh.port_guards", "/etc/fail2ban/jail.local",
        both(_FAIL2BAN, put("/etc/fail2ban/jail.local", "[sshd]\nenabled = true\nport = 2222\n")), "port = 2222",
    ),
    Breakage(
        "a rate limit of the old port", "ssh.port_guards", "/etc/iptables/rules.v4",
        put("/etc/iptables/rules.v4", _LIMIT), "-A INPUT",
    ),
    Breakage(
        "a limit of connections to the old port", "ssh.port_guards", "/etc/iptables/rules.v4",
        put("/etc/iptables/rules.v4", _LIMIT.replace(
            "recent --update --seconds 60 --hitcount 4", "connlimit --connlimit-above 3")), "-A INPUT",
    ),
)  # fmt: skip
BREAKAGES = (
    *GUARDS,
    Breakage(
        "a subsystem again in a drop-in",
        "ssh.starts",
        SSHD,
        both(
            put(_DROP_IN, "Subsystem sftp internal-sftp\n"),
            append(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\nSubsystem sftp /usr/lib/openssh/sftp-server\n"),
        ),
        "Subsystem sftp /usr",
    ),
    _stops("a key exchange of a newer sshd", "KexAlgorithms mlkem768x25519-sha256"),
    _stops("a cipher there is not", "Ciphers aes256-xts"),
    _stops("a code there is not", "MACs hmac-sha256"),
    _stops("a kind of key there is not", "PubkeyAcceptedAlgorithms rsa"),
    _stops("a connection refused by a newer sshd", "RefuseConnection no"),
    _stops("a time with a blank", "LoginGraceTime 2 m"),
    _stops("a number that is none", "MaxAuthTries many"),
    _stops("a method there is not", "AuthenticationMethods pubkey"),
    _stops("a facility there is not", "SyslogFacility SECURITY"),
    _stops("beginnings without an end", "MaxStartups 10:30"),
    _stops("a name where an address is wanted", "ListenAddress 192.0.2.300"),
    _stops("bits of the host behind a user", "AllowUsers alice@192.0.2.1/24"),
    _stops("a variable with a value", "AcceptEnv LANG=C"),
    _stops("another distribution's keyword", "HPNDisabled no"),
    Breakage(
        "keys of DSA on a newer sshd",
        "ssh.starts",
        SSHD,
        both(_debian("10.0p1"), prepend(SSHD, "HostKeyAlgorithms ssh-ed25519,ssh-dss\n")),
        "HostKeyAlgorithms",
    ),
    *(
        Breakage(f"a criterion: {line}", "ssh.starts", SSHD, append(SSHD, f"Match {line}\nPermitTTY no\n"), "Match")
        for line in ("Address 10.234.0.1/16", "Exec true", "invalid-user", "User", "LocalPort 22,2222", "all User a")
    ),
    Breakage("a port in a Match block", "ssh.starts", SSHD, append(SSHD, "Match User nobody\nPort 22\n"), "Port 22"),
    Breakage("a quotation mark not closed", "ssh.starts", SSHD, append(SSHD, 'Banner "x\n'), "Banner"),
    Breakage("a file that includes itself", "ssh.starts", SSHD, append(SSHD, "Include sshd_config\n")),
    Breakage("no configuration", "ssh.starts", SSHD, remove(SSHD)),
    Breakage("a keyword of a newer sshd", "ssh.starts", SSHD, prepend(SSHD, "PerSourcePenalties no\n"), "PerSource"),
    Breakage("a port there is not", "ssh.starts", SSHD, prepend(SSHD, "Port 490153\n"), "Port 490153"),
    Breakage(
        "an equals sign behind a quoted keyword",
        "ssh.starts",
        SSHD,
        append(SSHD, '"X11Forwarding"=no\n'),
        '"X11',
    ),
    Breakage("a misspelt keyword", "ssh.starts", SSHD, prepend(SSHD, "PermitRootLogon no\n"), "PermitRootLogon"),
    Breakage("a value there is not", "ssh.starts", SSHD, prepend(SSHD, "UsePAM false\n"), "UsePAM false"),
    Breakage(
        "root may log in, said first",
        "ssh.no_root",
        SSHD,
        prepend(SSHD, "PermitRootLogin yes\n"),
        "PermitRootLogin yes",
    ),
    Breakage(
        "root may log in by key",
        "ssh.no_root",
        SSHD,
        edit(SSHD, "PermitRootLogin no", "PermitRootLogin prohibit-password"),
        "PermitRootLogin",
    ),
    Breakage("root by default", "ssh.no_root", SSHD, edit(SSHD, "PermitRootLogin no\n", "")),
    Breakage("root in a drop-in", "ssh.no_root", _DROP_IN, _dropped_in("PermitRootLogin yes"), "PermitRootLogin"),
    Breakage("root in quotes, with CRLF", "ssh.no_root", _DROP_IN, _dropped_in('"PermitRootLogin" "yes"\r'), '"Permit'),
    Breakage(
        "root from some addresses",
        "ssh.no_root",
        SSHD,
        append(SSHD, "Match Address 10.0.0.0/8\n PermitRootLogin yes\n"),
        " PermitRootLogin",
    ),
    Breakage(
        "root by an option", "ssh.no_root", OPTIONS, put(OPTIONS, "SSHD_OPTS='-o PermitRootLogin=yes'\n"), "SSHD_OPTS"
    ),
    Breakage(
        "root's own keys",
        "ssh.no_root",
        "/root/.ssh/authorized_keys",
        put("/root/.ssh/authorized_keys", f"{ed25519()}\n"),
    ),
    Breakage("no keys", "ssh.public_key", SSHD, prepend(SSHD, "PubkeyAuthentication no\n"), "PubkeyAuthentication no"),
    Breakage("any method", "ssh.public_key", SSHD, edit(SSHD, "AuthenticationMethods publickey\n", "")),
    Breakage(
        "another method in a Match block",
        "ssh.public_key",
        SSHD,
        append(SSHD, "Match User nobody\nAuthenticationMethods any\n"),
        "AuthenticationMethods any",
    ),
    Breakage("trust by host", "ssh.public_key", SSHD, prepend(SSHD, "HostbasedAuthentication yes\n"), "Hostbased"),
    Breakage("Kerberos tickets", "ssh.public_key", SSHD, prepend(SSHD, "GSSAPIAuthentication yes\n"), "GSSAPI"),
    Breakage(
        "a program that knows keys",
        "ssh.public_key",
        SSHD,
        prepend(SSHD, "AuthorizedKeysCommand /usr/bin/keys\n"),
        "AuthorizedKeysCommand",
    ),
    Breakage(
        "somebody who signs keys",
        "ssh.public_key",
        SSHD,
        prepend(SSHD, "TrustedUserCAKeys /etc/ssh/ca.pub\n"),
        "Trusted",
    ),
    Breakage(
        "keys refused, so RSA's keyword is moot",
        "ssh.rsa_authentication",
        SSHD,
        prepend(SSHD, "PubkeyAuthentication no\n"),
        "Pubkey",
    ),
    Breakage(
        "RSA keys refused by an old sshd",
        "ssh.rsa_authentication",
        SSHD,
        both(prepend(SSHD, "RSAAuthentication no\n"), _older),
        "RSAAuthentication",
    ),
    Breakage(
        "passwords",
        "ssh.no_passwords",
        SSHD,
        prepend(SSHD, "PasswordAuthentication yes\n"),
        "PasswordAuthentication yes",
    ),
    Breakage(
        "a dialogue",
        "ssh.no_passwords",
        SSHD,
        prepend(SSHD, "KbdInteractiveAuthentication yes\n"),
        "KbdInteractiveAuthentication yes",
    ),
    Breakage(
        "a dialogue by its old name",
        "ssh.no_passwords",
        SSHD,
        prepend(SSHD, "ChallengeResponseAuthentication yes\n"),
        "Challenge",
    ),
    Breakage(
        "empty passwords",
        "ssh.no_passwords",
        SSHD,
        prepend(SSHD, "PermitEmptyPasswords yes\n"),
        "PermitEmptyPasswords yes",
    ),
    Breakage(
        "passwords for one user",
        "ssh.no_passwords",
        SSHD,
        append(SSHD, "Match User technician\nPasswordAuthentication yes\n"),
        "PasswordAuthentication yes",
    ),
    Breakage("PAM", "ssh.use_pam", SSHD, edit(SSHD, "UsePAM no", "UsePAM yes"), "UsePAM yes"),
    Breakage("a second port", "ssh.port", SSHD, prepend(SSHD, "Port 22\n"), "Port 22"),
    Breakage("another port of the range", "ssh.port", SSHD, edit(SSHD, "Port 49153", "Port 50000"), "Port 50000"),
    Breakage("a port below the range", "ssh.port", SSHD, edit(SSHD, "Port 49153", "Port 49151"), "Port 49151"),
    Breakage("port 22 by default", "ssh.port", SSHD, edit(SSHD, "Port 49153\n", "")),
    Breakage("an address with a port", "ssh.port", SSHD, prepend(SSHD, "ListenAddress 0.0.0.0:22\n"), "ListenAddress"),
    Breakage("a port by an option", "ssh.port", OPTIONS, put(OPTIONS, "SSHD_OPTS='-p 22'\n"), "SSHD_OPTS"),
    Breakage(
        "inetd starts another sshd",
        "ssh.port",
        "/etc/inetd.conf",
        put("/etc/inetd.conf", "ssh stream tcp nowait root /usr/sbin/sshd sshd -i\n"),
        "ssh ",
    ),
    Breakage(
        "xinetd starts another sshd",
        "ssh.port",
        "/etc/xinetd.d/ssh",
        put("/etc/xinetd.d/ssh", "service ssh\n{\n port = 2222\n server = /usr/sbin/sshd\n}\n"),
        " port",
    ),
    Breakage(
        "xinetd starts the second of two services",
        "ssh.port",
        "/etc/xinetd.d/both",
        put(
            "/etc/xinetd.d/both",
            "service echo\n{\n disable = yes\n}\nservice ssh\n{\n server = /usr/sbin/dropbear\n server_args = -i\n}\n",
        ),
        "service ssh",
    ),
    Breakage(
        "inetd starts dropbear",
        "ssh.port",
        "/etc/inetd.conf",
        put("/etc/inetd.conf", "2222 stream tcp nowait root /usr/sbin/dropbear dropbear -i\n"),
        "2222",
    ),
    Breakage(
        "init keeps another server running",
        "ssh.port",
        "/etc/inittab",
        append("/etc/inittab", "ssh:2345:respawn:/usr/sbin/sshd -D -p 2222\n"),
        "ssh:2345",
    ),
    Breakage(
        "rc.local starts another server",
        "ssh.port",
        "/etc/rc.local",
        put("/etc/rc.local", "#!/bin/sh\n/usr/sbin/dropbear -R; exit 0\n", 0o755),
        "/usr/sbin/dropbear",
    ),
    Breakage(
        "a script of another name starts one",
        "ssh.port",
        "/etc/init.d/maintenance",
        both(
            put("/etc/init.d/maintenance", "#!/bin/sh\nstart-stop-daemon -S -x /usr/sbin/sshd -- -p 22\n", 0o755),
            link("/etc/rc2.d/S20maintenance", "../init.d/maintenance"),
        ),
        "start-stop-daemon",
    ),
    Breakage(
        "options in sshd's own init script",
        "ssh.no_root",
        "/etc/init.d/ssh",
        put(
            "/etc/init.d/ssh",
            "#!/bin/sh\n/usr/sbin/sshd -t $SSHD_OPTS || exit 1\n/usr/sbin/sshd -o PermitRootLogin=yes $SSHD_OPTS\n",
            0o755,
        ),
        "/usr/sbin/sshd -o",
    ),
    Breakage(
        "dropbear started beside sshd",
        "ssh.port",
        "/etc/rc2.d/S10dropbear",
        both(
            put("/usr/sbin/dropbear", "ELF", 0o755),
            put("/etc/default/dropbear", "DROPBEAR_PORT=49153\nDROPBEAR_EXTRA_ARGS='-w -s'\n"),
            put("/etc/init.d/dropbear", "#!/bin/sh\n", 0o755),
            put("/etc/init.d/ssh", "#!/bin/sh\n", 0o755),
            link("/etc/rc2.d/S10dropbear", "../init.d/dropbear"),
            link("/etc/rc2.d/S10ssh", "../init.d/ssh"),
        ),
    ),
    Breakage(
        "a socket of another name starts sshd",
        "ssh.port",
        "/etc/systemd/system/maintenance.socket",
        both(
            put("/etc/systemd/system/maintenance.socket", "[Socket]\nListenStream=2222\nAccept=yes\n"),
            put("/etc/systemd/system/maintenance@.service", "[Service]\nExecStart=-/usr/sbin/sshd -i\n"),
            link("/etc/systemd/system/sockets.target.wants/maintenance.socket", "../maintenance.socket"),
        ),
        "ListenStream",
        "systemd",
    ),
    Breakage(
        "a socket that names dropbear's service",
        "ssh.port",
        "/etc/systemd/system/way-in.socket",
        both(
            put("/etc/systemd/system/way-in.socket", "[Socket]\nListenStream=0.0.0.0:23\nService=dropbear.service\n"),
            link("/etc/systemd/system/sockets.target.wants/way-in.socket", "../way-in.socket"),
        ),
        "ListenStream",
        "systemd",
    ),
    Breakage(
        "a unit of another name starts sshd",
        "ssh.port",
        "/etc/systemd/system/maintenance.service",
        both(
            put("/etc/systemd/system/maintenance.service", "[Service]\nExecStart=/usr/sbin/sshd -D -p 2222\n"),
            link("/etc/systemd/system/multi-user.target.wants/maintenance.service", "../maintenance.service"),
        ),
        "ExecStart",
        "systemd",
    ),
    Breakage("dropbear beside sshd", "ssh.port", "/usr/sbin/dropbear", put("/usr/sbin/dropbear", "ELF", 0o755)),
    Breakage(
        "systemd listens on port 22",
        "ssh.port",
        "/usr/lib/systemd/system/ssh.socket",
        link("/etc/systemd/system/sockets.target.wants/ssh.socket", "/lib/systemd/system/ssh.socket"),
        "ListenStream=22",
        "systemd",
    ),
    Breakage(
        "a unit with a port of its own",
        "ssh.port",
        "/etc/systemd/system/ssh.service.d/port.conf",
        put(
            "/etc/systemd/system/ssh.service.d/port.conf", "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -p 22\n"
        ),
        "ExecStart=/",
        "systemd",
    ),
    Breakage(
        "a client may take the port",
        "services.reserved_ports",
        "/etc/sysctl.d/zz-gateway-hardening.conf",
        edit("/etc/sysctl.d/zz-gateway-hardening.conf", "49153", "49154"),
        "net.ipv4.ip_local_reserved",
    ),
    Breakage(
        "a later file frees the port",
        "services.reserved_ports",
        "/etc/sysctl.conf",
        append("/etc/sysctl.conf", "net.ipv4.ip_local_reserved_ports=\n"),
        "net.ipv4",
    ),
)
