"""Host keys and authorized keys, by the image's own ssh-keygen and dropbearkey."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Reader
from pipeline.readers.files_of import regular_files
from pipeline.readers.meaning import by_status


def dropbear_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """Each host key of dropbear's: it starts without those it cannot read, and then nobody can log in."""
    for file in regular_files(view, "/etc/dropbear/dropbear_*_host_key"):
        yield Ask(file, (Command((program, "-y", "-f", file)),), (file,))


def authorized_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """The keys of everybody who may log in, one file each."""
    for file in regular_files(view, "/home/*/.ssh/authorized_keys", "/root/.ssh/authorized_keys"):
        if view.tree.nodes[type(view.place(file))(file)].size:
            yield Ask(file, (Command((program, "-l", "-f", file)),), (file,))


READER_DROPBEAR = Reader(
    "dropbear",
    "the image's own dropbearkey can read the host keys of dropbear",
    ("/usr/bin/dropbearkey", "/usr/sbin/dropbearkey", "/bin/dropbearkey"),
    dropbear_asks,
    by_status(),
    on_host=True,
)
READER_AUTHORIZED = Reader(
    "ssh_keygen",
    "the image's own ssh-keygen can read the keys people log in with",
    ("/usr/bin/ssh-keygen", "/bin/ssh-keygen"),
    authorized_asks,
    by_status(complaint=r"is not a public key file|invalid"),
    on_host=True,
)
