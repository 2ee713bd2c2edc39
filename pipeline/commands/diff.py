"""``doit diff``: what is different between two images or releases, and which input or rule made it so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pipeline.commands.answering import or_say_why
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.host.named_files import read_named
from pipeline.host.progress import Progress, Say
from pipeline.host.scratch import temporary_directory
from pipeline.image.containers.prepare import prepare_raw
from pipeline.image.read.view import needed_paths, view_of
from pipeline.inputs.layout_files import load_layouts
from pipeline.manifest import from_bytes
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.observation import Observation
from pipeline.report.text.causes import Causes, Side
from pipeline.report.text.difference import Difference, differences, uncompared
from pipeline.report.text.difference_text import difference_text
from pipeline.report.text.meaning import meaning_differs
from pipeline.report.text.tree_difference import trees_differ
from pipeline.standards import package_databases
from pipeline.verification.delivery import MANIFEST, image_in
from pipeline.verification.trust import LARGEST_MANIFEST


class Diff(Helping):
    """Compare two images or releases."""

    name = "diff"
    doc_purpose = "say what is different between two images or releases, and which input or rule made it so"
    doc_usage = "A B"
    doc_description = (
        "A and B are images, manifests, gateways' directories or release directories. Manifests are trusted without "
        "a check of their signatures: run doit verify first. An image without a manifest, such as a vanilla image, is "
        "read as with --deep. Exit status: 0 the two are the same, 1 they differ, 2 they could not be read."
    )
    cmd_options = (
        {
            "name": "deep",
            "short": "",
            "long": "deep",
            "type": bool,
            "default": False,
            "help": "read both images: every file, settings, policy rows, firewall, users, packages",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print the differences."""
        return or_say_why(lambda: self._compare(pos_args, deep=bool(opt_values["deep"])))

    def _compare(self, paths: Sequence[str], *, deep: bool) -> int:
        if len(paths) != 2:
            raise PipelineError("two images or releases are needed", "doit diff out/<release A> out/<release B>")
        text, different = compare_paths(Path(paths[0]), Path(paths[1]), deep=deep)
        sys.stdout.write(text)
        return 1 if different else 0


@dataclass(frozen=True)
class _Image:
    """What one side is: an image, its manifest, or both.

    Attributes:
        place: what the user named.
    """

    place: Path
    manifest: Manifest | None
    image: Path | None

    @property
    def title(self) -> str:
        return f"{self.manifest.gateway} ({self.place})" if self.manifest is not None else str(self.place)


def compare_paths(a: Path, b: Path, *, deep: bool) -> tuple[str, bool]:
    """The text about two images or two releases, and whether anything is different.

    Raises:
        PipelineError: a path is neither, a manifest or an image cannot be read.
    """
    ours, theirs = _gateways(a), _gateways(b)
    if len(ours) == len(theirs) == 1:
        pairs = [(next(iter(ours.values())), next(iter(theirs.values())))]
        texts = []
    else:
        pairs = [(ours[name], theirs[name]) for name in sorted({*ours} & {*theirs})]
        texts = [f"{name}: only in {a}\n" for name in sorted({*ours} - {*theirs})]
        texts += [f"{name}: only in {b}\n" for name in sorted({*theirs} - {*ours})]
    different = bool(texts)
    with Progress().running() as say:
        for first, second in pairs:
            found, unseen = _compared(first(), second(), say, deep=deep)
            texts.append(difference_text(f"{first().title} and {second().title}", found, unseen))
            different = different or bool(found)
    return "".join(texts), different


def _compared(one: _Image, two: _Image, say: Say, *, deep: bool) -> tuple[tuple[Difference, ...], int]:
    """Differences, and how many files were not compared. An image without manifest has to be read."""
    a, b = one.manifest, two.manifest
    told = differences(a, b) if a is not None and b is not None else ()
    if a is not None and b is not None and not deep:
        return told, len(uncompared(a, b))
    views = _read((one, two), say)
    causes = Causes(Side(a, views[0].tree), Side(b, views[1].tree))
    # What was read counts, not what manifests say of the same paths.
    kept = (one for one in told if one.area not in ("files", "bytes"))
    return (*kept, *trees_differ(causes), *meaning_differs(causes, *views)), 0


def _gateways(path: Path) -> dict[str, Callable[[], _Image]]:
    """By gateway: of a release all, of anything else one. Manifests are read when they are needed."""
    if path.is_file():
        return {path.parent.name: partial(_of_file, path)}
    if (path / MANIFEST).is_file() or (path.is_dir() and image_in(path) is not None):
        return {path.name: partial(_of_directory, path)}
    found = sorted(path.glob(f"*/{MANIFEST}")) if path.is_dir() else []
    if not found:
        raise PipelineError(
            f"{path}: no {MANIFEST} and no image here", "name an image, a gateway's directory or a release directory"
        )
    return {file.parent.name: partial(_of_directory, file.parent) for file in found}


def _of_file(file: Path) -> _Image:
    if file.suffix == ".json":
        return _Image(file, _manifest(file), image_in(file.parent))
    beside = file.parent / MANIFEST
    return _Image(file, _manifest(beside) if beside.is_file() else None, file)


def _of_directory(place: Path) -> _Image:
    manifest = place / MANIFEST
    return _Image(place, _manifest(manifest) if manifest.is_file() else None, image_in(place))


@lru_cache(maxsize=2)
def _manifest(file: Path) -> Manifest:
    try:
        return from_bytes(read_named(file, LARGEST_MANIFEST), name=str(file))
    except OSError as error:
        raise PipelineError(f"{file}: cannot be read: {error.strerror}", "check its permissions") from None


def _read(sides: Sequence[_Image], say: Say) -> tuple[ImageView, ImageView]:
    """Both images as the rules see them, with the digest of every file, read through one appliance."""
    from pipeline.image.read.observe import observe  # noqa: PLC0415 - needs the libguestfs binding

    layouts = load_layouts()
    # Private, because the copies hold every secret of the images.
    with temporary_directory("diff-") as place:
        raws = []
        for number, side in enumerate(sides):
            if side.image is None:
                raise PipelineError(f"{side.place}: no image beside the manifest", "compare without --deep")
            raws.append(Path(place) / f"{number}.img")
            prepare_raw(side.image, raws[-1], say)
        results = list(
            observe(
                raws,
                digest=lambda _index: None,
                read=lambda _index, tree: {*needed_paths(tree, layouts), *package_databases(tree)},
                state_dir=Path(place),
                say=say,
            )
        )
    views = []
    for result in results:
        if not isinstance(result, Observation):
            raise result
        views.append(view_of(result.disk, result.tree, result.files, layouts))
    return views[0], views[1]
