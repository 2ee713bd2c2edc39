"""Who may log in over SSH, and how: by key only, never as root (A:26 to A:73)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.accounts.people import people
from pipeline.rules.looking import harmless, paths
from pipeline.rules.ssh import dropbear, sshd
from pipeline.rules.ssh.sshd import Daemon

READS = (*sshd.READS, *dropbear.READS, "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")

Ask = Callable[[ImageView, Daemon], Iterable[Breach]]
AskFlags = Callable[[ImageView, dropbear.Dropbear], Iterable[Breach]]


def _judged(view: ImageView, of_sshd: Ask, of_dropbear: AskFlags | None, why: str) -> Judgement:
    """Ask about every SSH server the image has; one that nobody starts today may be started tomorrow."""
    server, small = sshd.daemon(view), dropbear.dropbear(view)
    if server is None and small is None:
        return Judgement.not_applicable("the image has no SSH server")
    breaches: list[Breach] = []
    unclear: list[str] = []
    if server is not None:
        breaches += of_sshd(view, server)
        unclear += [f"{breach.path} line {breach.line}: {breach.found}" for breach in server.unclear]
    if small is not None and of_dropbear is not None:
        breaches += of_dropbear(view, small)
        unclear += [f"{small.place[0]}: flags of dropbear only a shell could work out"] if small.unclear else []
    if unclear and not breaches:
        return Judgement.unverifiable("; ".join(unclear))
    if server is None and of_dropbear is None:
        return Judgement.not_applicable("dropbear is the only SSH server and has no such option")
    return Judgement.of(breaches, why)


def _must_be(server: Daemon, keyword: str, wanted: str, default: str) -> Iterator[Breach]:
    """A keyword for everybody, and in every Match block."""
    if server.value(keyword, default) != wanted:
        said = server.effective.value(keyword)
        found = f"{keyword} {harmless(said)}" if said else f"nothing says {keyword}, so sshd takes {default}"
        yield Breach(*server.place(keyword), found, wanted)
    for statement in server.exceptions(keyword):
        if " ".join(statement.arguments).lower() != wanted:
            block = harmless(" ".join(statement.match))
            found = f"{keyword} {harmless(' '.join(statement.arguments))} for Match {block}"
            yield Breach(statement.file, statement.line, found, wanted)


def _must_not_be_set(server: Daemon, keyword: str, why: str) -> Iterator[Breach]:
    everywhere = server.effective.everywhere.get(keyword, ())
    for statement in (*everywhere, *server.exceptions(keyword)):
        if " ".join(statement.arguments).lower() != "none":
            yield Breach(statement.file, statement.line, f"{keyword} is set: {why}", "not set")


def _no_root(view: ImageView, expected: Expected) -> Judgement:
    del expected
    return _judged(
        view,
        lambda view, server: (*_must_be(server, "permitrootlogin", "no", "prohibit-password"), *_roots_keys(view)),
        lambda view, small: (
            *([] if small.has("w") else [Breach(*small.place, "dropbear lets root in", "flag -w")]),
            *_roots_keys(view),
        ),
        "root is refused, and has no keys",
    )


def _roots_keys(view: ImageView) -> Iterator[Breach]:
    known = people(view)
    homes = {person.home for person in (known.everybody if known else ()) if person.uid == 0} | {"/root"}
    for home in sorted(homes):
        for path in paths(view, f"{home.rstrip('/')}/.ssh/authorized_keys*"):
            yield Breach(str(path), 0, "keys that may log in as root", "no such file")


def _public_key(view: ImageView, expected: Expected) -> Judgement:
    del expected
    return _judged(view, _keys_only, None, "public keys and nothing else")


def _keys_only(view: ImageView, server: Daemon) -> Iterator[Breach]:
    del view
    yield from _must_be(server, "pubkeyauthentication", "yes", "yes")
    if server.version is None or server.version >= (6, 2):
        yield from _must_be(server, "authenticationmethods", "publickey", "any")
    for keyword in ("hostbasedauthentication", "gssapiauthentication", "kerberosauthentication"):
        yield from _must_be(server, keyword, "no", "no")
    for keyword, why in (
        ("authorizedkeyscommand", "a program decides which keys fit"),
        ("trustedusercakeys", "whoever has that key can make keys for everybody"),
        ("authorizedprincipalscommand", "a program decides which certificates fit"),
    ):
        yield from _must_not_be_set(server, keyword, why)


def _rsa_authentication(view: ImageView, expected: Expected) -> Judgement:
    del expected
    server = sshd.daemon(view)
    if server is None:
        return Judgement.not_applicable("the image has no OpenSSH server")
    if server.version is not None and server.version < (7, 4):
        return Judgement.of([*_must_be(server, "rsaauthentication", "yes", "yes")], "RSAAuthentication yes is in force")
    breaches = [*_must_be(server, "pubkeyauthentication", "yes", "yes")]
    return Judgement.of(
        breaches, "satisfied by PubkeyAuthentication: RSAAuthentication was about protocol 1, gone in 7.4"
    )


def _no_passwords(view: ImageView, expected: Expected) -> Judgement:
    del expected
    return _judged(view, _refuses_passwords, _small_refuses_passwords, "no passwords, and no dialogue that takes them")


def _refuses_passwords(view: ImageView, server: Daemon) -> Iterator[Breach]:
    del view
    yield from _must_be(server, "passwordauthentication", "no", "yes")
    yield from _must_be(server, "kbdinteractiveauthentication", "no", "yes")
    yield from _must_be(server, "permitemptypasswords", "no", "no")


def _small_refuses_passwords(view: ImageView, small: dropbear.Dropbear) -> Iterator[Breach]:
    del view
    if not small.has("s"):
        yield Breach(*small.place, "dropbear takes passwords", "flag -s")
    if small.has("B"):
        yield Breach(*small.place, "flag -B: dropbear takes empty passwords", "not given")


def _use_pam(view: ImageView, expected: Expected) -> Judgement:
    wanted = "yes" if expected.use_pam else "no"
    return _judged(
        view, lambda _, server: _must_be(server, "usepam", wanted, "no"), None, f"UsePAM {wanted}, as chosen"
    )


def _starts(view: ImageView, expected: Expected) -> Judgement:
    del expected
    return _judged(view, lambda _, server: server.refused, lambda *_: (), "the server accepts its configuration")


RULES = (
    Rule(
        id="ssh.starts",
        title="the SSH server accepts its configuration and will start",
        why=(
            "A server that refuses its configuration does not start, and the gateway cannot be reached after the first "
            "boot."
        ),
        severity=Severity.HIGH,
        documents=("A:36", "A:60"),
        references=("ETSI 5.6-1", "62443 CR 7.6"),
        profile="documents",
        check=_starts,
        remedy="mend the file named; `sshd -T` says the same",
        enforced_by="ssh",
    ),
    Rule(
        id="ssh.no_root",
        title="nobody logs in as root over SSH",
        why=(
            "Root is the one user name every attacker knows. Without root logins a password or key of root alone opens "
            "nothing, and logs name a person."
        ),
        severity=Severity.HIGH,
        documents=("A:26", "A:34"),
        references=("CIS 5.1.20", "CaC sshd_disable_root_login", "ANSSI R33", "lynis SSH-7408", "62443 CR 1.1"),
        profile="documents",
        check=_no_root,
        remedy="PermitRootLogin no for everybody; dropbear: -w",
        enforced_by="ssh",
    ),
    Rule(
        id="ssh.public_key",
        title="SSH logins are by public key and by nothing else",
        why="Keys cannot be guessed. Any other way in is as strong as the weakest password somebody ever chose.",
        severity=Severity.HIGH,
        documents=("A:38", "A:53", "A:58"),
        references=(
            "CIS 5.1.10",
            "CIS 5.1.11",
            "CaC disable_host_auth",
            "CaC sshd_disable_gssapi_auth",
            "62443 CR 1.9",
        ),
        profile="documents",
        check=_public_key,
        remedy="PubkeyAuthentication yes and AuthenticationMethods publickey for everybody",
        enforced_by="ssh",
    ),
    Rule(
        id="ssh.rsa_authentication",
        title="RSAAuthentication is in force where sshd still has it",
        why="Old servers take their keys only with this option; without it, people switch passwords back on to get in.",
        severity=Severity.LOW,
        documents=("A:57",),
        references=("OpenSSH 7.4 release notes", "CaC sshd_disable_rhosts_rsa"),
        profile="documents",
        check=_rsa_authentication,
        remedy="PubkeyAuthentication yes",
        conflict="the keyword is of protocol 1; from OpenSSH 7.4 on sshd only warns of it, so it is not written there",
        enforced_by="ssh",
    ),
    Rule(
        id="ssh.no_passwords",
        title="SSH takes no passwords, asked for or typed into a dialogue",
        why=(
            "Every address on the Internet sees thousands of password guesses a day. One weak password among all "
            "accounts is enough."
        ),
        severity=Severity.HIGH,
        documents=("A:62", "A:70", "A:71"),
        references=(
            "CIS 5.1.19",
            "CaC sshd_disable_empty_passwords",
            "CaC sshd_disable_kbd_interactive_auth",
            "ETSI 5.1-1",
        ),
        profile="documents",
        check=_no_passwords,
        remedy="PasswordAuthentication no and KbdInteractiveAuthentication no for everybody; dropbear: -s",
        enforced_by="ssh",
    ),
    Rule(
        id="ssh.use_pam",
        title="UsePAM is what the release has chosen; the documents ask for no",
        why=(
            "PAM can let in by password what sshd itself refuses, and where it is off, an account marked with ! is "
            "locked out altogether. What holds must be somebody's decision."
        ),
        severity=Severity.MEDIUM,
        documents=("A:72",),
        references=("CIS 5.1.22", "CaC sshd_enable_pam", "dev-sec ssh_use_pam"),
        profile="documents",
        check=_use_pam,
        remedy="[ssh] use_pam in gateway.toml",
        conflict="CIS, ComplianceAsCode and dev-sec ask for yes: without PAM there are no limits, no faillock and no "
        "sessions of logind, and an account marked ! cannot log in by key. [ssh] use_pam = true chooses theirs",
        enforced_by="ssh",
    ),
)
