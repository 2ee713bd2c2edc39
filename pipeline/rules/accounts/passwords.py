"""Passwords of the image's accounts: root's, everybody else's, and copies of old ones (A:11 to A:25)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.accounts import crypt_hash
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.accounts.people import GROUP, GSHADOW, PASSWD, Person, people
from pipeline.rules.looking import files, harmless, lines, paths, words_of

READS = (
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/inittab",
    "/etc/systemd/system/*.service",
    "/etc/systemd/system/*.service.d/*.conf",
    "/lib/systemd/system/*getty*.service",
    "/usr/lib/systemd/system/*getty*.service",
)

# What a gateway's maker or anybody in a hurry would choose; the account's own name is tried too.
_GUESSES = ("", "root", "toor", "eurotech", "changeit", "admin", "password", "everyware", "kura", "1234")
_STRONG = re.compile(r"\$(5|6|y|gy|7)\$[./A-Za-z0-9$=,]+")
_MARKS = ("*", "!", "!!", "!*", "*LK*", "*NP*")
_WEAK = {"1": "MD5", "2": "Blowfish", "2a": "Blowfish", "2b": "Blowfish", "2y": "Blowfish", "md5": "Sun MD5"}
# agetty and BusyBox getty: log somebody in, ask for no name, or start a shell in place of login.
_AUTOMATIC = re.compile(r"--autologin|\s-a\s|--skip-login|\s-n(\s|$).*-l|\s-l\s*\S*/(ba|da|a)?sh\b")

_BACKUPS = (
    "/etc/passwd[-~]",
    "/etc/shadow[-~]",
    "/etc/group[-~]",
    "/etc/gshadow[-~]",
    "/etc/subuid-",
    "/etc/subgid-",
    "/etc/passwd.*",
    "/etc/shadow.*",
    "/etc/gshadow.*",
    "/etc/security/opasswd*",
    "/var/backups/passwd*",
    "/var/backups/shadow*",
    "/var/backups/gshadow*",
    "/var/backups/group*",
    "/var/lib/passwd*",
    "/root/shadow*",
)


def _root(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    root = known.get("root")
    if root is None:
        return Judgement.not_applicable("there is no account root")
    breaches = [*_weaknesses(root)]
    breaches += [breach for breach in known.broken if breach.path == root.kept_in[0]]
    if root.last_change == 0 and root.has_password:
        breaches.append(Breach(*root.kept_in, "a new password is asked for at the first login", "the day it was set"))
    why = "root has no password at all" if not root.has_password else "a strong hash, none of the usual words"
    if root.has_password and crypt_hash.fits("", root.password) is None:
        why = "a strong hash; its scheme is not computed here, so no words were tried on it"
    return Judgement.of(breaches, why)


def _others(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    breaches = list(known.broken)
    for person in known.everybody:
        if person.name != "root":
            breaches += _weaknesses(person)
    breaches += _orphans(view, {person.name for person in known.everybody})
    breaches += _group_passwords(view)
    return Judgement.of(breaches, f"{len(known.everybody)} accounts and their groups")


def _weaknesses(person: Person) -> Iterator[Breach]:
    """What is wrong with a password field."""
    field = person.password
    if field == "":
        yield Breach(*person.kept_in, f"{person.name} needs no password", "a strong hash, or *")
    elif field in _MARKS:
        return
    elif field.startswith(("!", "*")):
        yield Breach(*person.kept_in, f"{person.name}: an old hash behind a lock", "*, without the old hash")
    elif person.kept_in[0] == PASSWD:
        yield Breach(*person.kept_in, f"{person.name}: a hash everybody can read", "x, and the hash in /etc/shadow")
    elif not _STRONG.fullmatch(field):
        yield Breach(*person.kept_in, f"{person.name}: {_scheme(field)}", "SHA-512 crypt ($6$) or yescrypt ($y$)")
    else:
        guesses = dict.fromkeys((*_GUESSES, person.name))
        if any(crypt_hash.fits(guess, field) for guess in guesses):
            yield Breach(*person.kept_in, f"{person.name}: a password anybody would try first", "a long one of its own")


def _scheme(field: str) -> str:
    found = re.match(r"\$([^$]*)\$", field)
    if found is None:
        return "a DES hash, or none at all"
    return f"a hash by {_WEAK.get(found[1], 'an unknown scheme')}"


def _orphans(view: ImageView, names: set[str]) -> Iterator[Breach]:
    """Hashes of accounts that are no more."""
    for path, data in files(view, "/etc/shadow"):
        for number, line in lines(data):
            fields = line.split(":")
            if len(fields) > 1 and fields[0] not in names and fields[1] not in _MARKS:
                yield Breach(path, number, f"a password of {harmless(fields[0])}, who has no account", "no such line")


def _group_passwords(view: ImageView) -> Iterator[Breach]:
    """A group's password makes a member of whoever knows it; an empty one in gshadow lets nobody in."""
    for path, allowed in ((GROUP, ("x", *_MARKS)), (GSHADOW, ("", "x", *_MARKS))):
        for place, data in files(view, path):
            for number, line in lines(data):
                fields = line.split(":")
                if len(fields) == 4 and fields[1] not in allowed and not (path == GROUP and fields[1] == ""):
                    yield Breach(place, number, f"group {harmless(fields[0])} has a password", "* or !")


def _backups(view: ImageView, expected: Expected) -> Judgement:
    del expected
    # Debian ships an empty opasswd; a link to nothing is no copy either.
    found = [path for path in paths(view, *_BACKUPS) if (node := view.node(path)) is not None and node.size]
    return Judgement.of(
        [Breach(str(path), 0, "a copy of accounts or password hashes", "no copy in the image") for path in found],
        "no copies of account files in the usual places",
    )


def _console(view: ImageView, expected: Expected) -> Judgement:
    """A shell at the console without login makes every password pointless."""
    del expected
    breaches = []
    looked = []
    for path, data in files(view, "/etc/inittab"):
        looked.append(path)
        for number, words in words_of(data):
            command = " ".join(words).split(":", 3)[-1]
            if re.search(r"(^|[/\-+ ])(ash|bash|sh|dash)( -l| -i|$)", command) and "/etc/" not in command:
                breaches.append(Breach(path, number, "a shell without login", "getty and login"))
            breaches += _automatic(path, number, command)
    units = ("/etc/systemd/system/*.service", "/etc/systemd/system/*.service.d/*.conf")
    for path, data in files(view, *units, *(pattern for pattern in READS if "getty" in pattern)):
        looked.append(path)
        for number, line in lines(data):
            if line.strip().startswith("ExecStart"):
                breaches += _automatic(path, number, line)
    for path in paths(view, "/etc/systemd/system/*.wants/debug-shell.service"):
        breaches.append(Breach(str(path), 0, "a root shell on tty9 from the start", "not enabled"))
    if not looked and not breaches:
        return Judgement.not_applicable("neither an inittab nor units of systemd")
    return Judgement.of(breaches, f"{len(looked)} files that start logins")


def _automatic(path: str, number: int, command: str) -> Iterator[Breach]:
    if "getty" in command and _AUTOMATIC.search(command):
        yield Breach(path, number, "a login without password at the console", "getty that asks for name and password")


RULES = (
    Rule(
        id="accounts.root_password",
        title="root's password is hashed strongly and none that anybody would try first",
        why=(
            "Factory passwords are in manuals and in every scanner's list. One guess gives root, and with it every "
            "secret of the gateway."
        ),
        severity=Severity.HIGH,
        documents=("A:11", "A:16"),
        references=(
            "CIS 5.4.2.4",
            "CaC ensure_root_password_configured",
            "CaC no_empty_passwords_etc_shadow",
            "ANSSI R31",
            "ANSSI R68",
            "ETSI 5.1-1",
            "ETSI 5.1-2",
            "62443 CR 1.5",
            "62443 CR 1.7",
            "lynis AUTH-9229",
        ),
        profile="documents",
        check=_root,
        remedy='[accounts] root = "password" derives one for each gateway, "locked" leaves root without',
        conflict='today\'s practice is an account without password and sudo by key: [accounts] root = "locked"',
        enforced_by="accounts",
    ),
    Rule(
        id="accounts.inherited",
        title="no account or group has an empty, weak, guessable or left-over password",
        why=(
            "A password that came with the vanilla image or the golden sample is the same on every copy and known to "
            "people who left long ago."
        ),
        severity=Severity.HIGH,
        documents=("A:11", "A:24"),
        references=(
            "CIS 7.2.2",
            "CIS 5.4.1.4",
            "CaC no_password_in_passwd",
            "ANSSI R68",
            "ETSI 5.4-3",
            "lynis AUTH-9283",
        ),
        profile="documents",
        check=_others,
        remedy="void the field: * lets nobody in by password and, unlike !, keys still work with UsePAM no",
        enforced_by="accounts",
    ),
    Rule(
        id="accounts.backups",
        title="no copies of account files with old password hashes",
        why=(
            "Old copies of the account files keep hashes of passwords that were replaced. They can be cracked at "
            "leisure and often open other machines."
        ),
        severity=Severity.MEDIUM,
        documents=("A:11",),
        references=("CIS 7.1.2", "virt-sysprep passwd-backups", "ANSSI R50"),
        profile="documents",
        check=_backups,
        remedy="delete the copies in the vanilla image",
        enforced_by="identity",
    ),
    Rule(
        id="accounts.console_login",
        title="no console gives a shell or a login without password",
        why="Whoever plugs a cable into the serial port has a root shell, and the passwords protect nothing.",
        severity=Severity.HIGH,
        documents=("A:11",),
        references=("CIS 1.4.3", "CaC require_singleuser_auth", "62443 CR 1.1", "ETSI 5.6-4"),
        profile="documents",
        check=_console,
        remedy="take the line out of the vanilla image, or let getty ask for name and password",
    ),
)
