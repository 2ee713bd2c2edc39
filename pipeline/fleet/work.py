"""The work of one process: builds gateways one after the other, each in a directory where it waits to be published."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

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


class Worker:
    """Makes gateways one after the other; its readers have looked at the base once; use as a context manager."""

    def __init__(self, job: Job) -> None:
        """Start readers.

        Raises:
            PipelineError: they see something else in the base than was planned.
        """
        self._job, context = job, job.context
        workspace = context.workspace
        self._signer = signers.open_manifest_signer(reading.keyring_of(workspace), context.release.manifest_key)
        self._readers = Readers(workspace.base, context.inputs.vanilla.disk, context.partitions, context.tree)
        self._scratch = scratch_parent(job)
        seen = self._readers.base()
        if seen.findings:
            self._readers.close()
            raise PipelineError.of(
                Problem(
                    f"base image: {one.subject}: {one.check}: {one.seen}", "doit build again; report it if it stays"
                )
                for one in seen.findings[:10]
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the readers."""
        self._readers.close()

    def make(self, name: str) -> Done:
        """Make a gateway; what is wrong with one is told of that one only."""
        job = self._job
        try:
            judged = judge_gateway(job.context, name)
            keep(job, make_gateway(job.context, job.base, judged, self._readers, self._signer, self._scratch))
        except PipelineError as error:
            return Done(name, tuple(error.problems))
        return Done(name)


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
