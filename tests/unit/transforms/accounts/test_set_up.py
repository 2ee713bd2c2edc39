"""The accounts of a gateway: who gets in, who does not, and what the C library's own checkers say of the files."""
# ruff: noqa: S604 - the shell of an account is not a call of one

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.accounts import accounts as files
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer
from pipeline.model.release import Accounts
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.accounts import accounts
from tests.support.release import EPOCH, OPERATOR, PUBLIC_KEY, a_gateway, a_release, some_secrets
from tests.support.vanilla import a_vanilla

DAY = str(EPOCH // 86400)
LAB = replace(OPERATOR, name="labtech", uid=1600, sudo="none", shell="/bin/sh")
PASSWD = a_vanilla().read("/etc/passwd").decode()
SHADOW = a_vanilla().read("/etc/shadow").decode()
GROUP = a_vanilla().read("/etc/group").decode()


def set_up(vanilla: Vanilla | None = None, *users: object, root: str = "password", **overrides: object) -> Layer:
    everybody = Accounts(root=root, users=(OPERATOR, *users))  # type: ignore[arg-type]
    return accounts.set_up(
        vanilla or a_vanilla(), a_release(accounts=everybody), a_gateway(**overrides), some_secrets()
    )


def table(layer: Layer, kind: str) -> files.Table:
    entry = layer.by_path[GuestPath(f"/etc/{kind}")]
    assert isinstance(entry, FileEntry)
    return files.parse(kind, entry.content)


def row(layer: Layer, kind: str, name: str) -> tuple[str, ...]:
    found = table(layer, kind).get(name)
    assert found is not None
    return found


def test_root_gets_its_own_hash_and_the_build_s_day() -> None:
    layer = set_up()
    assert row(layer, "shadow", "root")[:3] == ("root", some_secrets().root_hash, DAY)
    assert row(set_up(root="locked"), "shadow", "root")[1] == "*"


def test_users_of_release_and_gateway_log_in_by_key_only() -> None:
    layer = set_up(users=(LAB,))
    for user in (OPERATOR, LAB):
        home = GuestPath(f"/home/{user.name}")
        assert row(layer, "passwd", user.name) == (
            user.name, "x", str(user.uid), str(user.uid), "", str(home), user.shell,
        )  # fmt: skip
        assert row(layer, "group", user.name) == (user.name, "x", str(user.uid), "")
        # Never `!`: with UsePAM no, sshd takes that for a locked account and refuses its keys.
        assert row(layer, "shadow", user.name)[:3] == (user.name, "*", DAY)
        for path, mode in ((home, 0o700), (home / ".ssh", 0o700)):
            entry = layer.by_path[path]
            assert isinstance(entry, DirEntry)
            assert (entry.mode, entry.uid, entry.gid) == (mode, user.uid, user.uid)
        keys = layer.by_path[home / ".ssh" / "authorized_keys"]
        assert isinstance(keys, FileEntry)
        assert (keys.content, keys.mode, keys.uid) == (f"{PUBLIC_KEY}\n".encode(), 0o600, user.uid)


def test_shadow_is_secret_and_keeps_its_owner() -> None:
    entry = set_up().by_path[GuestPath("/etc/shadow")]
    assert isinstance(entry, FileEntry)
    assert entry.secret
    assert entry.mode == 0o640
    assert some_secrets().root_hash not in repr(entry)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "*"), ("$6$old$hash", "*"), ("!$6$old$hash", "*"), ("abJnggxhB/yWI", "*"), ("*", "*"), ("!", "!"),
        ("!!", "!!"), ("!*", "!*"),
    ],
)  # fmt: skip
def test_no_password_of_the_vanilla_image_opens_anything(before: str, after: str) -> None:
    vanilla = a_vanilla(
        {
            "/etc/passwd": PASSWD + "vendor:x:1000:1000::/home/vendor:/bin/sh\n",
            "/etc/shadow": SHADOW + f"vendor:{before}:0:0:99999:7:::\n",
        }
    )
    assert row(set_up(vanilla), "shadow", "vendor")[1:3] == (after, DAY)


@pytest.mark.parametrize("field", ["", "abJnggxhB/yWI"])
def test_a_password_in_passwd_itself_is_void(field: str) -> None:
    vanilla = a_vanilla({"/etc/passwd": PASSWD + f"toor:{field}:0:0::/root:/bin/sh\n"})
    layer = set_up(vanilla)
    assert row(layer, "passwd", "toor")[1] == "x"
    assert row(layer, "shadow", "toor")[1] == "*"


def test_passwords_of_groups_are_void() -> None:
    vanilla = a_vanilla({"/etc/group": GROUP + "g:abJnggxhB/yWI:77:\n", "/etc/gshadow": "g:$6$a$b::\n"})
    layer = set_up(vanilla)
    assert (row(layer, "group", "g")[1], row(layer, "gshadow", "g")[1]) == ("x", "*")


def test_an_account_of_the_image_is_taken_over_without_its_groups() -> None:
    vanilla = a_vanilla(
        {
            "/etc/passwd": PASSWD + "technician:x:1500:1500:Old:/srv/old:/bin/bash\n",
            "/etc/group": GROUP.replace("sudo:x:27:", "sudo:x:27:vendor,technician") + "technician:x:1500:\n",
        }
    )
    layer = set_up(vanilla)
    assert row(layer, "passwd", "technician")[5] == "/home/technician"
    assert row(layer, "group", "sudo")[3] == "vendor"


@pytest.mark.parametrize(
    ("sudo", "content"),
    [
        ("nopasswd", "technician ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        ("password", "Defaults:technician rootpw\ntechnician ALL=(ALL:ALL) ALL\n"),
    ],
)
def test_sudo_is_explicit(sudo: str, content: str) -> None:
    release = a_release(accounts=Accounts(users=(replace(OPERATOR, sudo=sudo),)))
    entry = accounts.set_up(a_vanilla(), release, a_gateway(), some_secrets()).by_path[accounts.SUDOERS]
    assert isinstance(entry, FileEntry)
    assert (entry.content.decode(), entry.mode) == (content, 0o440)


def test_without_sudo_there_is_no_sudoers_file() -> None:
    release = a_release(accounts=Accounts(users=(LAB,)))
    assert accounts.SUDOERS not in accounts.set_up(a_vanilla(), release, a_gateway(), some_secrets()).by_path


def test_an_image_without_gshadow_gets_none() -> None:
    assert GuestPath("/etc/gshadow") not in set_up(a_vanilla({"/etc/gshadow": None})).by_path


LOCKED = Accounts(root="locked", users=(LAB,))


@pytest.mark.parametrize(
    ("decided", "complaint"),
    [
        (Accounts(), "nobody could log in"),
        (Accounts(users=(replace(OPERATOR, keys=()),)), "nobody could log in"),
        (Accounts(users=(replace(OPERATOR, shell="/sbin/nologin"),)), "nobody could log in"),
        (LOCKED, "nobody could administer it"),
        (Accounts(root="locked", users=(OPERATOR, replace(LAB, sudo="password"))), "root has none"),
        (Accounts(users=(replace(OPERATOR, shell="/bin/zsh"),)), "no program /bin/zsh"),
        (Accounts(users=(replace(OPERATOR, shell="/etc/hosts"),)), "no program /etc/hosts"),
        (Accounts(users=(replace(OPERATOR, uid=100),)), "account sshd has number 100"),
        (Accounts(users=(replace(OPERATOR, name="nobody"),)), "nobody has number 65534"),
        (Accounts(users=(replace(OPERATOR, name="operator"),)), "group operator has number 37"),
        (Accounts(users=(OPERATOR, replace(LAB, uid=1500))), "used twice"),
        (Accounts(users=(OPERATOR, replace(LAB, name="technician"))), "used twice"),
    ],
)
def test_a_gateway_nobody_could_use_is_not_built(decided: Accounts, complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        accounts.set_up(a_vanilla(), a_release(accounts=decided), a_gateway(), some_secrets())


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"/usr/bin/sudo": None}, "no sudo"),
        ({"/etc/sudoers": "root ALL=(ALL) ALL\n"}, "no sudo"),
        ({"/etc/sudoers": None}, "no sudo"),
        ({"/etc/shadow": None}, "/etc/shadow is missing"),
        ({"/etc/passwd": "root:x:0:0\n", "/etc/group": "x\n"}, "/etc/passwd line 1(?s:.*)/etc/group line 1"),
        ({"/etc/group": GROUP + "gateway:x:1500:\n"}, "group gateway has number 1500"),
    ],
)
def test_an_image_that_cannot_hold_the_accounts_is_refused(changes: dict[str, str | None], complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        set_up(a_vanilla(changes))


@pytest.mark.parametrize("weak", ["", "*", "!", "abJnggxhB/yWI", "$1$salt$md5"])
def test_a_weak_or_inherited_root_password_is_refused(weak: str) -> None:
    inherited = files.parse("shadow", SHADOW.encode()).get("root")
    assert inherited is not None
    for value in (weak, inherited[1]):
        with pytest.raises(PipelineError, match="not a strong one") as caught:
            accounts.set_up(a_vanilla(), a_release(), a_gateway(), some_secrets(root_hash=value))
        assert not value or value not in str(caught.value).replace("*", "")


@pytest.mark.tools
@pytest.mark.parametrize("gshadow", [True, False])
def test_pwck_and_grpck_find_nothing(tmp_path: Path, gshadow: bool) -> None:
    vanilla = a_vanilla({} if gshadow else {"/etc/gshadow": None})
    _write(set_up(vanilla, LAB), tmp_path)
    for directory in ("root", "usr/sbin", "run/sshd", "nonexistent"):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
    for program in ("bin/bash", "bin/sh", "usr/sbin/nologin"):
        (tmp_path / program).parent.mkdir(exist_ok=True)
        shutil.copy("/bin/true", tmp_path / program)
    for checker in ("pwck", "grpck"):
        # As root of a name space of its own, because -R is a chroot.
        command = ["unshare", "-r", checker, "-r", "-R", tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.tools
@pytest.mark.parametrize("sudo", ["nopasswd", "password"])
def test_visudo_accepts_the_rules(tmp_path: Path, sudo: str) -> None:
    layer = set_up(None, replace(LAB, sudo=sudo))
    entry = layer.by_path[accounts.SUDOERS]
    assert isinstance(entry, FileEntry)
    path = tmp_path / "rules"
    path.write_bytes(entry.content)
    done = subprocess.run(["visudo", "-c", "-s", "-f", path], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def _write(layer: Layer, root: Path) -> None:
    for entry in layer.entries:
        path = root / entry.path.lstrip("/")
        if isinstance(entry, DirEntry):
            path.mkdir(parents=True, exist_ok=True)
        elif isinstance(entry, FileEntry):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.content)
