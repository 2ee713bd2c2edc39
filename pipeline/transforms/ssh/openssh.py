"""SSH server: public keys only, no root, no passwords, its own port (A:26 to A:86)."""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Iterator, Sequence

from pipeline.errors import PipelineError
from pipeline.formats.boot import shell_variables
from pipeline.formats.boot.shell_variables import ShellValueError
from pipeline.formats.packages import dpkg_status
from pipeline.formats.ssh import sshd_config
from pipeline.formats.ssh.sshd_config import Line, SshdConfigError
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, Origin
from pipeline.model.line_origins import kept, stretches
from pipeline.model.release import Release, Ssh
from pipeline.model.tree_glob import glob
from pipeline.model.vanilla import Vanilla

CONFIG = GuestPath("/etc/ssh/sshd_config")
# What every gateway is given (see `identity`). Named, because a first boot that runs `ssh-keygen -A` adds keys of other
# kinds, which sshd would then show by default and no manifest knows.
HOST_KEYS = ("/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ecdsa_key")
_SERVERS = ("/usr/sbin/sshd", "/usr/local/sbin/sshd")
_OTHERS = ("/usr/sbin/dropbear", "/usr/bin/dropbear", "/usr/sbin/dropbearmulti", "/usr/bin/dropbearmulti")
_BEGIN = "# Managed by the gateway image pipeline: sshd takes the first value it reads, so this block stays on top."
_END = "# End of the managed block."
_REPLACED = "replaced by the managed block"

# Written by us, hence nowhere else: besides what the documents name, everything that could let another key or another
# way of logging in through, or shut our keys and users out.
_MANAGED = frozenset(
    """port listenaddress permitrootlogin pubkeyauthentication authenticationmethods passwordauthentication
    kbdinteractiveauthentication permitemptypasswords usepam rsaauthentication hostbasedauthentication
    gssapiauthentication kerberosauthentication authorizedkeysfile authorizedkeyscommand authorizedkeyscommanduser
    authorizedprincipalsfile authorizedprincipalscommand authorizedprincipalscommanduser trustedusercakeys
    pubkeyacceptedalgorithms hostkey hostcertificate hostkeyagent hostkeyalgorithms allowusers denyusers allowgroups
    denygroups""".split()
)
# What public benchmarks ask for besides (profile strict); each by the id of the rule that checks it.
_STRICT = {
    "ssh.maxauthtries": "MaxAuthTries 4",  # CIS 5.1.16
    "ssh.logingracetime": "LoginGraceTime 60",  # CIS 5.1.13
    "ssh.x11forwarding": "X11Forwarding no",  # CIS 5.1.8
    "ssh.allowtcpforwarding": "AllowTcpForwarding no",
    "ssh.permituserenvironment": "PermitUserEnvironment no",  # CIS 5.1.21
    "ssh.ignorerhosts": "IgnoreRhosts yes",  # CIS 5.1.11
    "ssh.strictmodes": "StrictModes yes",
    "ssh.loglevel": "LogLevel VERBOSE",  # CIS 5.1.14
}

# Where init scripts and units of the distributions take options for sshd from; they go before the file.
_OPTION_FILES = (
    ("/etc/default/ssh", "SSHD_OPTS"),
    ("/etc/default/sshd", "SSHD_OPTS"),
    ("/etc/sysconfig/sshd", "OPTIONS"),
)
_SSHD_OPTIONS = "C:E:b:c:f:g:h:k:o:p:u:46DGQRTVdeiqrt"
_OVERRIDES = ("-p", "-f", "-h", "-c")

_SOURCE = "gateway.toml [ssh]"
_NO_ROOT = Origin("ssh.no_root", _SOURCE, "A:34")
_PUBLIC_KEY = Origin("ssh.public_key", _SOURCE, "A:58")
_NO_PASSWORDS = Origin("ssh.no_passwords", _SOURCE, "A:70-72")
_PORT = Origin("ssh.port", _SOURCE, "A:84")
_HOST_KEYS = Origin("identity.host_keys", _SOURCE)
_ORIGINS = (_NO_ROOT, _PUBLIC_KEY, _NO_PASSWORDS, _PORT, _HOST_KEYS)
# Who wants what of a keyword; all other keywords of ours are about which keys let whom in.
_WANTED_BY = {
    "permitrootlogin": _NO_ROOT,
    "port": _PORT,
    "hostkey": _HOST_KEYS,
    "listenaddress": _PORT,
    **dict.fromkeys(
        """passwordauthentication kbdinteractiveauthentication permitemptypasswords usepam hostbasedauthentication
        gssapiauthentication kerberosauthentication""".split(),
        _NO_PASSWORDS,
    ),
    **{line.split()[0].lower(): Origin(rule, "gateway.toml [rules]") for rule, line in _STRICT.items()},
}


def harden(vanilla: Vanilla, release: Release) -> Layer:
    """The SSH server's configuration as the documents ask, whatever the image's own files say.

    An image with dropbear only has no such files; its flags are another transform's.

    Raises:
        PipelineError: no OpenSSH server, or a configuration sshd itself would refuse.
    """
    if not any(vanilla.exists(path) for path in _SERVERS) and any(vanilla.exists(path) for path in _OTHERS):
        return Layer()
    if not any(vanilla.exists(path) for path in _SERVERS) or not vanilla.exists(CONFIG):
        raise PipelineError(
            f"vanilla image: no OpenSSH server ({_SERVERS[0]} and {CONFIG})",
            "use an image with openssh-server or dropbear; others are not hardened by this pipeline",
        )
    try:
        entries = [*_config_files(vanilla, release), *_option_files(vanilla, release), *_sockets(vanilla, release.ssh)]
    except SshdConfigError as error:
        raise PipelineError(
            f"vanilla image: {error}", "correct the file in the vanilla image; its sshd would not start either"
        ) from None
    return Layer.of(*entries)


def _strict_lines(release: Release) -> tuple[str, ...]:
    rules = release.rules
    return tuple(line for rule, line in _STRICT.items() if rules.profile == "strict" or rule in rules.also)


def _managed(release: Release) -> frozenset[str]:
    """Keywords that are written by us alone."""
    return _MANAGED | {line.split()[0].lower() for line in _strict_lines(release)}


def managed_lines(ssh: Ssh, version: tuple[int, int] | None) -> tuple[str, ...]:
    """What the documents ask for, in keywords an OpenSSH of this version knows; None stands for an unknown version."""
    lines = [
        f"Port {ssh.port}",  # A:84
        "PermitRootLogin no",  # A:34
        "PubkeyAuthentication yes",  # A:58
        "AuthorizedKeysFile .ssh/authorized_keys",
        "PasswordAuthentication no",  # A:71
        "PermitEmptyPasswords no",
        "HostbasedAuthentication no",
        f"UsePAM {'yes' if ssh.use_pam else 'no'}",  # A:72
        *(f"HostKey {path}" for path in HOST_KEYS),
    ]
    # Makes "public key only" (A:38) a property of its own instead of a side effect; OpenSSH 6.2.
    if version is None or version >= (6, 2):
        lines.append("AuthenticationMethods publickey")
    # A:70 in the words of the version: before 8.7 the two were different things and both are needed, afterwards one
    # is the other's old name. An unknown version gets both, which every version reads.
    if version is None or version >= (8, 7):
        lines.append("KbdInteractiveAuthentication no")
    if version is None or version < (8, 7):
        lines.extend(["ChallengeResponseAuthentication no", "KbdInteractiveAuthentication no"])
    # A:57 is about protocol 1, which 7.4 dropped: there it is only a warning in the log.
    if version is not None and version < (7, 4):
        lines.append("RSAAuthentication yes")
    return tuple(dict.fromkeys(lines))


def openssh_version(vanilla: Vanilla) -> tuple[int, int] | None:
    """The image's OpenSSH, from the package database; None when there is none or it does not say."""
    for status in ("/var/lib/dpkg/status", "/var/lib/opkg/status", "/usr/lib/opkg/status"):
        packages = dpkg_status.versions(vanilla.find(status) or b"")
        for name in ("openssh-server", "openssh-sshd", "openssh"):
            found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", packages.get(name, ""))
            if found:
                return int(found[1]), int(found[2])
    return None


def _config_files(vanilla: Vanilla, release: Release) -> Iterator[FileEntry]:
    managed = _managed(release)
    main = vanilla.tree.resolve(CONFIG)
    contents = {str(main): vanilla.read(CONFIG)}

    def find(pattern: str) -> list[tuple[str, bytes]]:
        found = [(str(place), _included(vanilla, place)) for place in _files(vanilla, pattern)]
        contents.update(found)
        return found

    sshd_config.statements(str(main), contents[str(main)], find)  # fills contents, refuses loops and bad lines
    after: dict[str, bytes] = {}
    owners: dict[str, list[Origin | None]] = {}
    for name, data in contents.items():
        known = _unmanaged(sshd_config.parse(data, name))
        after[name] = sshd_config.render(sshd_config.comment_out(known, managed, _REPLACED))
        same = kept(f"vanilla image: {name}")
        owners[name] = [_wanted_by(line.meaning) if line.meaning in managed else same for line in known]
    lines = (*managed_lines(release.ssh, openssh_version(vanilla)), *_strict_lines(release))
    block = "\n".join((_BEGIN, *lines, _END, ""))
    after[str(main)] = block.encode() + after[str(main)]
    ours = [_wanted_by(sshd_config.parse(line.encode())[0].meaning) for line in lines]
    owners[str(main)] = [None, *ours, None, *owners[str(main)]]
    _require_in_effect(str(main), after, vanilla, release)
    for name, data in sorted(after.items()):
        if data != contents[name]:
            node = vanilla.tree.nodes[GuestPath(name)]
            yield FileEntry(
                GuestPath(name),
                data,
                tuple(dict.fromkeys((*_ORIGINS, *(one for one in ours if one not in _ORIGINS)))),
                node.mode & 0o644,
                node.uid,
                node.gid,
                lines=stretches(owners[name]),
            )


def _wanted_by(keyword: str) -> Origin:
    return _WANTED_BY.get(keyword, _PUBLIC_KEY)


def _files(vanilla: Vanilla, pattern: str) -> list[GuestPath]:
    return [vanilla.tree.resolve(path) for path in glob(vanilla.tree, pattern) if vanilla.exists(path)]


def _included(vanilla: Vanilla, place: GuestPath) -> bytes:
    if place not in vanilla.files:
        raise PipelineError(
            f"vanilla image: {place} is included by {CONFIG} but is not a file below /etc/ssh",
            "move it to /etc/ssh/sshd_config.d in the vanilla image, or drop the Include",
        )
    return vanilla.files[place]


def _unmanaged(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines without a block of an earlier run, so that hardening twice is hardening once."""
    texts = [line.text.strip() for line in lines]
    if _BEGIN in texts and _END in texts[texts.index(_BEGIN) :]:
        first = texts.index(_BEGIN)
        return (*lines[:first], *lines[texts.index(_END, first) + 1 :])
    return tuple(lines)


def _require_in_effect(main: str, files: dict[str, bytes], vanilla: Vanilla, release: Release) -> None:
    """Ask the parser, not the writer, what is in force now."""

    def find(pattern: str) -> list[tuple[str, bytes]]:
        return [(str(place), files[str(place)]) for place in _files(vanilla, pattern)]

    managed = _managed(release)
    result = sshd_config.effective(sshd_config.statements(main, files[main], find))
    ports = [statement.arguments for statement in result.everywhere.get("port", ())]
    overridden = sorted({keyword for block in result.matches.values() for keyword in block if keyword in managed})
    if ports != [(str(release.ssh.port),)] or result.value("permitrootlogin") != "no" or overridden:
        raise AssertionError(f"{main}: the managed block is not in force: {ports}, {overridden}")


def _option_files(vanilla: Vanilla, release: Release) -> Iterator[FileEntry]:
    for path, variable in _OPTION_FILES:
        before = vanilla.find(path)
        if before is None:
            continue
        try:
            after = shell_variables.change(before, variable, lambda value: _without_overrides(value, _managed(release)))
        except (ShellValueError, getopt.GetoptError, ValueError) as error:
            raise PipelineError(
                f"vanilla image: {path}: {error}",
                f"give {variable} a plain value in the vanilla image; options there go before {CONFIG}",
            ) from None
        if after != before:
            place = vanilla.tree.resolve(GuestPath(path))
            node = vanilla.tree.nodes[place]
            yield FileEntry(place, after, _ORIGINS, node.mode, node.uid, node.gid)


def _without_overrides(value: str, managed: frozenset[str]) -> str:
    """The options less those that go before the configuration file; the value as it was when there are none."""
    options, rest = getopt.getopt(shlex.split(value), _SSHD_OPTIONS)
    kept = [(name, given) for name, given in options if not _overrides(name, given, managed)]
    if kept == options:
        return value
    return shlex.join([*(word for option in kept for word in option if word), *rest])


def _overrides(name: str, given: str, managed: frozenset[str]) -> bool:
    if name == "-o":
        lines = sshd_config.parse(given.encode("utf-8", "surrogateescape"), "option -o")
        return any(line.meaning in managed for line in lines)
    return name in _OVERRIDES


def _sockets(vanilla: Vanilla, ssh: Ssh) -> Iterator[Entry]:
    """With socket activation systemd listens, and sshd's own Port means nothing."""
    if vanilla.init != "systemd":
        return
    for unit in ("ssh.socket", "sshd.socket"):
        enabled = [
            path
            for base in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
            for path in glob(vanilla.tree, f"{base}/*.wants/{unit}")
        ]
        if not enabled:
            continue
        directory = GuestPath(f"/etc/systemd/system/{unit}.d")
        origins = (_PORT,)
        # The empty assignment takes back the unit's own port 22, and the name makes this drop-in the last to be read.
        content = f"[Socket]\nListenStream=\nListenStream={ssh.port}\n"
        if not vanilla.exists(directory):
            yield DirEntry(directory, origins)
        yield FileEntry(directory / "zz-gateway-port.conf", content.encode(), origins)
