"""People's accounts: unprivileged, with a shell, a home of their own, and an explicit word about sudo (A:17)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pipeline.formats.accounts import sudoers
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.accounts.people import GROUP, PASSWD, People, Person, people
from pipeline.rules.looking import files, first_program, harmless, loose, paths, program, writable_by_others

READS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/sudoers", "/etc/sudoers.d/*")

# Members of these are root in all but name, or read what only root should (hashes, disks, memory, other machines).
_AS_GOOD_AS_ROOT = ("root", "wheel", "sudo", "adm", "disk", "docker", "lxd", "shadow", "kmem", "libvirt", "staff")


def _users(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    persons = [person for person in known.everybody if person.is_person and person.may_log_in]
    if not persons:
        return Judgement.failed(
            Breach(PASSWD, 0, "no account of a person with a shell", "at least one user without root privileges")
        )
    breaches = [breach for person in persons for breach in (*_shell(view, person), *_home(view, person))]
    return Judgement.of(breaches, ", ".join(person.name for person in persons))


def _shell(view: ImageView, person: Person) -> Iterator[Breach]:
    if program(view, person.shell) is None:
        yield Breach(PASSWD, person.line, f"{person.name}: the image has no program {person.shell}", "a shell it has")


def _home(view: ImageView, person: Person) -> Iterator[Breach]:
    node = view.node(person.home)
    if node is None or node.kind is not Kind.DIRECTORY:
        yield Breach(PASSWD, person.line, f"{person.name}: the image has no directory {person.home}", "a home")
        return
    if node.uid != person.uid:
        yield Breach(person.home, 0, f"belongs to uid {node.uid}", f"uid {person.uid}, {person.name}")
    if node.mode & 0o022:
        yield Breach(person.home, 0, f"mode {node.mode:04o}: others may write", "at most 0755")
    keys = f"{person.home.rstrip('/')}/.ssh"
    for path in (keys, *(str(path) for path in paths(view, f"{keys}/authorized_keys*"))):
        found = view.node(path)
        if found is not None and writable_by_others(found, person.uid):
            what = f"mode {found.mode:04o}, uid {found.uid}: sshd refuses the keys in it"
            yield Breach(path, 0, what, "the user's, and written by nobody else")


def _only_root(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    return Judgement.of(
        [
            Breach(PASSWD, person.line, f"{person.name} has uid 0", "root alone has uid 0")
            for person in known.everybody
            if person.uid == 0 and person.name != "root"
        ],
        "nobody but root has uid 0",
    )


def _unique(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    often = Counter(person.uid for person in known.everybody if person.uid)
    breaches = [
        Breach(PASSWD, person.line, f"{person.name} shares uid {person.uid}", "a uid of its own")
        for person in known.everybody
        if often[person.uid] > 1
    ]
    numbers = Counter(gid for gid, _ in known.groups.values())
    breaches += [
        Breach(GROUP, 0, f"group {name} shares gid {gid}", "a gid of its own")
        for name, (gid, _) in known.groups.items()
        if numbers[gid] > 1
    ]
    breaches += [
        Breach(PASSWD, person.line, f"{person.name}: group {person.gid} is nobody's", f"a group in {GROUP}")
        for person in known.everybody
        if person.is_person and person.gid not in numbers
    ]
    return Judgement.of(breaches, f"{len(known.everybody)} accounts, {len(known.groups)} groups")


def _groups(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    persons = [person for person in known.everybody if person.is_person]
    if not persons:
        return Judgement.not_applicable("no account of a person")
    return Judgement.of([*_privileges(view, known, persons)], ", ".join(person.name for person in persons))


def _privileges(view: ImageView, known: People, persons: list[Person]) -> Iterator[Breach]:
    where = dict.fromkeys(_AS_GOOD_AS_ROOT, 0)
    for _, data in files(view, GROUP):
        where.update({line.split(":")[0]: number for number, line in enumerate(data.decode().splitlines(), 1)})
    for person in persons:
        for name in sorted(known.groups_of(person) & {*_AS_GOOD_AS_ROOT}):
            yield Breach(GROUP, where[name], f"{person.name} is in group {name}", "no group as good as root")


def _sudo(view: ImageView, expected: Expected) -> Judgement:
    del expected
    if first_program(view, "/usr/bin/sudo", "/usr/local/bin/sudo") is None:
        return Judgement.not_applicable("the image has no sudo")
    known = people(view)
    main = view.find("/etc/sudoers")
    if known is None or main is None:
        return Judgement.not_applicable("sudo has no /etc/sudoers, so it lets nobody do anything")
    includes = sudoers.parse(main).includes
    breaches = [
        Breach(str(passed_over), 0, "sudo passes over names with a dot or ending in ~", "a plain name")
        for pattern in includes
        for passed_over in paths(view, pattern)
        if passed_over.name.endswith("~") or "." in passed_over.name
    ]
    more = [
        (path, data)
        for path, data in files(view, *includes)
        if not path.endswith("~") and "." not in path.rpartition("/")[2]
    ]
    read = sudoers.read((("/etc/sudoers", main), *more))
    for path, content in read.items():
        breaches += [
            Breach(path, line, f"includes {harmless(included)}, which is not there", "a file that is there")
            for included, line in content.includes.items()
            if not included.endswith("/*") and not view.exists(included)
        ]
        for line, what in content.refused:
            found = f"sudo does not take it: {harmless(what)}"
            breaches.append(Breach(path, line, found, "a line sudo takes (visudo -c)"))
        node = view.node(path)
        if node is not None:
            breaches += loose(path, node, 0o440)
        breaches += _wide_grants(path, content, known)
    return Judgement.of(breaches, f"{len(read)} files: who may become root is named")


def _wide_grants(path: str, content: sudoers.Sudoers, known: People) -> Iterator[Breach]:
    """Root for everybody is no choice, and a name without account is one waiting for somebody."""
    for grant in content.grants:
        if not grant.as_root:
            continue
        if grant.who == "ALL":
            yield Breach(path, grant.line, "everybody may become root", "the names of those who may")
        elif grant.who.startswith("%") and grant.who[1:] in known.groups and not grant.password:
            yield Breach(path, grant.line, f"all of {grant.who} may, without a password", "the names of those who may")
        elif grant.who[0] not in "%#+" and known.get(grant.who) is None:
            yield Breach(path, grant.line, f"{grant.who} has no account", "accounts the image has")


RULES = (
    Rule(
        id="accounts.users",
        title="people have accounts without root privileges that work: shell, home, modes",
        why=(
            "People who share root cannot be told apart in the logs, and one stolen session gives away the whole "
            "gateway."
        ),
        severity=Severity.MEDIUM,
        documents=("A:17", "A:22"),
        references=(
            "CIS 7.2.9",
            "ANSSI R33",
            "ANSSI R56",
            "CRA I.1(2)(d)",
            "62443 CR 1.1",
            "62443 CR 2.1",
            "ETSI 5.6-7",
        ),
        profile="documents",
        check=_users,
        remedy="[[accounts.users]] in gateway.toml, or users of the gateway in the inventory",
        enforced_by="accounts",
    ),
    Rule(
        id="accounts.only_root_is_root",
        title="root alone has uid 0",
        why='A second account with uid 0 is a back door that audits of "root" never see.',
        severity=Severity.HIGH,
        documents=("A:17", "A:26"),
        references=("CIS 5.4.2.1", "CaC accounts_no_uid_except_zero", "lynis AUTH-9204"),
        profile="documents",
        check=_only_root,
        remedy="take the other account out of the vanilla image; PermitRootLogin is about the name root's uid",
    ),
    Rule(
        id="accounts.unique_numbers",
        title="every account and group has a number of its own",
        why=(
            "Two accounts with one number own each other's files; what was granted to one is granted to the other "
            "without anybody having decided it."
        ),
        severity=Severity.MEDIUM,
        documents=("A:17",),
        references=(
            "CIS 7.2.3",
            "CIS 7.2.5",
            "CIS 7.2.6",
            "CaC account_unique_id",
            "CaC group_unique_id",
            "lynis AUTH-9208",
        ),
        profile="documents",
        check=_unique,
        remedy="give each its own number; files belong to numbers, not to names",
        enforced_by="accounts",
    ),
    Rule(
        id="accounts.privileged_groups",
        title="people are in no group that is as good as root",
        why=(
            "Members of groups such as disk, docker or shadow read every file or become root in one command, without "
            "sudo and without a trace of it."
        ),
        severity=Severity.HIGH,
        documents=("A:17",),
        references=("ANSSI R38", "ANSSI R43", "CIS 5.2.7", "62443 CR 2.1"),
        profile="documents",
        check=_groups,
        remedy="take the account out of the group; who may become root is said by sudo",
        enforced_by="accounts",
    ),
    Rule(
        id="accounts.sudo",
        title="who may become root is named in sudoers, and only root can change that",
        why=(
            "A sudoers file others can write, or a line that grants more than was meant, turns any stolen account into "
            "root."
        ),
        severity=Severity.HIGH,
        documents=("A:17",),
        references=("CIS 5.2.4", "ANSSI R39", "ANSSI R40", "ANSSI R43", "CaC sudo_remove_nopasswd", "62443 CR 2.1"),
        profile="documents",
        check=_sudo,
        remedy='sudo = "none", "password" or "nopasswd" of each user in gateway.toml',
        conflict="CIS 5.2.4 wants a password asked for; users who log in by key have none: sudo = password asks root's",
        enforced_by="accounts",
    ),
)
