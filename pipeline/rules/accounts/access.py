"""What follows from all rules together: somebody gets in, and somebody can administer (else the gateway is lost)."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.accounts import sudoers
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.accounts.people import PASSWD, People, Person, people
from pipeline.rules.looking import files, first_program
from pipeline.rules.ssh import dropbear, sshd
from pipeline.rules.ssh.key_sizes import READS as KEY_READS
from pipeline.rules.ssh.logins import NO_LOGIN_FILE, Login, logins

READS = (*sshd.READS, *dropbear.READS, *KEY_READS, "/etc/sudoers", "/etc/sudoers.d/*", NO_LOGIN_FILE)


def _everybody(view: ImageView, expected: Expected) -> tuple[People, tuple[Login, ...]] | Judgement:
    known = people(view)
    server, small = sshd.daemon(view), dropbear.dropbear(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    if server is None and small is None:
        return Judgement.not_applicable("the image has no SSH server")
    return known, logins(view, known, server, small, expected.day)


def _login(view: ImageView, expected: Expected) -> Judgement:
    found = _everybody(view, expected)
    if isinstance(found, Judgement):
        return found
    _, chances = found
    able = [login.person.name for login in chances if login.works]
    if able:
        return Judgement.passed(f"{', '.join(able)} can log in")
    obstacles = [obstacle for login in chances for obstacle in login.obstacles]
    nobody = Breach(PASSWD, 0, "nobody has a shell", "a user with a shell and a key")
    return Judgement.failed(*(obstacles or [nobody]))


def _users_log_in(view: ImageView, expected: Expected) -> Judgement:
    """A person with keys is meant to get in."""
    found = _everybody(view, expected)
    if isinstance(found, Judgement):
        return found
    _, chances = found
    meant = [
        login
        for login in chances
        if login.person.is_person and view.exists(f"{login.person.home.rstrip('/')}/.ssh/authorized_keys")
    ]
    if not meant:
        return Judgement.not_applicable("no person has authorized keys")
    breaches = [obstacle for login in meant for obstacle in login.obstacles]
    return Judgement.of(breaches, ", ".join(login.person.name for login in meant))


def _administer(view: ImageView, expected: Expected) -> Judgement:
    if not expected.root_by_people:
        return Judgement.passed("the release has chosen that nobody becomes root on the gateway")
    found = _everybody(view, expected)
    if isinstance(found, Judgement):
        return found
    known, chances = found
    able = [login.person for login in chances if login.works]
    if not able:
        return Judgement.failed(Breach(PASSWD, 0, "nobody can log in, so nobody can become root", "see access.login"))
    obstacles: list[Breach] = []
    for person in able:
        against = [*_cannot_become_root(view, known, person)]
        if not against:
            return Judgement.passed(f"{person.name} can become root")
        obstacles += against
    return Judgement.failed(*obstacles)


def _cannot_become_root(view: ImageView, known: People, person: Person) -> Iterator[Breach]:
    """Neither by sudo nor by su with root's password."""
    root = known.get("root")
    root_password = root is not None and root.has_password
    su = first_program(view, "/bin/su", "/usr/bin/su")
    if person.uid == 0 or (root_password and su is not None and _is_setuid(view, su)):
        return
    sudo = first_program(view, "/usr/bin/sudo", "/usr/local/bin/sudo")
    if sudo is None:
        yield Breach(
            PASSWD, person.line, f"{person.name} cannot become root: no sudo, and su needs root's password", "a way"
        )
        return
    if not _is_setuid(view, sudo):
        yield Breach(sudo, 0, "sudo is not setuid root: it can do nothing", "mode 4755, root")
        return
    read = [*sudoers.read(tuple(_sudo_files(view))).items()]
    rootpw = frozenset(name for _, content in read for name in content.rootpw)
    grants = [
        (path, grant)
        for path, content in read
        for grant in content.grants
        if grant.as_root and grant.everything and _means(grant.who, person, known)
    ]
    if not grants:
        yield Breach(
            "/etc/sudoers", 0, f"{person.name} may not become root by sudo", "an entry, or the choice against it"
        )
        return
    path, grant = grants[-1]
    asked = root_password if rootpw & {person.name, "ALL"} else person.has_password
    if grant.password and not asked:
        yield Breach(
            path, grant.line, f"sudo asks {person.name} for a password, and none is set", "NOPASSWD, or a password"
        )


def _sudo_files(view: ImageView) -> Iterator[tuple[str, bytes]]:
    main = view.find("/etc/sudoers")
    if main is None:
        return
    yield "/etc/sudoers", main
    for path, data in files(view, *sudoers.parse(main).includes):
        if "." not in path.rpartition("/")[2] and not path.endswith("~"):
            yield path, data


def _means(who: str, person: Person, known: People) -> bool:
    if who.startswith("%"):
        return who[1:] in known.groups_of(person)
    return who in ("ALL", person.name, f"#{person.uid}")


def _is_setuid(view: ImageView, path: str) -> bool:
    node = view.node(path)
    return node is not None and node.uid == 0 and bool(node.mode & 0o4000)


RULES = (
    Rule(
        id="access.login",
        title="at least one user can really log in over SSH",
        why="If nobody can log in over SSH, a gateway in the field can be repaired only by driving to it.",
        severity=Severity.HIGH,
        documents=("A:17", "A:38"),
        references=("ETSI 5.9-1", "CRA I.1(2)(h)", "62443 CR 1.1"),
        profile="documents",
        check=_login,
        remedy="give a user a key and a shell the image has; with UsePAM no, never mark an account with !",
        conflict="A:22 (an account without password is marked !) and A:72 (UsePAM no) together lock everybody out",
        enforced_by="accounts",
    ),
    Rule(
        id="access.users",
        title="every person with authorized keys gets in by them",
        why=(
            "A person whose keys do not work asks for an exception on a bad day, and gets a shared account or a "
            "password."
        ),
        severity=Severity.MEDIUM,
        documents=("A:22", "A:43"),
        references=("ETSI 5.9-1", "62443 CR 1.1"),
        profile="documents",
        check=_users_log_in,
        remedy="mend what is named, or take the keys away",
        enforced_by="accounts",
    ),
    Rule(
        id="access.administer",
        title="somebody who can log in can become root, or the release has chosen that nobody can",
        why=(
            "Without anybody who can become root, a gateway in the field cannot be repaired or patched; it has to be "
            "reflashed on site."
        ),
        severity=Severity.MEDIUM,
        documents=("A:17", "A:26"),
        references=("ANSSI R39", "62443 CR 2.1", "CRA I.1(2)(c)"),
        profile="documents",
        check=_administer,
        remedy='sudo = "nopasswd" for a user, or [accounts] root = "password"; [rules] root_by_people = false chooses',
        enforced_by="accounts",
    ),
)
