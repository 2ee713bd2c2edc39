"""OpenSSH's server: ``sshd -t`` for the whole, ``sshd -T -C`` for what Match blocks hold, which -t does not read."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.files_of import is_program, regular_below, regular_files
from pipeline.readers.meaning import by_status

_CONFIG = "/etc/ssh/sshd_config"
_KEYGEN = "/usr/bin/ssh-keygen"
_THROW_AWAY = "/run/reader-host-key"
# Any connection will do: what is asked is whether the words in Match blocks are valid, and sshd reads all of them then.
_CONNECTION = "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22,rdomain=default"


def asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Both questions in one sandbox."""
    config = regular_files(view, _CONFIG)
    if not config:
        return
    # sshd wants a host key before it looks at anything else: where the first boot makes them, another stands in.
    keys: tuple[str, ...] = ()
    make: tuple[Command, ...] = ()
    if not regular_files(view, "/etc/ssh/ssh_host_*_key") and is_program(view, _KEYGEN):
        keys = ("-h", _THROW_AWAY)
        make = (Command((_KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", _THROW_AWAY)),)
    yield Ask(
        str(config[0]),
        (*make, Command((program, "-t", *keys)), Command((program, "-T", *keys, "-C", _CONNECTION))),
        regular_below(view, "/etc/ssh"),
        directories=("/run/sshd",),
    )


READER = Reader(
    "sshd",
    "the image's own sshd takes its configuration and host keys",
    ("/usr/sbin/sshd", "/sbin/sshd", "/usr/local/sbin/sshd"),
    asks,
    by_status(ignore=r"^(debug\d|Unable to load host key|Deprecated option|\S+ line \d+: Deprecated option)"),
    version=("-V",),
    decides=("ssh.starts",),
    on_host=True,
)
