"""The accounts of an image, read for checks: four files joined by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.formats.accounts import accounts
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach
from pipeline.rules.looking import line_of
from pipeline.rules.shared import shared

SHADOW, PASSWD, GROUP, GSHADOW = "/etc/shadow", "/etc/passwd", "/etc/group", "/etc/gshadow"
# Below are accounts of the system (Debian Policy 9.2.2); from 60000 on they are again.
FIRST_UID, LAST_UID = 1000, 59999
NO_LOGIN = ("nologin", "false", "true", "sync", "halt", "shutdown")


@dataclass(frozen=True)
class Person:
    """One account.

    Attributes:
        password: the field that counts: of shadow, or of passwd where that has one itself.
        kept_in: the file the password stands in, and its line.
        last_change / expires: days since 1970 as shadow has them, None when empty.
    """

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    line: int
    password: str = field(repr=False)
    kept_in: tuple[str, int]
    last_change: int | None
    expires: int | None

    @property
    def is_person(self) -> bool:
        """Somebody's account, not a service's."""
        return FIRST_UID <= self.uid <= LAST_UID

    @property
    def may_log_in(self) -> bool:
        """By its shell."""
        return self.shell.rsplit("/", 1)[-1] not in NO_LOGIN

    @property
    def has_password(self) -> bool:
        """Whether some password fits; an empty field takes any."""
        return not self.password.startswith(("!", "*"))


@dataclass(frozen=True)
class People:
    """Everybody, and the groups they are in.

    Attributes:
        broken: lines the C library would read in another way than it looks.
        groups: name to number and members.
    """

    everybody: tuple[Person, ...]
    groups: dict[str, tuple[int, tuple[str, ...]]]
    broken: tuple[Breach, ...]

    def get(self, name: str) -> Person | None:
        """By name."""
        return next((person for person in self.everybody if person.name == name), None)

    def groups_of(self, person: Person) -> frozenset[str]:
        """Names of the groups somebody is in."""
        return frozenset(
            name for name, (gid, members) in self.groups.items() if gid == person.gid or person.name in members
        )


@shared
def people(view: ImageView) -> People | None:
    """The accounts; None when the image has none (no ``/etc/passwd``)."""
    broken: list[Breach] = []
    passwd_data = view.find(PASSWD)
    if passwd_data is None:
        return None
    passwd = _table(view, "passwd", PASSWD, broken)
    shadow = _table(view, "shadow", SHADOW, broken)
    shadow_data = view.find(SHADOW) or b""
    found = []
    for row in passwd.rows:
        line = line_of(passwd_data, f"{row[0]}:")
        secret = shadow.get(row[0])
        # "x" sends to shadow; without an entry there nobody gets in by password.
        own = row[1] != "x"
        password = row[1] if own else secret[1] if secret else "*"
        kept_in = (PASSWD, line) if own or secret is None else (SHADOW, line_of(shadow_data, f"{row[0]}:"))
        found.append(
            Person(
                row[0], int(row[2]), int(row[3]), row[5] or "/", row[6] or "/bin/sh", line, password, kept_in,
                _number(secret[2] if secret else ""), _number(secret[7] if secret else ""),
            )
        )  # fmt: skip
    group = _table(view, "group", GROUP, broken)
    groups = {row[0]: (int(row[2]), tuple(name for name in row[3].split(",") if name)) for row in group.rows}
    return People(tuple(found), groups, tuple(broken))


def _table(view: ImageView, kind: str, path: str, broken: list[Breach]) -> accounts.Table:
    """A file's table; with a broken line, what can be read of it, so that one mistake does not hide others."""
    data = view.find(path)
    if data is None:
        return accounts.Table(kind, ())
    kept: list[bytes] = data.splitlines(keepends=True)
    while True:
        try:
            return accounts.parse(kind, b"".join(kept))
        except accounts.AccountsError as error:
            number = int(str(error).removeprefix("line ").partition(":")[0])
            broken.append(Breach(path, number, str(error).partition(": ")[2], "lines as the C library reads them"))
            kept[number - 1] = b"\n"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
