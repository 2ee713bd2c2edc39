"""Who may use the administration console and remote commands (A:115, A:117)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import below
from pipeline.rules.esf.snapshot_file import SnapshotFile, on_snapshot
from pipeline.rules.esf.strength import WELL_KNOWN, weakness

CONSOLE = "org.eclipse.kura.web.Console"
ROLES = "org.eclipse.kura.internal.useradmin.store.RoleRepositoryStoreImpl"
COMMAND = "org.eclipse.kura.cloud.app.command.CommandCloudApp"
REST = "org.eclipse.kura.internal.rest.provider.RestService"

_REST_BUNDLE = "org.eclipse.kura.rest.provider"
_USER, _PASSWORD = "console.username.value", "console.password.value"
_DEFAULTS = "the console's defaults are in force, admin with the password admin"


@on_snapshot(_DEFAULTS)
def _password(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Long, hard to guess, of all kinds of characters (A:115)."""
    del expected
    breaches = list(_plain(found) if layout.console_auth == "plain" else _hashed(found))
    breaches += _rest_defaults(found, view, layout)
    # A second way in with its own default of Kura 4: user.name admin, password admin.
    breaches += [
        found.breach(rest, "password", weak, "strong, or the service's own users")
        for rest in found.snapshot.instances_of(REST)
        if rest.get("password") and (weak := weakness(rest.text("password"), [rest.text("user.name")]))
    ]
    return Judgement.of(breaches, "the console's passwords are neither default nor weak")


def _rest_defaults(found: SnapshotFile, view: ImageView, layout: Layout) -> Iterator[Breach]:
    """Kura 3.2 and 4 start a REST service whose metatype has admin with the password admin (3.2.0, 4.1.2)."""
    if layout.generation == "C":
        return  # its users are the console's
    shipped = any(
        path.name.startswith(_REST_BUNDLE)
        for directory in (layout.root / "plugins", layout.root / "kura/plugins")
        for path in below(view, directory)
    )
    stated = [item for item in found.snapshot.instances_of(REST) if item.get("password")]
    if shipped and not stated:
        shown = f"{REST} password: not set: admin with the password admin is let in"
        yield Breach(found.path, found.line(REST), shown, "a strong one")


def _plain(found: SnapshotFile) -> Iterator[Breach]:
    console = found.snapshot.get(CONSOLE)
    prop = console.get(_PASSWORD) if console else None
    if console is None or prop is None:
        yield Breach(found.path, found.line(CONSOLE), f"{CONSOLE} {_PASSWORD}: not set: {_DEFAULTS}", "a strong one")
        return
    if weak := weakness(prop.text, [console.text(_USER)]):
        yield found.breach(console, _PASSWORD, weak, "long, of lower and upper case, digits and special characters")
    if prop.type != "Password":
        yield found.breach(console, _PASSWORD, f"type {prop.type}: stored in clear for ever", "type Password")


def _hashed(found: SnapshotFile) -> Iterator[Breach]:
    """Kura 5 and later: users in JSON, Base64 of the SHA-256 of each password, without salt (formats 2)."""
    roles = found.snapshot.get(ROLES)
    if roles is None or not roles.text("users.config"):
        yield Breach(
            found.path, found.line(ROLES), f"{ROLES} users.config: not set: the default users are in force",
            "the gateway's own users",
        )  # fmt: skip
        return
    for name, stored in _users(roles.text("users.config")):
        if name is None:
            yield found.breach(roles, "users.config", "not a list of users in JSON", "what the console writes")
        elif not _is_digest(stored):
            yield found.breach(roles, "users.config", f"user {name!r} has no password that can be checked", "one")
        elif stored in {_digest(word) for word in (*WELL_KNOWN, name, name.rpartition(".")[2], "Admin", "testKEYS")}:
            yield found.breach(
                roles, "users.config", f"user {name!r} has a well-known default password", "a strong one"
            )


def _users(text: str) -> Iterator[tuple[str | None, str]]:
    try:
        users: Any = json.loads(text)
        for user in users:
            credentials = user.get("credentials") or {}
            yield str(user["name"]), str(credentials.get("kura.password", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        yield None, ""


def _digest(word: str) -> str:
    return base64.b64encode(hashlib.sha256(word.encode()).digest()).decode()


def _is_digest(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == hashlib.sha256().digest_size
    except (binascii.Error, ValueError):
        return False


@on_snapshot(_DEFAULTS)
def _username(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The console's user is the one the release names (A:115)."""
    del view
    if layout.console_auth != "plain":
        return Judgement.not_applicable("this generation has named users (see snapshot.console_password)")
    console = found.snapshot.get(CONSOLE)
    name = console.text(_USER) if console else ""
    wanted = expected.console_username
    if not name or (wanted and name != wanted):
        shown = "another user than the release names" if name else f"not set: {_DEFAULTS}"
        return Judgement.failed(
            Breach(found.path, found.line(CONSOLE, _USER), f"{CONSOLE} {_USER}: {shown}", wanted or "a user's name")
        )
    return Judgement.passed("the console's user is set")


@on_snapshot(_DEFAULTS)
def _own_username(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A name nobody can know from a manual is half of a credential (A:115)."""
    del view, expected
    if layout.console_auth != "plain":
        return Judgement.not_applicable("this generation has named users (see snapshot.console_password)")
    console = found.snapshot.get(CONSOLE)
    name = console.text(_USER) if console else "admin"
    if name.lower() in WELL_KNOWN:
        return Judgement.failed(
            Breach(found.path, found.line(CONSOLE, _USER), f"{CONSOLE} {_USER}: a default name", "a name of one's own")
        )
    return Judgement.passed("the console's user has a name of its own")


@on_snapshot("on Kura 3 remote commands are on by default, without a password")
def _remote_command(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Off, or by the release's choice and with a strong password (A:117); the default of Kura 3 is on (formats 2)."""
    del view
    on_by_default = layout.generation == "A"
    instances = found.snapshot.instances_of(COMMAND)
    if not instances:
        if on_by_default:
            return Judgement.failed(
                Breach(found.path, 0, f"{COMMAND} is not configured: by default it is on, without a password", "off")
            )
        return Judgement.not_applicable(f"{found.path}: {COMMAND} is not configured; from Kura 4 its default is off")
    breaches = []
    for configuration in instances:
        text = configuration.text("command.enable")
        if not (text.lower() == "true" if text else on_by_default):
            continue
        if not expected.command_enabled:
            shown = "true" if text else "not set, hence on"
            breaches.append(found.breach(configuration, "command.enable", shown, "false: the release has it off"))
        elif weak := weakness(configuration.text("command.password.value")):
            breaches.append(found.breach(configuration, "command.password.value", weak, "strong, or commands off"))
    return Judgement.of(breaches, "remote commands are off, or wanted and under a strong password")


@on_snapshot()
def _privileged_command(found: SnapshotFile, view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """From Kura 5, commands from the cloud may also run with all rights (formats 2)."""
    del view, layout, expected
    instances = [item for item in found.snapshot.configurations if item.get("privileged.command.service.enable")]
    if not instances:
        return Judgement.not_applicable("nothing in the snapshot knows privileged commands")
    name = "privileged.command.service.enable"
    breaches = [found.breach(item, name, "true", "false") for item in instances if item.text(name).lower() == "true"]
    return Judgement.of(breaches, "privileged commands are off")


RULES: tuple[Rule, ...] = (
    Rule(
        id="snapshot.console_password",
        title="the console's password is strong",
        why="The console controls everything the gateway does; its default password is in the manual.",
        severity=Severity.HIGH,
        documents=("A:115",),
        references=("ETSI 5.1-1", "ETSI 5.1-2", "ETSI 5.1-5", "62443 CR 1.5", "62443 CR 1.7"),
        profile="documents",
        check=_password,
        remedy="let the pipeline derive it, or set a strong one in the golden sample's console",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.console_username",
        title="the console's user is set",
        why="A name of the release's own makes guesses start from zero, and one that was not applied locks people out.",
        severity=Severity.LOW,
        documents=("A:115",),
        references=("62443 CR 1.1",),
        profile="documents",
        check=_username,
        remedy="set gateway.toml [console] username",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="console.own_username",
        title="the console's user has no default name",
        why="A default name is half of a credential that everybody can look up.",
        severity=Severity.LOW,
        documents=("A:115",),
        references=("62443 CR 1.1",),
        profile="strict",
        check=_own_username,
        remedy="set gateway.toml [console] username to something else than admin",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="snapshot.remote_command",
        title="remote commands are off or strongly protected",
        why=(
            "Remote commands run whatever the cloud account sends: with a weak password, one stolen account runs code "
            "on every gateway."
        ),
        severity=Severity.HIGH,
        documents=("A:117",),
        references=("CRA I.1(2)(j)", "ETSI 5.6-5", "62443 CR 7.7"),
        profile="documents",
        check=_remote_command,
        remedy="leave gateway.toml [command] enabled off, or set a strong password on the golden sample",
        enforced_by="esf.snapshot",
    ),
    Rule(
        id="console.privileged_command",
        title="no privileged commands from the cloud",
        why="Privileged commands from the cloud make a stolen cloud account root on every gateway.",
        severity=Severity.HIGH,
        documents=("A:117",),
        references=("CRA I.1(2)(j)",),
        profile="documents",
        check=_privileged_command,
        remedy="switch privileged.command.service.enable off on the golden sample",
    ),
)
