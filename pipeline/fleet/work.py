"""The work of one process: gateways of a release, one after the other, each written where it waits to be published."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.build import reading
from pipeline.errors import PipelineError, Problem
from pipeline.fleet.context import Context
from pipeline.fleet.gateway import Made, judge_gateway, make_gateway
from pipeline.fleet.ledger import Entry, stamps_of, write_entry
from pipeline.image.witness.looking import Readers
from pipeline.manifest.format2 import BaseManifest
from pipeline.signing.keys import signers

_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own in it, private and swept


@dataclass(frozen=True)
class Job:
    """What every process needs.

    Attributes:
        keys: of each gateway that is to be made.
        candidates: where they wait.
    """

    context: Context
    base: BaseManifest
    keys: dict[str, str] = field(repr=False)
    candidates: Path


@dataclass(frozen=True)
class Done:
    """How one gateway ended."""

    name: str
    problems: tuple[Problem, ...] = ()


def work(job: Job, names: Sequence[str]) -> Iterator[Done]:
    """Make gateways; what is wrong with one is told of that one only."""
    context, workspace = job.context, job.context.workspace
    signer = signers.open_manifest_signer(reading.keyring_of(workspace), context.release.manifest_key)
    with ExitStack() as stack:
        readers = stack.enter_context(
            Readers(workspace.base, context.inputs.vanilla.disk, context.partitions, context.tree)
        )
        seen = readers.base()
        if seen.findings:
            raise PipelineError.of(
                Problem(
                    f"base image: {one.subject}: {one.check}: {one.seen}", "doit build again; report it if it stays"
                )
                for one in seen.findings[:10]
            )
        for name in names:
            try:
                made = make_gateway(
                    context, job.base, judge_gateway(context, name), readers, signer, scratch_parent(job)
                )
                keep(job, made)
            except PipelineError as error:
                yield Done(name, tuple(error.problems))
            else:
                yield Done(name)


def keep(job: Job, made: Made) -> None:
    """Write a gateway's directory and its record; flushed later, all together."""
    directory = job.candidates / made.name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    for name, data in made.files.items():
        handle = os.open(
            directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if name in made.private else 0o644
        )
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), 0o600 if name in made.private else 0o644)  # the umask must not decide
            stream.write(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in made.files.items()}
    entry = Entry(job.keys[made.name], digests, stamps_of(directory, digests), made.checks, made.own)
    write_entry(job.context.workspace, made.name, entry)


def scratch_parent(job: Job) -> Path:
    """Where stamping works: in memory where there is some, because e2fsprogs flush what they write."""
    place = _MEMORY / f"gateway-image-pipeline-{os.getuid()}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        about = place.lstat()
    except OSError:
        return job.context.workspace.state / "appliance"
    private = about.st_uid == os.getuid() and about.st_mode & 0o7777 == 0o700 and not place.is_symlink()
    room = shutil.disk_usage(place).free > 256 << 20
    return place if private and room else job.context.workspace.state / "appliance"
