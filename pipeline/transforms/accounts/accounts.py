"""Accounts: root's own password, users without privileges who log in by key, nobody else (A:11 to A:24, A:38)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.accounts import accounts
from pipeline.formats.accounts.accounts import AccountsError, Table
from pipeline.model.gateway import Gateway, User
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, Origin
from pipeline.model.line_origins import kept, stretches
from pipeline.model.release import Release
from pipeline.model.tree import Kind
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla

SUDOERS = GuestPath("/etc/sudoers.d/gateway-users")  # no dot in the name: sudo passes over files with one
_FILES = {kind: f"/etc/{kind}" for kind in accounts.WIDTHS}
_OPTIONAL = ("gshadow",)  # BusyBox has none
_NO_LOGIN = ("nologin", "false", "true", "sync")
# What a gateway's C library can verify and a thief cannot guess: SHA-256 and SHA-512 crypt, yescrypt (crypt(5)).
_STRONG_HASH = re.compile(r"\$(5|6|y)\$[./A-Za-z0-9$=,]+")
_LOCKED = "*"

_ROOT = Origin("accounts.root_password", "gateway.toml [accounts] root", "A:11")
_USERS = Origin("accounts.users", "gateway.toml [accounts] users, devices.toml", "A:17")
_KEYS = Origin("accounts.keys", "gateway.toml [accounts] users, devices.toml", "A:38")
_SUDO = Origin("accounts.sudo", "gateway.toml [accounts] users, devices.toml", "A:17")
_INHERITED = Origin("accounts.inherited", "vanilla image", "A:11")


def set_up(vanilla: Vanilla, release: Release, gateway: Gateway, secrets: GatewaySecrets) -> Layer:
    """The accounts of one gateway.

    Passwords of accounts that came with the image are void: the field becomes ``*``. It is never ``!``, because with
    ``UsePAM no`` (A:72) sshd takes that for a locked account and refuses its keys as well.

    Raises:
        PipelineError: names or numbers that clash with the image's, a shell or sudo that is not there, or a gateway
            nobody could log in to or administer.
    """
    tables = before = _read(vanilla)
    users = (*release.accounts.users, *gateway.users)
    root_hash = _root_hash(release, gateway, secrets, tables)
    raise_if_any(_problems(vanilla, tables, users, gateway))
    raise_if_any(_locked_out(release, users, gateway))
    for user in users:
        tables = _add(tables, user)
    tables = _with_passwords(tables, root_hash, release.epoch)
    entries: list[Entry] = []
    for kind, table in tables.items():
        entries.append(_file(vanilla, table, before[kind], {user.name for user in users}))
    if not vanilla.exists("/home"):
        entries.append(DirEntry(GuestPath("/home"), (_USERS,)))
    for user in users:
        entries.extend(_home(user))
    entries.extend(_sudoers(users))
    return Layer.of(*entries)


def _read(vanilla: Vanilla) -> dict[str, Table]:
    problems: list[Problem] = []
    tables: dict[str, Table] = {}
    for kind, path in _FILES.items():
        data = vanilla.find(path)
        if data is None and kind in _OPTIONAL:
            continue
        if data is None:
            problems.append(
                Problem(
                    f"vanilla image: {path} is missing", "use an image with shadow passwords; others are not handled"
                )
            )
            continue
        try:
            tables[kind] = accounts.parse(kind, data)
        except AccountsError as error:
            problems.append(Problem(f"vanilla image: {path} {error}", "correct the file in the vanilla image"))
    raise_if_any(problems)
    return tables


def _root_hash(release: Release, gateway: Gateway, secrets: GatewaySecrets, tables: dict[str, Table]) -> str:
    if release.accounts.root == "locked":
        return _LOCKED
    known = tables["shadow"].get("root")
    if not _STRONG_HASH.fullmatch(secrets.root_hash) or (known is not None and known[1] == secrets.root_hash):
        raise PipelineError(
            f"{gateway.name}: root's password hash is not a strong one of its own",
            'let the secrets provider make it, or choose [accounts] root = "locked"',
        )
    return secrets.root_hash


def _problems(vanilla: Vanilla, tables: dict[str, Table], users: Iterable[User], gateway: Gateway) -> Iterator[Problem]:
    """What of the wanted users does not go together with the image or with each other."""
    names: dict[str, User] = {}
    numbers: dict[int, User] = {}
    for user in users:
        place = f"{gateway.name}: user {user.name}"
        if user.name in names or user.uid in numbers:
            yield Problem(
                f"{place}: name or uid {user.uid} is used twice, in gateway.toml and in the inventory",
                "give each account its own name and number",
            )
        names[user.name] = numbers[user.uid] = user
        yield from _clashes(tables, user, place)
        if not _is_program(vanilla, user.shell):
            yield Problem(
                f"{place}: the image has no program {user.shell}, so sshd would refuse the login",
                "choose a shell the image has, such as /bin/sh",
            )
        if user.sudo != "none" and not _reads_sudoers(vanilla):
            yield Problem(
                f"{place}: the image has no sudo that reads {SUDOERS.parent}",
                'use an image with sudo, or set sudo = "none"',
            )


def _clashes(tables: dict[str, Table], user: User, place: str) -> Iterator[Problem]:
    """An account of the image may be taken over when name and number agree; anything else would share files."""
    for kind, what in (("passwd", "account"), ("group", "group")):
        for row in tables[kind].rows:
            if (row[0] == user.name) != (int(row[2]) == user.uid):
                yield Problem(
                    f"{place}: the image's {what} {row[0]} has number {row[2]}, wanted is {user.name} with {user.uid}",
                    "choose another name or uid",
                )


def _is_program(vanilla: Vanilla, path: str) -> bool:
    node = vanilla.tree.get(vanilla.tree.resolve(GuestPath(path)))
    return node is not None and node.kind is Kind.FILE and bool(node.mode & 0o111)


def _reads_sudoers(vanilla: Vanilla) -> bool:
    config = vanilla.find("/etc/sudoers")
    if config is None or not any(_is_program(vanilla, path) for path in ("/usr/bin/sudo", "/usr/local/bin/sudo")):
        return False
    text = config.decode("utf-8", "replace")
    return vanilla.exists(SUDOERS.parent) and bool(re.search(r"(?m)^\s*[#@]includedir\s+/etc/sudoers\.d/?\s*$", text))


def _locked_out(release: Release, users: tuple[User, ...], gateway: Gateway) -> Iterator[Problem]:
    """The gate: over SSH only keys of these users get in, so at least one must really be able to."""
    able = [user for user in users if user.keys and GuestPath(user.shell).name not in _NO_LOGIN]
    if not able:
        yield Problem(
            f"{gateway.name}: nobody could log in: no user with a key and a shell",
            "add [[accounts.users]] with a key to gateway.toml, or users to the gateway in the inventory",
        )
    elif release.accounts.root == "locked" and not any(user.sudo == "nopasswd" for user in able):
        yield Problem(
            f"{gateway.name}: nobody could administer it: root is locked and no user may use sudo without a password",
            'set sudo = "nopasswd" for a user, or [accounts] root = "password"',
        )
    for user in users:
        if user.sudo == "password" and release.accounts.root == "locked":
            yield Problem(
                f"{gateway.name}: user {user.name}: sudo asks for root's password, and root has none",
                'set sudo = "nopasswd" or "none", or [accounts] root = "password"',
            )


def _add(tables: dict[str, Table], user: User) -> dict[str, Table]:
    """The user as the release says, in no other group: some, such as disk or docker, are as good as root."""
    number = str(user.uid)
    changed = dict(tables)
    for kind in sorted({"group", "gshadow"} & tables.keys()):
        for row in tables[kind].rows:
            members = ",".join(member for member in row[3].split(",") if member != user.name)
            changed[kind] = changed[kind].put((*row[:3], members))
    changed["passwd"] = tables["passwd"].put((user.name, "x", number, number, "", f"/home/{user.name}", user.shell))
    changed["shadow"] = tables["shadow"].put((user.name, _LOCKED, "", "0", "99999", "7", "", "", ""))
    changed["group"] = changed["group"].put((user.name, "x", number, ""))
    if "gshadow" in tables:
        changed["gshadow"] = changed["gshadow"].put((user.name, "!", "", ""))
    return changed


def _with_passwords(tables: dict[str, Table], root_hash: str, epoch: int) -> dict[str, Table]:
    """Every password in shadow: root's new one, none for everybody else.

    A password in ``passwd`` or ``group`` itself, or an empty field there (no password asked at all), goes as well.
    Field 3 is the build's day; 0 would ask for a new password that sshd cannot take (A:11).
    """
    day = str(epoch // 86400)
    changed = dict(tables)
    for row in tables["passwd"].rows:
        changed["passwd"] = changed["passwd"].put((row[0], "x", *row[2:]))
        old = changed["shadow"].get(row[0]) or (row[0], _LOCKED, day, "0", "99999", "7", "", "", "")
        changed["shadow"] = changed["shadow"].put(old)
    for row in changed["shadow"].rows:
        password = root_hash if row[0] == "root" else _void(row[1])
        last = day if row[0] == "root" or password != row[1] or row[2] in ("", "0") else row[2]
        changed["shadow"] = changed["shadow"].put((row[0], password, last, *row[3:]))
    for row in changed["group"].rows:
        changed["group"] = changed["group"].put((row[0], "x", *row[2:]))
    if "gshadow" in changed:
        for row in changed["gshadow"].rows:
            changed["gshadow"] = changed["gshadow"].put((row[0], _void(row[1]), *row[2:]))
    return changed


def _void(password: str) -> str:
    """Marks that no password fits stay; hashes, also those behind a lock, and empty fields go."""
    return password if password in ("*", "!", "!!", "!*") else _LOCKED


def _file(vanilla: Vanilla, table: Table, before: Table, users: Collection[str]) -> FileEntry:
    kind, content = table.kind, accounts.render(table)
    place = vanilla.tree.resolve(GuestPath(_FILES[kind]))
    node = vanilla.tree.nodes[place]
    secret = kind in ("shadow", "gshadow")
    origins = (_ROOT, _USERS, _INHERITED) if kind == "shadow" else (_USERS, _INHERITED)
    most = 0o640 if secret else 0o644
    same = kept(f"vanilla image: {place}")

    def owner(row: tuple[str, ...]) -> Origin:
        if row[0] in users:
            return _USERS
        if kind == "shadow" and row[0] == "root":
            return _ROOT
        return same if row == before.get(row[0]) else _INHERITED

    return FileEntry(
        place,
        content,
        tuple(sorted(origins)),
        node.mode & most,
        node.uid,
        node.gid,
        secret=kind == "shadow",
        lines=stretches(owner(row) for row in table.rows),
    )


def _home(user: User) -> Iterator[Entry]:
    """sshd's StrictModes refuses keys in directories others may write to; others need not read them either."""
    home = GuestPath(f"/home/{user.name}")
    keys = "".join(f"{key}\n" for key in user.keys)
    yield DirEntry(home, (_USERS,), 0o700, user.uid, user.uid)
    yield DirEntry(home / ".ssh", (_KEYS,), 0o700, user.uid, user.uid)
    yield FileEntry(home / ".ssh" / "authorized_keys", keys.encode("ascii"), (_KEYS,), 0o600, user.uid, user.uid)


def _sudoers(users: Iterable[User]) -> Iterator[FileEntry]:
    lines: list[str] = []
    for user in sorted(users, key=lambda user: user.name):
        if user.sudo == "nopasswd":
            lines.append(f"{user.name} ALL=(ALL:ALL) NOPASSWD: ALL\n")
        elif user.sudo == "password":
            # Users have no password of their own; root's is the one there is.
            lines.append(f"Defaults:{user.name} rootpw\n{user.name} ALL=(ALL:ALL) ALL\n")
    if lines:
        yield FileEntry(SUDOERS, "".join(lines).encode("ascii"), (_SUDO,), 0o440)
