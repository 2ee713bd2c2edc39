"""The strict profile: owners and modes of files, as public benchmarks ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.accounts.people import PASSWD, people
from pipeline.rules.looking import files, harmless, paths, words_of

READS = (
    "/etc/login.defs",
    "/etc/profile",
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
)

Check = Callable[[ImageView, Expected], Judgement]

# Setuid and setgid programs of Debian, Yocto and Buildroot images of this kind, by their names.
_KNOWN_SETUID = frozenset(
    """at bsd-write chage chfn chsh crontab dbus-daemon-launch-helper dotlockfile expiry fusermount fusermount3 gpasswd
    mount mount.nfs mount.cifs newgidmap newgrp newuidmap ntfs-3g passwd ping ping6 pkexec polkit-agent-helper-1
    pppd ssh-agent ssh-keysign su sudo sudoedit traceroute6.iputils umount unix_chkpwd pam_extrausers_chkpwd vlock wall
    write write.ul busybox busybox.suid pam_timestamp_check utempter""".split()
)


def _world_writable(view: ImageView, expected: Expected) -> Judgement:
    del expected
    breaches = []
    for path, node in view.tree.nodes.items():
        if node.kind is Kind.LINK or not node.mode & 0o002 or path.is_under(GuestPath("/dev")) or path == "/dev":
            continue
        if node.kind is Kind.DIRECTORY and not node.mode & 0o1000:
            breaches.append(
                Breach(str(path), 0, f"mode {node.mode:04o}: anybody may delete others' files", "mode 1777")
            )
        elif node.kind is Kind.FILE:
            breaches.append(
                Breach(str(path), 0, f"mode {node.mode:04o}: anybody may write it", "not for others to write")
            )
    return Judgement.of(breaches, f"{len(view.tree)} paths")


def _setuid(view: ImageView, expected: Expected) -> Judgement:
    del expected
    breaches = [
        Breach(str(path), 0, f"mode {node.mode:04o}, owner {node.uid}:{node.gid}", "only programs known to need it")
        for path, node in view.tree.nodes.items()
        if node.kind is Kind.FILE and node.mode & 0o6000 and path.name not in _KNOWN_SETUID
    ]
    return Judgement.of(breaches, "only programs known to need it change user")


def _unowned(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    uids = {person.uid for person in known.everybody}
    gids = {gid for gid, _ in known.groups.values()}
    breaches = [
        Breach(str(path), 0, f"owner {node.uid}:{node.gid}", "an account and a group the image has")
        for path, node in view.tree.nodes.items()
        if node.uid not in uids or node.gid not in gids
    ]
    return Judgement.of(breaches, f"{len(view.tree)} paths")


def _trust_by_name(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    homes = {person.home.rstrip("/") for person in (known.everybody if known else ())} | {"/root"}
    names = (".rhosts", ".shosts", ".netrc", ".forward")
    found = paths(
        view, "/etc/hosts.equiv", "/etc/ssh/shosts.equiv", *(f"{home}/{n}" for home in sorted(homes) for n in names)
    )
    breaches = [Breach(str(path), 0, "trust by host name, or a password in the clear", "not there") for path in found]
    return Judgement.of(breaches, f"{len(homes)} homes")


def _umask(view: ImageView, expected: Expected) -> Judgement:
    del expected
    for pattern, name in (("/etc/login.defs", "UMASK"), ("/etc/profile", "umask")):
        for path, data in files(view, pattern):
            said = [(number, words[1]) for number, words in words_of(data) if words[0] == name and len(words) > 1]
            if said:
                # Group may read, others nothing: the last two digits leave at most r-x and ---.
                bad = [(number, value) for number, value in said if not re.fullmatch(r"0?[0-7]?[2367]7", value)]
                return Judgement.of(
                    [Breach(path, number, f"{name} {harmless(value)}", "027 or stricter") for number, value in bad],
                    f"{name} {said[-1][1]}",
                )
    return Judgement.unverifiable("neither login.defs nor profile says a umask; the shell's own is in force")


def _homes(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    breaches: list[Breach] = []
    looked = 0
    for person in known.everybody:
        if not (person.is_person or person.uid == 0):
            continue
        node = view.node(person.home)
        if node is None or node.kind is not Kind.DIRECTORY:
            continue
        looked += 1
        if node.mode & 0o027:
            breaches.append(Breach(person.home, 0, f"mode {node.mode:04o}", "at most 0750"))
    return Judgement.of(breaches, f"{looked} homes")


def _programs_of_root(view: ImageView, expected: Expected) -> Judgement:
    """Whoever may write a program root runs is root."""
    del expected
    return Judgement.of([*_writable_programs(view)], "programs and start scripts belong to root")


def _writable_programs(view: ImageView) -> Iterator[Breach]:
    for place in (
        "/usr/bin",
        "/usr/sbin",
        "/bin",
        "/sbin",
        "/etc/init.d",
        "/usr/local/sbin",
        "/etc/cron.d",
        "/etc/cron.daily",
    ):
        for path in (place, *(str(path) for path in paths(view, f"{place}/*"))):
            node = view.tree.get(view.tree.resolve(GuestPath(path), follow_last=False))
            if node is not None and node.kind in (Kind.FILE, Kind.DIRECTORY) and (node.uid or node.mode & 0o022):
                yield Breach(
                    path, 0, f"mode {node.mode:04o}, owner {node.uid}:{node.gid}", "root's, written by root alone"
                )


def _strict(
    name: str, title: str, why: str, severity: Severity, check: Check, remedy: str, references: tuple[str, ...]
) -> Rule:
    enforced_by = "accounts.login_defaults" if name == "accounts.umask" else ""
    return Rule(
        name, title, (), references, "strict", check, remedy, enforced_by=enforced_by, why=why, severity=severity
    )


RULES = (
    _strict(
        "files.world_writable",
        "no file, and no directory without the sticky bit, is writable for everybody",
        "Where everybody may write, a harmless service that was taken over changes what root will run or believe.",
        Severity.MEDIUM,
        _world_writable,
        "take the bit away",
        ("CIS 7.1.11", "CaC file_permissions_unauthorized_world_writable", "ANSSI R54"),
    ),
    _strict(
        "files.setuid",
        "only programs known to need it are setuid or setgid",
        "Each program that runs as its owner is a way to become root as soon as one of its bugs is known.",
        Severity.HIGH,
        _setuid,
        "take the bit away",
        ("CIS 7.1.13", "CaC file_permissions_unauthorized_suid", "ANSSI R56"),
    ),
    _strict(
        "files.unowned",
        "every file belongs to an account and a group the image has",
        "Files of a number without account belong to whichever account gets that number next.",
        Severity.LOW,
        _unowned,
        "give it to somebody",
        ("CIS 7.1.12", "CaC no_files_unowned_by_user", "ANSSI R53"),
    ),
    _strict(
        "files.programs",
        "programs and start scripts are root's, and written by root alone",
        "Whoever may change a program or start script decides what root runs at the next boot.",
        Severity.HIGH,
        _programs_of_root,
        "chown root, chmod go-w",
        ("CaC file_ownership_binary_dirs", "CaC file_permissions_binary_dirs", "ANSSI R50"),
    ),
    _strict(
        "accounts.trust_by_name",
        "nobody is trusted by host name (.rhosts, hosts.equiv)",
        (
            "Trust in a host name lets in whoever can forge an answer of the DNS or take an address on the local "
            "network."
        ),
        Severity.MEDIUM,
        _trust_by_name,
        "delete the file",
        ("CIS 7.2.10", "CaC no_rsh_trust_files", "lynis FILE-7524"),
    ),
    _strict(
        "accounts.umask",
        "the default umask keeps others from new files",
        "With a loose umask, logs and exports people make later can be read by every service on the gateway.",
        Severity.LOW,
        _umask,
        "UMASK 027 in /etc/login.defs",
        ("CIS 5.4.3.3", "CaC accounts_umask_etc_login_defs", "ANSSI R36"),
    ),
    _strict(
        "accounts.homes",
        "others cannot look into home directories",
        (
            "Home directories hold keys, histories and exports; a service that was taken over should not be able to "
            "read them."
        ),
        Severity.LOW,
        _homes,
        "chmod o-rx, g-w",
        ("CIS 7.2.9", "CaC file_permissions_home_directories"),
    ),
)
