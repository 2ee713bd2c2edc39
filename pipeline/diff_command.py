"""``doit diff``: what is different between two images or releases, and which input or rule made it so."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from doit.cmd_base import Command

from pipeline.commands import or_say_why
from pipeline.errors import PipelineError
from pipeline.image.prepare import prepare_raw
from pipeline.image.view import needed_paths, view_of
from pipeline.inputs.layout_files import load_layouts
from pipeline.manifest import from_bytes
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest
from pipeline.model.observation import Observation
from pipeline.progress import Progress, Say
from pipeline.report.difference import Difference, differences, uncompared
from pipeline.report.difference_text import difference_text
from pipeline.report.meaning import meaning_differs
from pipeline.verification.delivery import MANIFEST, image_in


class Diff(Command):
    """Compare two images or releases."""

    name = "diff"
    doc_purpose = "say what is different between two images or releases, and which input or rule made it so"
    doc_usage = "A B"
    doc_description = (
        "A and B are manifests, gateways' directories or release directories. Manifests are taken at their word: "
        "verify first. Exit status: 0 the same, 1 different, 2 could not look."
    )
    cmd_options = (
        {
            "name": "deep",
            "short": "",
            "long": "deep",
            "type": bool,
            "default": False,
            "help": "read both images: settings, policy rows, firewall, accounts, files with secret content",
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


def compare_paths(a: Path, b: Path, *, deep: bool) -> tuple[str, bool]:
    """The text about two images or two releases, and whether anything is different."""
    ours, theirs = _gateways(a), _gateways(b)
    if len(ours) == len(theirs) == 1:
        pairs = [(next(iter(ours.values())), next(iter(theirs.values())))]
        texts = []
    else:
        pairs = [(ours[name], theirs[name]) for name in sorted({*ours} & {*theirs})]
        texts = [f"{name}: only in {a}\n" for name in sorted({*ours} - {*theirs})]
        texts += [f"{name}: only in {b}\n" for name in sorted({*theirs} - {*ours})]
    different = bool(texts)
    for one, two in pairs:
        first, second = _manifest(one), _manifest(two)
        found: tuple[Difference, ...] = differences(first, second)
        unseen = len(uncompared(first, second))
        if deep:
            with Progress().running() as say:
                views = _read((one, two), say)
            found, unseen = (*found, *meaning_differs(first, second, *views)), 0
        texts.append(difference_text(f"{first.gateway} ({one}) and {second.gateway} ({two})", found, unseen))
        different = different or bool(found)
    return "".join(texts), different


def _gateways(path: Path) -> dict[str, Path]:
    """Manifests by gateway: of a release all, of anything else one."""
    if path.is_file():
        return {path.parent.name: path}
    if (path / MANIFEST).is_file():
        return {path.name: path / MANIFEST}
    found = {file.parent.name: file for file in sorted(path.glob(f"*/{MANIFEST}"))} if path.is_dir() else {}
    if not found:
        raise PipelineError(f"{path}: no {MANIFEST} here", "name a gateway's directory or a release directory")
    return found


def _manifest(file: Path) -> Manifest:
    try:
        return from_bytes(file.read_bytes(), name=str(file))
    except OSError as error:
        raise PipelineError(f"{file}: cannot be read: {error.strerror}", "check its permissions") from None


def _read(manifests: Sequence[Path], say: Say) -> tuple[ImageView, ImageView]:
    """Both images as the rules see them, read through one appliance, and the secret files besides."""
    from pipeline.image.observe import observe  # noqa: PLC0415 - needs the libguestfs binding

    layouts = load_layouts()
    secret = [[path for path, change in _manifest(file).changes.items() if change.secret] for file in manifests]
    # Private, because the copies hold every secret of the images.
    with tempfile.TemporaryDirectory(prefix="diff-") as place:
        raws = []
        for number, file in enumerate(manifests):
            image = image_in(file.parent)
            if image is None:
                raise PipelineError(f"{file.parent}: no image beside the manifest", "compare without --deep")
            raws.append(Path(place) / f"{number}.img")
            prepare_raw(image, raws[-1], say)
        results = list(
            observe(
                raws,
                digest=lambda _index: (),
                read=lambda index, tree: {*needed_paths(tree, layouts), *secret[index]},
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
