"""What version control, file managers and editors leave among the files of an overlay, and what becomes of it.

What an operating system or git puts there by itself is left out without a word: nobody means it for a gateway. What
an editor or a package manager left is refused in words: it may be the only copy of something, may hold what was taken
out of the file beside it, and some programs read every file of a directory. What ``overlay.toml`` names is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pipeline.errors import Problem

KEEPERS = (".gitkeep", ".keep")
"""Files that keep a directory in version control, which knows no empty ones."""

# git's own; Finder's and Spotlight's with AppleDouble, Windows Explorer's, KDE's, Synology's.
_LEFT_OUT = (
    *KEEPERS, ".gitignore", ".gitattributes", ".DS_Store", "._*", ".localized", "Icon\r", ".Spotlight-V100", ".Trashes",
    ".fseventsd", ".AppleDouble", "__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", ".directory",
    "@eaDir",
)  # fmt: skip

_EDITORS = "what an editor left: a back-up, a lock or a swap file"
_PACKAGES = "what a package manager left of another version of the file"
_MERGES = "what a merge or a patch left"
_TREES = "a directory of version control or of a development tool"
_UNFINISHED = "a file that is not complete or is still open elsewhere"
_REFUSED = {
    "*~": _EDITORS,  # Emacs, vi with backup, gedit, kate
    "#*#": _EDITORS,  # Emacs: auto-save
    ".#*": _EDITORS,  # Emacs: lock
    ".*.sw[a-p]": _EDITORS,  # vim: .name.swp, .swo and down
    ".sw[a-p]": _EDITORS,
    "*.un~": _EDITORS,
    "*.bak": _EDITORS,
    "*.kate-swp": _EDITORS,
    ".~lock.*#": _EDITORS,  # LibreOffice
    "*.save": _EDITORS,  # nano
    "*.orig": _MERGES,
    "*.rej": _MERGES,
    "*.dpkg-*": _PACKAGES,
    "*.ucf-*": _PACKAGES,
    "*.rpmsave": _PACKAGES,
    "*.rpmnew": _PACKAGES,
    "*.rpmorig": _PACKAGES,
    "*.pacsave": _PACKAGES,
    "*.pacnew": _PACKAGES,
    "*.part": _UNFINISHED,
    "*.crdownload": _UNFINISHED,
    ".nfs????????*": _UNFINISHED,
    ".fuse_hidden*": _UNFINISHED,
    ".git": _TREES,
    ".svn": _TREES,
    ".hg": _TREES,
    ".bzr": _TREES,
    "CVS": _TREES,
    ".idea": _TREES,
    ".vscode": _TREES,
    "__pycache__": _TREES,
}


def is_left_out(name: str) -> bool:
    """Whether a path, relative to the overlay, lies in or is something that is left out without a word."""
    return any(fnmatchcase(part, form) for part in PurePosixPath(name).parts for form in _LEFT_OUT)


def is_meant(name: str, named: Sequence[str]) -> bool:
    """Whether ``overlay.toml`` names a path below ``rootfs``, the odd directory it lies in, or something in it."""
    place = f"/{name}"
    return any(
        place == one
        or one.startswith(f"{place}/")
        or (place.startswith(f"{one}/") and _is_odd(one) and not _is_odd(place.removeprefix(one)))
        for one in named
    )


def _is_odd(name: str) -> bool:
    return is_left_out(name) or is_leftover(name)


def left_out_of(path: Path, named: Sequence[str]) -> frozenset[str]:
    """Files of an overlay, relative to it, that are no part of it, so that no digest depends on them.

    Args:
        named: absolute paths of the image that ``overlay.toml`` names.
    """
    names = (entry.relative_to(path).as_posix() for entry in path.rglob("*"))
    return frozenset(name for name in names if is_left_out(name) and not is_meant(name.removeprefix("rootfs/"), named))


def is_leftover(name: str) -> bool:
    """Whether a path below ``rootfs`` is, or lies in, what is refused."""
    return any(_reason(part) for part in PurePosixPath(name).parts)


def leftover_problem(source: Path, name: str, where: Path) -> Iterator[Problem]:
    """What speaks against a path that nobody meant, by its own name; what lies in a directory goes with it.

    Args:
        source: the file or directory; ``name``: relative to ``rootfs``; ``where``: the ``overlay.toml``.
    """
    if reason := _reason(source.name):
        yield Problem(
            f"{ascii(str(source))[1:-1]}: {reason}, by its name",
            f'take it out of the overlay; where a gateway is to have it, name it in {where}: [paths."/{name}"]',
        )


def _reason(part: str) -> str:
    return next((what for form, what in _REFUSED.items() if fnmatchcase(part, form)), "")


def keeper_problem(source: Path, name: str, directories: Sequence[str], where: Path) -> Iterator[Problem]:
    """A file that keeps an empty directory, where nothing says that gateways are to have that directory."""
    place = PurePosixPath(name)
    alone = all(is_left_out(entry.name) for entry in source.parent.iterdir())
    if place.name in KEEPERS and alone and f"/{place.parent}" not in directories and len(place.parts) > 1:
        yield Problem(
            f"{source}: keeps an otherwise empty directory; an overlay does not create empty directories by itself",
            f'name it in {where}: [paths."/{place.parent}"] directory = true; or take it out of the overlay',
        )
