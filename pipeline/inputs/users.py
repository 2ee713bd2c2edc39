"""Accounts as a user writes them, in ``gateway.toml`` for all gateways and in the inventory for one."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.ssh import ssh_public_key
from pipeline.formats.ssh.ssh_public_key import PublicKeyError
from pipeline.inputs.toml_table import Table, decode, read_bytes
from pipeline.model.gateway import User

NAME = r"[a-z_][a-z0-9_-]{0,30}"  # useradd(8); a dot would make sudo ignore nothing here, but shells and tools trip
_SHELL = r"/[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*"
_LEAST_UID, _MOST_UID = 1000, 59999  # UID_MIN and below UID_MAX of Debian's login.defs; 65534 is nobody
_LEAST_RSA = 2048  # A:39
_MOST_RSA = 16384  # OpenSSH reads no more


def read_users(tables: tuple[Table, ...], base: Path) -> tuple[User, ...]:
    """Read accounts; problems are noted in the tables' list.

    Args:
        base: directory that ``file:`` keys are relative to.
    """
    users: list[User] = []
    for table in tables:
        user = _read_user(table, base)
        for other in users:
            if user.name == other.name:
                table.wrong("name", "is there twice", "give each account its own name")
            if user.uid == other.uid:
                table.wrong("uid", f"is also that of {other.name}", "give each account its own number")
        users.append(user)
    return tuple(users)


def _read_user(table: Table, base: Path) -> User:
    name = table.text("name", form=NAME, meaning="a user name")
    if name == "root":
        table.wrong("name", "root is not an account without root privileges (A:17)", "choose another name")
    user = User(
        name=name,
        uid=table.integer("uid", None, _LEAST_UID, _MOST_UID),
        keys=_read_keys(table, base),
        sudo=table.choice("sudo", "none", ("none", "password", "nopasswd")),
        shell=table.text("shell", "/bin/sh", form=_SHELL, meaning="an absolute path"),
    )
    table.close()
    return user


def _read_keys(table: Table, base: Path) -> tuple[str, ...]:
    """The public keys, judged: each kind by its own measure, because 256 bits of Ed25519 outweigh 2048 of RSA."""
    entries = table.items("keys")
    if not entries:
        table.wrong("keys", "no key, so this account could never log in", 'keys = ["ssh-ed25519 …"] or ["file:….pub"]')
    lines: list[str] = []
    for number, entry in enumerate(entries, 1):
        key = f"keys[{number}]"
        if not isinstance(entry, str):
            table.wrong(key, "must be text, in quotes", 'write "ssh-ed25519 …" or "file:path/to/key.pub"')
            continue
        for line in _lines_of(table, key, entry, base):
            text = _judge(table, key, line)
            if text in lines:
                table.wrong(key, "is there twice", "remove one of them")
            elif text:
                lines.append(text)
    return tuple(lines)


def _lines_of(table: Table, key: str, entry: str, base: Path) -> list[str]:
    if not entry.startswith("file:"):
        return [entry]
    path = base / entry.removeprefix("file:")
    try:
        text = decode(read_bytes(path, "public key file"), str(path))
    except PipelineError as error:
        table.wrong(key, error.problems[0].what, "name a .pub file, relative to the file this stands in")
        return []
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        table.wrong(key, f"{path} holds no key", "name a .pub file")
    return lines


def _judge(table: Table, key: str, line: str) -> str:
    """The key as it goes into ``authorized_keys``, or nothing after a problem was noted."""
    try:
        public = ssh_public_key.parse(line)
    except PublicKeyError as error:
        table.wrong(key, str(error), "give one public key per line, as ssh-keygen writes it to its .pub file")
        return ""
    if public.options:
        table.wrong(key, "carries options such as command=, which this product does not judge", "give the plain key")
    elif public.algorithm == "ssh-dss":
        table.wrong(key, "is a DSA key, which OpenSSH refuses", "make an Ed25519 key: ssh-keygen -t ed25519")
    elif public.algorithm == "ssh-rsa" and not _LEAST_RSA <= public.bits <= _MOST_RSA:
        table.wrong(
            key,
            f"is an RSA key of {public.bits} bits; at least {_LEAST_RSA} are asked for (A:39)",
            "make a new one: ssh-keygen -t ed25519, or ssh-keygen -t rsa -b 3072",
        )
    elif not public.line.isascii():
        table.wrong(key, "has a comment that is not ASCII", "change the comment at the end of the key")
    else:
        return public.line
    return ""
