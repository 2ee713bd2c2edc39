"""Makes a workspace: looks into the inputs, writes keys and files, or leaves nothing behind."""

from __future__ import annotations

import datetime
import os
import secrets as randomness
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.build.golden_sample import lock as golden_lock
from pipeline.build.keys import inspect_key
from pipeline.classification import review
from pipeline.classification.item import Decision, Item
from pipeline.classification.lock import Lock, render
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host.digests import sha256_of, write_atomically
from pipeline.host.progress import Say
from pipeline.host.records import write_record
from pipeline.host.workspace import Workspace
from pipeline.image.containers import prepare
from pipeline.image.read import facts_file, inspect
from pipeline.inputs import layout_files
from pipeline.inputs.inventory_file import read_gateways
from pipeline.inputs.key_config import read_keys
from pipeline.inputs.release_file import read_release
from pipeline.inputs.schemas import rendered, schemas
from pipeline.model.golden import Export
from pipeline.model.vanilla import Vanilla
from pipeline.setup.answers import Answers
from pipeline.setup.proposal import CONFIG, ENVIRONMENTS, Proposal, propose
from pipeline.setup.texts import gateway_toml, texts
from pipeline.signing.bundles.platform import platform_bundles
from pipeline.signing.keys.certificates import parse_name
from pipeline.signing.keys.key_files import KeyFiles, make_key
from pipeline.signing.keys.manifest_key import make_manifest_key
from pipeline.signing.keys.private_file import make_once

_OURS = (
    "gateway.toml",
    "devices.toml",
    "devices.csv",
    "dodo.py",
    "golden.lock",
    ".gitignore",
    "keys",
    "secrets",
    ".build",
)
_BITS, _DAYS = 3072, 3650
_REASON = "undecided when the workspace was made: it stays behind until somebody decides otherwise"


@dataclass(frozen=True)
class Looked:
    """What the inputs say.

    Attributes:
        raw_digest: of the vanilla disk as raw bytes; ``digest`` of its file as given.
    """

    vanilla: Vanilla
    export: Export
    items: tuple[Item, ...]
    digest: str
    raw_digest: str


def require_free(directory: Path) -> None:
    """Refuse a directory in which a workspace, or something of one, is already; `PipelineError` names it."""
    raise_if_any(
        Problem(f"{directory / name}: is there already", "take another directory, or go on with the workspace there")
        for name in _OURS
        if os.path.lexists(directory / name)
    )


def look(answers: Answers, say: Say) -> Looked:
    """Look into both inputs; what inspection found stays in the workspace's state.

    Raises:
        PipelineError: an input is not what it has to be; nothing is left behind then.
    """
    say("reading the export")
    workspace = Workspace(answers.directory)
    export, items = golden_lock.judged(workspace, str(answers.export.resolve()))
    made = not answers.directory.exists()
    try:
        workspace.make_state()
        say(f"{answers.vanilla}: a private copy")
        digest = sha256_of(answers.vanilla)
        raw_digest = prepare.prepare_raw(answers.vanilla, workspace.raw, say)
        vanilla = inspect.inspect(
            workspace.raw,
            layout_files.choose_layouts("auto", ""),
            sha256=raw_digest,
            state_dir=workspace.state / "appliance",
            say=say,
            name=str(answers.vanilla),
            root=answers.root,
            also=[*ENVIRONMENTS, CONFIG],
        )
        layout_files.require_known(vanilla.layout, "")
        facts_file.save(vanilla, workspace.facts)
    except BaseException:
        shutil.rmtree(answers.directory if made else workspace.state, ignore_errors=True)
        raise
    return Looked(vanilla, export, items, digest, raw_digest)


def proposal_of(answers: Answers, looked: Looked) -> Proposal:
    """What is proposed; `PipelineError` where the inputs do not belong together."""
    return propose(looked.vanilla, looked.export, platform_bundles(looked.vanilla), answers.user)


def decisions(looked: Looked) -> tuple[Lock, tuple[str, ...]]:
    """The lock that accepts an export as it is, everything undecided left behind; and what that is, by name."""
    lock = review.accepted(looked.items, Lock())
    waiting = [item for item in looked.items if review.decision_of(item, lock) is Decision.UNDECIDED]
    able = tuple(str(item.key) for item in waiting if Decision.STAYS in item.allowed)
    return review.decided(lock, looked.items, able, Decision.STAYS, _REASON), able


def write(answers: Answers, looked: Looked, proposal: Proposal, lock: Lock, epoch: int) -> tuple[Path, ...]:
    """Write keys and files; returns what was written.

    Args:
        epoch: the release's clock, seconds since 1970.

    Raises:
        PipelineError: a file would not be accepted by its reader.
    """
    workspace = Workspace(answers.directory)
    files = {**_files(answers, looked, proposal, epoch), "golden.lock": render(lock)}
    _require_readable(files)
    _make_keys(answers, epoch)
    for name, text in files.items():
        write_atomically(answers.directory / name, text.encode(), 0o644)
    write_record(
        workspace.record("inspect"),
        inspect_key(workspace),
        [workspace.raw, workspace.facts],
        known={workspace.raw: looked.raw_digest},
    )
    return tuple(answers.directory / name for name in files)


def _files(answers: Answers, looked: Looked, proposal: Proposal, epoch: int) -> Mapping[str, str]:
    release = gateway_toml(
        answers,
        proposal,
        vanilla=_from_workspace(answers.vanilla, answers.directory),
        export=_from_workspace(answers.export, answers.directory),
        sha256=looked.digest,
        epoch=epoch,
    )
    day = datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    release = release.replace("(2026-01-01T00:00:00Z)", f"({day:%Y-%m-%dT%H:%M:%SZ})")
    return {
        **texts(answers, release, ".schemas"),
        **{f".schemas/{name}": rendered(schema) for name, schema in schemas().items()},
    }


def _from_workspace(path: Path, directory: Path) -> str:
    """A path as gateway.toml names it: relative, so that workspace and inputs can move together."""
    return os.path.relpath(path.resolve(), directory.resolve())


def _require_readable(files: Mapping[str, str]) -> None:
    """Let the strict readers judge everything before anything is written where it belongs."""
    with tempfile.TemporaryDirectory(prefix="workspace-") as name:
        place = Path(name)
        for file, text in files.items():
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            (place / file).write_text(text, "utf-8")
        try:
            release = read_release(place / "gateway.toml", None)
            read_gateways(place / release.devices)
            read_keys(place / release.keys)
        except PipelineError as error:
            raise_if_any(Problem(one.what.replace(f"{place}/", ""), one.remedy) for one in error.problems)


def _make_keys(answers: Answers, epoch: int) -> None:
    """A fleet secret and both signing keys, private from their first byte, outside git."""
    keys, secrets = answers.directory / "keys", answers.directory / "secrets"
    for directory in (keys / "private", secrets):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_once(secrets / "fleet.key", randomness.token_hex(32).encode("ascii") + b"\n")
    make_key(KeyFiles(keys, "bundle-signer"), parse_name(answers.subject), first=epoch, days=_DAYS, bits=_BITS)
    make_manifest_key(keys / "private" / "manifest-signer", keys / "manifest-signer.pub", answers.principal)
