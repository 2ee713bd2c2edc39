"""What breaks the rules about accounts, files with secrets, and who gets in."""

from __future__ import annotations

from pipeline.model.image_view import ImageView
from tests.support.breakages import (
    Breakage,
    append,
    both,
    edit,
    field,
    own,
    prepend,
    put,
    remove,
)
from tests.support.keys.ssh_keys import ed25519
from tests.support.linux_places import (
    GROUP,
    KEYS,
    PASSWD,
    SHADOW,
    SSHD,
    SUDOERS,
    root,
)


def _shell(view: ImageView) -> str:
    """The program the only user's shell really is."""
    rows = (line.split(":") for line in (view.find(PASSWD) or b"").decode().splitlines())
    return str(view.place(next(row[6] for row in rows if row[0] == "technician")))


def _shell_of_nobody(view: ImageView) -> ImageView:
    return own(_shell(view), mode=0o644)(view)


def _no_shell(view: ImageView) -> ImageView:
    return remove(_shell(view))(view)


def _in_group_disk(view: ImageView) -> ImageView:
    """Where the group is there already, it gets one more member; twice in the file would be another mistake."""
    there = b"\ndisk:" in (view.find(GROUP) or b"")
    return field(GROUP, "disk", 3, "technician")(view) if there else append(GROUP, "disk:x:6:technician\n")(view)


ACCOUNTS = (
    Breakage(
        "nobody but root has a shell", "accounts.users", PASSWD, field(PASSWD, "technician", 6, "/usr/sbin/nologin")
    ),
    Breakage(
        "a shell the image has not", "accounts.users", PASSWD, field(PASSWD, "technician", 6, "/bin/zsh"), "technician:"
    ),
    Breakage("a shell nobody may run", "accounts.users", PASSWD, _shell_of_nobody, "technician:"),
    Breakage("no home", "accounts.users", PASSWD, field(PASSWD, "technician", 5, "/srv/technician"), "technician:"),
    Breakage("somebody else's home", "accounts.users", "/home/technician", own("/home/technician", uid=1)),
    Breakage("a home others write to", "accounts.users", "/home/technician", own("/home/technician", mode=0o777)),
    Breakage(
        "a directory of keys others write to",
        "accounts.users",
        "/home/technician/.ssh",
        own("/home/technician/.ssh", mode=0o770),
    ),
    Breakage("keys somebody else owns", "accounts.users", KEYS, own(KEYS, uid=1)),
    Breakage("keys others write to", "accounts.users", KEYS, own(KEYS, mode=0o666)),
    Breakage(
        "another name for root",
        "accounts.only_root_is_root",
        PASSWD,
        append(PASSWD, "toor:x:0:0::/root:/bin/sh\n"),
        "toor:",
    ),
    Breakage(
        "a user with root's uid",
        "accounts.only_root_is_root",
        PASSWD,
        field(PASSWD, "technician", 2, "0"),
        "technician:",
    ),
    Breakage(
        "two with one uid",
        "accounts.unique_numbers",
        PASSWD,
        append(PASSWD, "second:x:1500:1500::/home/second:/bin/sh\n"),
        "second:",
    ),
    Breakage("two groups with one gid", "accounts.unique_numbers", GROUP, append(GROUP, "other:x:27:\n")),
    Breakage(
        "a group there is not", "accounts.unique_numbers", PASSWD, field(PASSWD, "technician", 3, "4711"), "technician:"
    ),
    Breakage("a user in group disk", "accounts.privileged_groups", GROUP, _in_group_disk, "disk:"),
    Breakage(
        "a user in group docker",
        "accounts.privileged_groups",
        GROUP,
        append(GROUP, "docker:x:998:technician\n"),
        "docker:",
    ),
    Breakage(
        "a user in group shadow",
        "accounts.privileged_groups",
        GROUP,
        field(GROUP, "shadow", 3, "technician"),
        "shadow:",
    ),
    Breakage(
        "a user in group sudo", "accounts.privileged_groups", GROUP, field(GROUP, "sudo", 3, "technician"), "sudo:"
    ),
    *(
        Breakage(name, "accounts.sudo", SUDOERS, append(SUDOERS, text), line)
        for name, text, line in (
            ("a group asked for nothing by a default", "Defaults !authenticate\n%sudo ALL=(ALL) ALL\n", "%sudo"),
            ("the same by a default of its own", "Defaults:%sudo !authenticate\n%sudo ALL=(ALL) ALL\n", "%sudo"),
            ("the same by a default of a host", "Defaults@ALL !authenticate\n%sudo ALL=(ALL) ALL\n", "%sudo"),
            ("the same by a default of root", "Defaults>root !authenticate\n%sudo ALL=(ALL) ALL\n", "%sudo"),
            ("the same by a default in a list", "Defaults insults, !authenticate\n%sudo ALL=ALL\n", "%sudo"),
            ("root on a second host", "%sudo gw1 = /bin/ls : ALL = NOPASSWD: ALL\n", "%sudo"),
            ("root by an alias of run-as", "Runas_Alias OPS = root\n%sudo ALL=(OPS) NOPASSWD: ALL\n", "%sudo"),
            ("root by a nested alias", "User_Alias A = %sudo\nUser_Alias B = A\nB ALL=NOPASSWD: ALL\n", "B ALL"),
            ("root on a list of hosts", "ALL gw1, gw2 = (ALL) ALL\n", "ALL gw1"),
            ("a tag there is not", "root ALL=(ALL) NOPASS: ALL\n", "root ALL=(ALL) NOPASS"),
            ("a command without a path", "root ALL=(ALL) ls\n", "root ALL=(ALL) ls"),
            ("an option there is not", "Defaults nosuchoption\n", "Defaults nosuchoption"),
            ("an alias in small letters", "User_Alias admins = root\n", "User_Alias admins"),
            ("an alias twice", "User_Alias A = root\nUser_Alias A = daemon\n", "User_Alias A = daemon"),
            ("a line that is none", "this is no rule\n", "this is no rule"),
            ("an include of nothing", "@include /etc/sudoers.none\n", "@include /etc/sudoers.none"),
        )
    ),
    Breakage("root for everybody", "accounts.sudo", SUDOERS, append(SUDOERS, "ALL ALL=(ALL) NOPASSWD: ALL\n"), "ALL "),
    Breakage(
        "root for a group, unasked",
        "accounts.sudo",
        "/etc/sudoers",
        append("/etc/sudoers", "%sudo ALL=(ALL:ALL) NOPASSWD:ALL\n"),
        "%sudo",
    ),
    Breakage(
        "root for somebody there is not", "accounts.sudo", SUDOERS, append(SUDOERS, "ghost ALL=(ALL) ALL\n"), "ghost"
    ),
    Breakage(
        "root by an alias",
        "accounts.sudo",
        SUDOERS,
        append(SUDOERS, "User_Alias ADMINS = ghost\nADMINS ALL=(root) ALL\n"),
        "ADMINS",
    ),
    Breakage("sudoers for everybody to read", "accounts.sudo", "/etc/sudoers", own("/etc/sudoers", mode=0o644)),
    Breakage("sudoers of somebody else", "accounts.sudo", SUDOERS, own(SUDOERS, uid=1500)),
    Breakage(
        "an entry sudo passes over",
        "accounts.sudo",
        "/etc/sudoers.d/more.conf",
        put("/etc/sudoers.d/more.conf", "technician ALL=(ALL) ALL\n", 0o440),
    ),
)

NO_PASSWORD = root("*")
ACCESS = (
    Breakage("marked ! with UsePAM no", "access.login", SHADOW, field(SHADOW, "technician", 1, "!"), "technician:"),
    Breakage("nologin for everybody", "access.login", "/etc/nologin", put("/etc/nologin", "down\n")),
    Breakage("the only user's shell is gone", "access.login", PASSWD, _no_shell, "technician:"),
    Breakage("only others may log in", "access.login", SSHD, prepend(SSHD, "AllowUsers vendor admin\n"), "AllowUsers"),
    Breakage("the user may not log in", "access.login", SSHD, prepend(SSHD, "DenyUsers tech*\n"), "DenyUsers"),
    Breakage(
        "the user's group may not log in", "access.login", SSHD, prepend(SSHD, "DenyGroups technician\n"), "DenyGroups"
    ),
    Breakage(
        "only another group may log in", "access.login", SSHD, prepend(SSHD, "AllowGroups wheel\n"), "AllowGroups"
    ),
    Breakage("no keys at all", "access.login", KEYS, remove(KEYS)),
    Breakage("a file of keys without keys", "access.login", KEYS, put(KEYS, "# none yet\n")),
    Breakage(
        "keys looked for elsewhere",
        "access.login",
        "/etc/keys/technician",
        prepend(SSHD, "AuthorizedKeysFile /etc/keys/%u\n"),
    ),
    Breakage("a home sshd does not trust", "access.login", "/home/technician", own("/home/technician", mode=0o775)),
    Breakage("keys sshd does not trust", "access.login", KEYS, own(KEYS, uid=1)),
    Breakage(
        "an account that has expired", "access.login", SHADOW, field(SHADOW, "technician", 7, "20000"), "technician:"
    ),
    Breakage(
        "a new password asked for, with PAM",
        "access.login",
        SHADOW,
        both(edit(SSHD, "UsePAM no", "UsePAM yes"), field(SHADOW, "technician", 2, "0")),
        "technician:",
    ),
    Breakage(
        "no keys are taken", "access.login", SSHD, prepend(SSHD, "PubkeyAuthentication no\n"), "PubkeyAuthentication no"
    ),
    Breakage(
        "a second user marked !",
        "access.users",
        SHADOW,
        both(
            append(PASSWD, "second:x:1501:1501::/home/second:/bin/bash\n"),
            append(GROUP, "second:x:1501:\n"),
            append(SHADOW, "second:!:20000:0:99999:7:::\n"),
            put("/home/second/.ssh/authorized_keys", f"{ed25519(5)}\n", 0o600, uid=1501, gid=1501),
            own("/home/second", uid=1501, gid=1501, mode=0o700),
            own("/home/second/.ssh", uid=1501, gid=1501, mode=0o700),
        ),
        "second:",
    ),
    Breakage("nobody becomes root: no entry", "access.administer", "/etc/sudoers", both(NO_PASSWORD, remove(SUDOERS))),
    Breakage(
        "nobody becomes root: sudo is not setuid",
        "access.administer",
        "/usr/bin/sudo",
        both(NO_PASSWORD, own("/usr/bin/sudo", mode=0o755)),
    ),
    Breakage(
        "nobody becomes root: no sudo",
        "access.administer",
        PASSWD,
        both(NO_PASSWORD, remove("/usr/bin/sudo")),
        "technician:",
    ),
    Breakage(
        "nobody becomes root: a password nobody has",
        "access.administer",
        SUDOERS,
        both(NO_PASSWORD, put(SUDOERS, "technician ALL=(ALL:ALL) ALL\n")),
        "technician",
    ),
    Breakage(
        "nobody becomes root: root's password, and root has none",
        "access.administer",
        SUDOERS,
        both(NO_PASSWORD, put(SUDOERS, "Defaults:technician rootpw\ntechnician ALL=(ALL:ALL) ALL\n")),
        "technician ALL",
    ),
    Breakage("nobody gets in, so nobody becomes root", "access.administer", PASSWD, remove(KEYS)),
)

BREAKAGES = (*ACCOUNTS, *ACCESS)
