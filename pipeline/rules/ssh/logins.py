"""Who can really log in over SSH: everything sshd looks at before it lets somebody in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pipeline.formats.ssh import ssh_public_key
from pipeline.formats.ssh.ssh_public_key import PublicKeyError
from pipeline.formats.ssh.sshd_config import Statement
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach
from pipeline.rules.accounts.people import PASSWD, People, Person
from pipeline.rules.looking import program, writable_by_others
from pipeline.rules.ssh.dropbear import Dropbear
from pipeline.rules.ssh.sshd import Daemon

NO_LOGIN_FILE = "/etc/nologin"


@dataclass(frozen=True)
class Login:
    """One account's chances.

    Attributes:
        obstacles: why it cannot get in; empty when it can.
        asks_for_nothing_more: it gets in by key.
    """

    person: Person
    obstacles: tuple[Breach, ...] = field(default=())

    @property
    def works(self) -> bool:
        """Whether the account gets in."""
        return not self.obstacles


def logins(
    view: ImageView, known: People, server: Daemon | None, small: Dropbear | None, day: int
) -> tuple[Login, ...]:
    """Everybody with a shell, and what stands in the way.

    Args:
        day: since 1970, for accounts that expire.
    """
    return tuple(
        Login(person, tuple(_obstacles(view, known, person, server, small, day)))
        for person in known.everybody
        if person.may_log_in
    )


def _obstacles(
    view: ImageView, known: People, person: Person, server: Daemon | None, small: Dropbear | None, day: int
) -> Iterator[Breach]:
    if program(view, person.shell) is None:
        yield Breach(PASSWD, person.line, f"{person.name}: no program {person.shell}", "a shell the image has")
    if person.expires is not None and person.expires < day:
        yield Breach(*person.kept_in, f"{person.name}: the account has expired", "no expiry")
    if person.uid and view.exists(NO_LOGIN_FILE):
        yield Breach(NO_LOGIN_FILE, 0, "lets nobody but root log in", "not there")
    ways = []
    if server is not None:
        ways.append((*_sshd_refuses(known, person, server), *_no_way(view, person, server)))
    if small is not None:
        ways.append(tuple(_dropbear_refuses(view, person, small)))
    if ways and all(ways):
        yield from min(ways, key=len)


def _sshd_refuses(known: People, person: Person, server: Daemon) -> Iterator[Breach]:
    """What sshd checks whatever the way in."""
    pam = server.value("usepam", "no") == "yes"
    if person.uid == 0 and server.value("permitrootlogin", "prohibit-password") not in (
        "yes",
        "prohibit-password",
        "without-password",
    ):
        yield Breach(*server.place("permitrootlogin"), f"{person.name} is root, who may not log in", "a user")
    if person.password.startswith("!") and not pam:
        found = f"{person.name}: marked ! and UsePAM no: sshd takes the account for locked and refuses its keys too"
        yield Breach(*person.kept_in, found, "* instead of !")
    if pam and person.last_change == 0:
        found = f"{person.name}: a new password is asked for, which needs a terminal sshd does not give"
        yield Breach(*person.kept_in, found, "the day of the last change")
    groups = known.groups_of(person)
    for keyword, wanted, names in (
        ("denyusers", False, {person.name}), ("allowusers", True, {person.name}),
        ("denygroups", False, groups), ("allowgroups", True, groups),
    ):  # fmt: skip
        said = server.effective.everywhere.get(keyword, ())
        if said and _named(said, names) != wanted:
            what = "is not among those who may" if wanted else "is among those who may not"
            yield Breach(said[0].file, said[0].line, f"{keyword}: {person.name} {what}", "the users of the release")


def _named(statements: tuple[Statement, ...], names: set[str] | frozenset[str]) -> bool:
    """Whether a name fits one of the patterns; what follows an @ is about where somebody comes from."""
    patterns = [pattern.partition("@")[0] for statement in statements for pattern in statement.arguments]
    refused = {name for name in names for p in patterns if p.startswith("!") and fnmatchcase(name, p[1:])}
    return any(fnmatchcase(name, pattern) for name in names - refused for pattern in patterns)


def _no_way(view: ImageView, person: Person, server: Daemon) -> Iterator[Breach]:
    """Neither by key nor, where passwords are taken, by password."""
    if person.has_password and person.password and not _only_keys(server, person):
        return
    if server.value("pubkeyauthentication", "yes") != "yes":
        yield Breach(*server.place("pubkeyauthentication"), "no keys are taken", "yes")
        return
    said = server.effective.everywhere.get("authorizedkeysfile", ())
    places = said[0].arguments if said else (".ssh/authorized_keys", ".ssh/authorized_keys2")
    found = [_expanded(place, person) for place in places]
    if not any(view.exists(path) for path in found):
        yield Breach(found[0] if found else "/etc/ssh/sshd_config", 0, f"{person.name} has no authorized keys", "a key")
        return
    strict = server.value("strictmodes", "yes") == "yes"
    ways = [[*_keys_refused(view, person, path, strict=strict)] for path in found if view.exists(path)]
    if all(ways):
        yield from min(ways, key=len)


def _only_keys(server: Daemon, person: Person) -> bool:
    methods = server.value("authenticationmethods", "any")
    if methods != "any" and "password" not in methods and "keyboard-interactive" not in methods:
        return True
    if person.uid == 0 and server.value("permitrootlogin", "prohibit-password") != "yes":
        return True
    pam_dialogue = (
        server.value("usepam", "no") == "yes" and server.value("kbdinteractiveauthentication", "yes") == "yes"
    )
    return server.value("passwordauthentication", "yes") != "yes" and not pam_dialogue


def _expanded(place: str, person: Person) -> str:
    path = place.replace("%u", person.name).replace("%h", person.home).replace("%%", "%")
    return path if path.startswith("/") else f"{person.home.rstrip('/')}/{path}"


def _keys_refused(view: ImageView, person: Person, path: str, *, strict: bool) -> Iterator[Breach]:
    """Why the keys of a file do not count; `strict` as sshd's StrictModes."""
    usable = False
    for line in (view.find(path) or b"").decode("utf-8", "replace").splitlines():
        try:
            usable = usable or ssh_public_key.parse(line).algorithm != "ssh-dss"
        except PublicKeyError:
            continue
    if not usable:
        yield Breach(path, 0, f"{person.name}: no key sshd would take", "a public key")
    if strict:
        for place in (path, *_up_to_home(path, person.home)):
            node = view.node(place)
            if node is not None and writable_by_others(node, person.uid):
                found = f"mode {node.mode:04o}, uid {node.uid}: sshd refuses {person.name}'s keys"
                yield Breach(place, 0, found, f"{person.name}'s or root's, written by nobody else")


def _up_to_home(path: str, home: str) -> Iterator[str]:
    """The directories sshd checks: from the file up to the home, or to / outside of it."""
    for directory in reversed(GuestPath(path).ancestors()):
        yield str(directory)
        if str(directory) == home.rstrip("/"):
            return


def _dropbear_refuses(view: ImageView, person: Person, small: Dropbear) -> Iterator[Breach]:
    if person.uid == 0 and small.has("w"):
        yield Breach(*small.place, "flag -w: root may not log in", "a user")
    if person.has_password and person.password and not small.has("s"):
        return
    path = f"{person.home.rstrip('/')}/.ssh/authorized_keys"
    if not view.exists(path):
        yield Breach(path, 0, f"{person.name} has no authorized keys", "a key")
    else:
        yield from _keys_refused(view, person, path, strict=True)
