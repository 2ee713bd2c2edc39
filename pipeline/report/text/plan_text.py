"""A plan for people: every path that will change, how, and why; stable, and without any secret."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipeline.classification import find_secrets
from pipeline.classification.found import ENTROPY, NOT_SEARCHED
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.model.outside.raw_region import RawChange
from pipeline.model.outside.sidecar import Sidecar
from pipeline.model.tree import Kind, Node, Tree
from pipeline.report.text.plain import plain

_MOST_LINES = 120  # of one file's difference
_MOST_COLUMNS = 160

# Mark and word for each kind of change, in the order of the summary.
_WORDS = {
    "new": "+",
    "replaced": "~",
    "metadata": "~",
    "removed": "-",
    "as it is": "=",
}


def plan_text(before: Tree, contents: Mapping[GuestPath, bytes], layer: Layer, title: str) -> str:
    """What a layer does to a tree.

    Args:
        before: the tree the layer is applied to.
        contents: what is known of the content of its files, to show differences.
        layer: landed, so that its paths are those of the tree.
        title: first words of the text, such as the gateway's name.

    Returns:
        Counts first, then each path with its reasons; every line ends with a newline.
    """
    words = [_word(before, contents, entry) for entry in layer.entries]
    lines = [f"{title}: {_counts(words, layer)}"]
    for word, entry in zip(words, layer.entries, strict=True):
        lines.append("")
        lines.extend(_entry(before, contents, entry, word))
    return "".join(f"{line}\n" for line in lines)


def raw_text(changes: Sequence[RawChange]) -> str:
    """What changes outside all file systems, a line and its reasons each; empty when nothing does."""
    lines = []
    for change in changes:
        lines.append(f"\n~ {change.region}")
        lines += [f"    {plain(f'{origin.rule} {origin.document} ({origin.source})')}" for origin in change.origins]
    return "".join(f"{line}\n" for line in lines)


def sidecar_text(sidecars: Sequence[Sidecar]) -> str:
    """What is delivered beside the image, for places outside of it; empty when nothing is."""
    lines = []
    for sidecar in sidecars:
        offset = "from its end" if sidecar.offset < 0 else "from its start"
        place = f"for {sidecar.device}, {abs(sidecar.offset):#x} bytes {offset}"
        lines.append(f"\n+ {sidecar.file}  beside the image, {len(sidecar.content)} bytes {plain(place)}")
        lines += [f"      {_why(origin)}" for origin in sidecar.origins]
    return "".join(f"{line}\n" for line in lines)


def _counts(words: list[str], layer: Layer) -> str:
    if not words:
        return "nothing changes"
    counted = Counter(words)
    parts = [f"{counted[word]} {word}" for word in _WORDS if counted[word]]
    secret = sum(entry.secret for entry in layer.files())
    return f"{len(words)} paths: {', '.join(parts)}" + (f"; {secret} with secret content" if secret else "")


def _word(before: Tree, contents: Mapping[GuestPath, bytes], entry: Entry) -> str:
    node = before.get(entry.path)
    if isinstance(entry, Removal):
        return "removed"
    if node is None:
        return "new"
    if node.kind is not _kind(entry) or _content_differs(node, contents.get(entry.path), entry):
        return "replaced"
    return "as it is" if _same_metadata(node, entry) else "metadata"


def _same_metadata(node: Node, entry: FileEntry | DirEntry | LinkEntry) -> bool:
    """Mode of a link and attributes of a directory are never set, so they cannot change."""
    same = (node.uid, node.gid) == (entry.uid, entry.gid)
    if not isinstance(entry, LinkEntry):
        same = same and node.mode == entry.mode
    if isinstance(entry, FileEntry):
        same = same and node.xattrs == tuple((name, value.hex()) for name, value in entry.xattrs)
    return same


def _content_differs(node: Node, known: bytes | None, entry: Entry) -> bool:
    """Whether content or target will be another; where the old content is not known, it is said to be replaced."""
    if isinstance(entry, LinkEntry):
        return node.target != entry.target
    if not isinstance(entry, FileEntry):
        return False
    digest = node.sha256 if known is None else hashlib.sha256(known).hexdigest()
    return digest != hashlib.sha256(entry.content).hexdigest()


def _entry(before: Tree, contents: Mapping[GuestPath, bytes], entry: Entry, word: str) -> Iterator[str]:
    node = before.get(entry.path)
    yield f"{_WORDS[word]} {plain(entry.path)}  {_what(before, node, entry, word)}"
    yield from (f"      {_why(origin)}" for origin in sorted(entry.origins))
    if isinstance(entry, FileEntry) and word in ("new", "replaced"):
        old = contents.get(entry.path) if node is not None and node.kind is Kind.FILE else b""
        yield from (f"    {line}" for line in _content(old, entry))


def _why(origin: Origin) -> str:
    document = f" [{origin.document}]" if origin.document else ""
    return plain(f"{origin.rule}: {origin.source}{document}")


def _what(before: Tree, node: Node | None, entry: Entry, word: str) -> str:
    match entry:
        case Removal():
            inside = len(before.below(entry.path))
            kind = _name(node.kind) if node is not None else "path that is not there"
            return f"{kind}, removed" + (f" with {inside} paths in it" if inside else "")
        case LinkEntry():
            was = f", was {plain(node.target)}" if node is not None and node.target not in ("", entry.target) else ""
            details = f"to {plain(entry.target)}{was}"
        case FileEntry():
            details = f"{entry.mode:04o} {entry.uid}:{entry.gid} {len(entry.content)} bytes"
        case DirEntry():
            details = f"{entry.mode:04o} {entry.uid}:{entry.gid}"
    return f"{_name(_kind(entry))}, {word}, {details}{_was(node, entry)}"


def _was(node: Node | None, entry: Entry) -> str:
    """What mode, owner or type were, where they change."""
    if node is None or isinstance(entry, Removal):
        return ""
    if node.kind is not _kind(entry):
        return f" (was a {_name(node.kind)})"
    changes = []
    if not isinstance(entry, LinkEntry) and node.mode != entry.mode:
        changes.append(f"mode was {node.mode:04o}")
    if (node.uid, node.gid) != (entry.uid, entry.gid):
        changes.append(f"owner was {node.uid}:{node.gid}")
    return f" ({', '.join(changes)})" if changes else ""


def _content(old: bytes | None, entry: FileEntry) -> Iterator[str]:
    if entry.secret:
        yield f"secret content, {len(entry.content)} bytes"
        return
    if old is None:
        yield "the old content was not read"
        return
    if hidden := _secret_in(entry.path, old) or _secret_in(entry.path, entry.content):
        yield f"not shown: {hidden}"
        return
    before, after = _lines(old), _lines(entry.content)
    if before is None or after is None:
        yield f"binary, sha256 {hashlib.sha256(entry.content).hexdigest()}"
        return
    # The two lines of file names say nothing here: the path stands above.
    lines = list(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]
    yield from (line[:_MOST_COLUMNS] + ("…" if len(line) > _MOST_COLUMNS else "") for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"… and {len(lines) - _MOST_LINES} more lines"


def _secret_in(path: GuestPath, content: bytes) -> str:
    """Why a text is not shown although nobody has called it secret: the vendor's own hashes and passwords, for one."""
    found = [one for one in find_secrets(str(path)[1:], content) if one.kind not in (ENTROPY, NOT_SEARCHED)]
    return f"{found[0].kind}: {found[0].reason}" if found else ""


def _lines(content: bytes) -> list[str] | None:
    """The lines of a text, made harmless for a terminal; None for what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += "⏎ missing"
    return [plain(line) for line in lines]


def _kind(entry: FileEntry | DirEntry | LinkEntry) -> Kind:
    match entry:
        case FileEntry():
            return Kind.FILE
        case DirEntry():
            return Kind.DIRECTORY
        case LinkEntry():
            return Kind.LINK


def _name(kind: Kind) -> str:
    names = {Kind.FILE: "file", Kind.DIRECTORY: "directory", Kind.LINK: "link"}
    return names.get(kind, "special file")
