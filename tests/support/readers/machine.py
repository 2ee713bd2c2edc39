"""Puts a reader's questions to the programs of a file tree on this machine: the appliance's own scripts, without one.

For tests and for the corpus: the sandbox is that of the product (`pipeline.readers.sandbox`), in a mount namespace of
this machine in place of a virtual machine. Needs root, as making such namespaces does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.model.disk import Disk
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.layer import FileEntry, Origin
from pipeline.model.reader import Reader, Reply
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.tree import Kind, Node, Tree
from pipeline.readers import appliance, sandbox
from pipeline.readers.asking import answer_of, version_in
from pipeline.readers.questions import Asked, questions_of, version_ask

_IMAGE, _LARGEST = "image", 1 << 18


def can_ask() -> bool:
    """Whether this machine lets us make the namespaces."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None:
        return False
    trial = "mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w /mnt/m && " + (
        "mount -t overlay overlay -o lowerdir=/usr,upperdir=/mnt/u,workdir=/mnt/w /mnt/m"
    )
    return subprocess.run(["unshare", "-n", "-m", "-p", "-f", "sh", "-c", trial], check=False).returncode == 0


def view_of_root(root: Path, files: Mapping[str, bytes], init: str = "systemd") -> ImageView:
    """A file tree of this machine as an image, with files put into it or in place of its own."""
    nodes: dict[GuestPath, Node] = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    contents: dict[GuestPath, bytes] = {}
    for place, directories, names in os.walk(root):
        for name in (*directories, *names):
            file = Path(place, name)
            path = GuestPath(f"/{file.relative_to(root)}")
            about = file.lstat()
            if file.is_symlink():
                nodes[path] = Node(Kind.LINK, 0o777, target=str(file.readlink()))
            elif file.is_dir():
                nodes[path] = Node(Kind.DIRECTORY, about.st_mode & 0o7777)
            elif file.is_file():
                nodes[path] = Node(Kind.FILE, about.st_mode & 0o7777, size=about.st_size)
                if path.startswith("/etc/") and about.st_size < _LARGEST:
                    contents[path] = file.read_bytes()
    tree = Tree(nodes)
    for name, content in files.items():
        path = tree.resolve(GuestPath(name))
        for ancestor in path.ancestors():
            nodes.setdefault(ancestor, Node(Kind.DIRECTORY, 0o755))
        nodes[path] = Node(Kind.FILE, 0o600, size=len(content))
        contents[path] = content
    return ImageView({}, None, "", init, None, Tree(nodes), contents)


def ask_machine(
    root: Path, cases: Sequence[Mapping[str, bytes]], readers: Sequence[Reader], *, init: str = "systemd"
) -> list[list[ReaderAnswer]]:
    """The answers to every question about a file tree, for each set of files put into it."""
    base = view_of_root(root, {}, init)
    views = [_with(base, files) for files in cases]
    asked = [[one for one in questions_of(view, readers) if one.program] for view in views]
    questions: list[sandbox.Question] = []
    for number, ones in enumerate(asked):
        questions += [sandbox.Question(f"root{number}", one.ask) for one in ones]
    programs = {one.program: one for ones in asked for one in ones}
    version_asks = [(program, version_ask(one.reader, program)) for program, one in programs.items()]
    questions += [sandbox.Question("root0", ask) for _, ask in version_asks if ask is not None]
    roots = [
        sandbox.Root(f"root{number}", tuple(_entry(view, path, data) for path, data in files.items()))
        for number, (view, files) in enumerate(zip(views, cases, strict=True))
    ]
    replies = _run(root, roots, questions)
    told = replies[sum(map(len, asked)) :]
    named = [program for program, ask in version_asks if ask is not None]
    versions = {program: version_in(reply) for program, reply in zip(named, told, strict=True)}
    rest = iter(replies)
    return [
        [answer_of(view, one, next(rest), versions.get(one.program, "")) for one in ones]
        for view, ones in zip(views, asked, strict=True)
    ]


def _entry(view: ImageView, path: str, content: bytes) -> FileEntry:
    mode = 0o440 if path.startswith("/etc/sudoers") else 0o755 if content.startswith(b"#!") else 0o600
    return FileEntry(view.tree.resolve(GuestPath(path)), content, (Origin("test", "test"),), mode)


def _with(base: ImageView, files: Mapping[str, bytes]) -> ImageView:
    nodes, contents = dict(base.tree.nodes), dict(base.files)
    for name, content in files.items():
        path = base.tree.resolve(GuestPath(name))
        for ancestor in path.ancestors():
            nodes.setdefault(ancestor, Node(Kind.DIRECTORY, 0o755))
        nodes[path] = Node(Kind.FILE, 0o600, size=len(content))
        contents[path] = content
    return ImageView({}, None, "", base.init, None, Tree(nodes), contents)


def _run(
    root: Path, roots: Sequence[sandbox.Root], questions: Sequence[sandbox.Question]
) -> tuple[tuple[Reply, ...], ...]:
    with tempfile.TemporaryDirectory(prefix="reader-") as place:

        def move(text: str) -> str:
            return text.replace("/sysroot", f"{place}/s")

        archive = appliance.archive_of([("", "ext4")], roots, questions, move=move)
        Path(place, "ask.tar").write_bytes(archive)
        steps = (
            f"mkdir {place}/s && mount -t tmpfs tmpfs {place}/s && mkdir {place}/s/{_IMAGE} && "
            f"mount --bind {root} {place}/s/{_IMAGE} && tar -xf {place}/ask.tar -C {place}/s && "
            f"sh {move(sandbox.MAIN)}; cp {place}/s/work/replies.tar {place}/replies.tar"
        )
        subprocess.run(["unshare", "-m", "sh", "-c", steps], check=True, capture_output=True)
        return appliance.replies_in(Path(place, "replies.tar").read_bytes(), len(questions))


__all__ = ["Asked", "Disk", "ask_machine", "can_ask", "view_of_root"]
