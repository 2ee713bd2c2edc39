"""Overlays: reads the release engineer's own files below ``rootfs/``, and modes and owners from ``overlay.toml``."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import Problem, raise_if_any
from pipeline.inputs.overlay_fitness import mode_problems, secret_problems
from pipeline.inputs.overlay_leftovers import (
    is_left_out,
    is_leftover,
    is_meant,
    keeper_problem,
    left_out_of,
    leftover_problem,
)
from pipeline.inputs.toml_table import Table, load
from pipeline.model.guest_path import GuestPath
from pipeline.model.overlay import Overlay, OverlayFile, OverlayLink

_TEMPLATE = ".j2"
_MODE = r"[0-7]{4}"
_REASON = r"[^\0-\x1f\x7f]*"
_LARGEST = 256 << 20  # bytes of one file; the plan holds it in memory
_MOST_ID = 65_533  # 65534 is nobody; nothing should belong to nobody


@dataclass(frozen=True)
class Wish:
    """What ``overlay.toml`` says of one path.

    Attributes:
        secret: None where nobody has decided.
        reason: why there is a secret that is none, or such a mode.
    """

    mode: int
    uid: int
    gid: int
    template: bool = True
    secret: bool | None = None
    directory: bool = False
    reason: str = ""


def read_overlay(path: Path) -> Overlay:
    """Read an overlay directory.

    Raises:
        PipelineError: everything that is wrong: with the settings, with names that cannot be written to an image, with
            files that are neither file, link nor directory, with two sources for one path.
    """
    problems: list[Problem] = []
    root = Table(str(path / "overlay.toml"), load(path / "overlay.toml", "description of an overlay"), problems)
    file_default, wishes = wishes_in(root)
    tree = path / "rootfs"
    if tree.is_symlink():
        raise_if_any([*problems, Problem(f"{tree}: is a link", "put the files of the overlay there themselves")])
    if not tree.is_dir():
        problems.append(Problem(f"{tree}: not a directory", "put the files of the overlay there"))
    files: dict[GuestPath, OverlayFile] = {}
    links: list[OverlayLink] = []
    directories = [(place, wish.mode, wish.uid, wish.gid) for place, wish in wishes.items() if wish.directory]
    left_out = left_out_of(path, [*wishes])
    for source, name in _members(tree, wishes, path / "overlay.toml", problems):
        place = GuestPath(f"/{name}")
        is_template = place.name.endswith(_TEMPLATE) and place.name != _TEMPLATE and not source.is_symlink()
        if is_template and wishes.get(place, file_default).template:
            place = GuestPath(place.removesuffix(_TEMPLATE))
        else:
            is_template = False
        wish = wishes.pop(place, file_default)
        if wish.directory and not source.is_symlink():
            problems.append(Problem(f"{source}: overlay.toml calls it a directory", "correct [paths]"))
        if place in files or any(link.path == place for link in links):
            problems.append(Problem(f"{source}: there is another source for {place}", "keep one of the two"))
        elif source.is_symlink():
            links.append(OverlayLink(place, str(source.readlink()), f"{path.name}/rootfs/{name}"))
        else:
            # Origins reach the manifest, so they are not to depend on where the workspace lies.
            origin = f"{path.name}/rootfs/{name}"
            content = _content(source, problems)
            problems += _undecided(source, place, content, wish, path / "overlay.toml")
            files[place] = OverlayFile(
                place, content, wish.mode, wish.uid, wish.gid, is_template, bool(wish.secret), origin
            )
    problems.extend(
        Problem(f"{path / 'overlay.toml'} [paths] {place}: no such file below {tree}", "correct the path")
        for place, wish in wishes.items()
        if not wish.directory
    )
    raise_if_any(problems)
    shown = tuple(files[place] for place in sorted(files))
    return Overlay(path.name, shown, tuple(links), tuple(sorted(directories)), left_out)


def wishes_in(root: Table) -> tuple[Wish, dict[GuestPath, Wish]]:
    """What the top table of an ``overlay.toml`` says: of every file, and of single paths."""
    defaults = root.table("defaults")
    file_default = Wish(_mode(defaults, "file_mode", "0644"), _id(defaults, "uid", 0), _id(defaults, "gid", 0))
    directory_mode = _mode(defaults, "directory_mode", "0755")
    defaults.close()
    wishes = _wishes(root.table("paths"), file_default, directory_mode)
    root.close()
    return file_default, wishes


def _undecided(source: Path, place: GuestPath, content: bytes, wish: Wish, where: Path) -> Iterator[Problem]:
    if wish.secret is None or (wish.secret is False and not wish.reason):
        yield from secret_problems(source, place, content, where)
    if not wish.reason:
        yield from mode_problems(source, place, wish.mode, where, secret=bool(wish.secret))


def _wishes(table: Table, default: Wish, directory_mode: int) -> dict[GuestPath, Wish]:
    wishes: dict[GuestPath, Wish] = {}
    for name in table.names(r"/.+"):
        entry = table.table(name)
        directory = entry.boolean("directory", default=False)
        secret = entry.boolean("secret", default=False) if entry.has("secret") else None
        # What is secret is its owner's, unless somebody says otherwise.
        fallback = directory_mode if directory else default.mode & 0o700 if secret else default.mode
        wish = Wish(
            mode=_mode(entry, "mode", f"{fallback:04o}"),
            uid=_id(entry, "uid", default.uid),
            gid=_id(entry, "gid", default.gid),
            template=entry.boolean("template", default=True),
            secret=secret,
            directory=directory,
            reason=entry.text("reason", "", form=_REASON, meaning="a reason in a line"),
        )
        entry.close()
        try:
            wishes[GuestPath(name)] = wish
        except ValueError:
            table.wrong(ascii(name), "is not an absolute path without . and ..", 'write it as "/etc/example"')
    return wishes


def _mode(table: Table, key: str, default: str) -> int:
    text = table.text(key, default, form=_MODE, meaning='four octal digits in quotes, such as "0644"')
    return int(text, 8)


def _id(table: Table, key: str, default: int) -> int:
    return table.integer(key, default, 0, _MOST_ID)


def _members(
    tree: Path, wishes: Mapping[GuestPath, Wish], where: Path, problems: list[Problem]
) -> Iterator[tuple[Path, str]]:
    """Files and links below the tree that are meant for gateways, sorted by name; links are not followed."""
    named = [str(place) for place in wishes]
    directories = [str(place) for place, wish in wishes.items() if wish.directory]
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        mode = path.lstat().st_mode
        if not is_meant(name, named):
            if is_left_out(name):
                problems.extend(keeper_problem(path, name, directories, where))
                continue
            if is_leftover(name):
                problems.extend(leftover_problem(path, name, where))
                continue
        if not name.isascii() or not name.isprintable() or '"' in name:
            problems.append(Problem(f"{ascii(str(path))}: such a name cannot be written", "use plain ASCII names"))
        elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            yield path, name
        elif not stat.S_ISDIR(mode):
            problems.append(Problem(f"{path}: neither file, link nor directory", "remove it from the overlay"))


def _content(source: Path, problems: list[Problem]) -> bytes:
    try:
        if source.stat().st_size <= _LARGEST:
            return source.read_bytes()
        problems.append(Problem(f"{source}: larger than {_LARGEST >> 20} MiB", "put it into the vanilla image"))
    except OSError as error:
        problems.append(Problem(f"{source}: cannot be read: {error.strerror}", "check its permissions"))
    return b""
