"""Gateways' directories of a release, encrypted to a role while they are read: images hold secrets.

One ``NAME.tar.age`` for each directory. The archive goes from the images to age through a pipe; nothing of it is on a
disk in the clear. The same directory gives the same archive; age's own bytes differ each time, as encryption has to.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host import tools
from pipeline.host.durable import sync_directory
from pipeline.model.recipient import Recipient

_REASON = "encrypt the images"


def pack(sources: Sequence[Path], directory: Path, recipient: Recipient, *, epoch: int) -> tuple[Path, ...]:
    """Encrypt each directory for all of a role's people; returns what was written.

    Args:
        sources: directories of a release without directories in them.
        epoch: modification time of everything in the archives, seconds since 1970.

    Raises:
        PipelineError: a pack is there already, a source is not, or age failed; a pack that is not whole has no name.
    """
    targets = {source: directory / f"{source.name}.tar.age" for source in sources}
    raise_if_any(
        [
            *(
                Problem(f"{target}: it is there already", "name a new directory: packs never replace anything")
                for target in targets.values()
                if target.exists() or target.is_symlink()
            ),
            *(
                Problem(f"{source}: is not there", "build the release first: doit build")
                for source in targets
                if not source.is_dir()
            ),
        ]
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for source, target in targets.items():
        _pack(source, target, recipient, epoch)
    sync_directory(directory)
    return tuple(targets.values())


def _pack(source: Path, target: Path, recipient: Recipient, epoch: int) -> None:
    """Written beside its name, which it gets when age has ended well."""
    age = tools.require("age", reason=_REASON)
    words = [word for one in recipient.age for word in ("--recipient", one)]
    growing = target.with_name(f".{target.name}.{os.getpid()}")
    handle = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - argument list, closed environment, public recipients only
                [str(age), "--encrypt", *words],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.PIPE,
                env=tools.closed_environment(),
            )
            _feed(process, source, target, epoch)
            os.fsync(stream.fileno())
        os.link(growing, target)  # refuses what came there meanwhile
    finally:
        growing.unlink(missing_ok=True)


def _feed(process: subprocess.Popen[bytes], source: Path, target: Path, epoch: int) -> None:
    if process.stdin is None or process.stderr is None:
        raise RuntimeError("age was started without pipes")
    with process.stderr as complaints:
        try:
            broken = not _sent(process.stdin, source, epoch)
        except BaseException:
            process.kill()
            process.wait()
            raise
        said = complaints.read().decode("utf-8", "replace").strip().splitlines()
    if process.wait() != 0 or broken:
        raise PipelineError(
            f"age: failed to {_REASON} for {target.name}: {said[0] if said else 'no message'}",
            "correct [[secrets.recipient]] age in gateway.toml, or make room",
        )


def _sent(stream: IO[bytes], source: Path, epoch: int) -> bool:
    """Send the archive; False when age ended before it was all taken, of which its complaints say why."""
    try:
        try:
            _archive(source, stream, epoch)
        finally:
            stream.close()
    except BrokenPipeError:
        with contextlib.suppress(BrokenPipeError):
            stream.close()
        return False
    return True


def _archive(source: Path, stream: IO[bytes], epoch: int) -> None:
    """A tar archive of one directory: sorted, owned by nobody in particular, private when it is unpacked."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(source.iterdir()):
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                raise PipelineError(f"{path}: is not a file", "keep only what the build wrote in a gateway's directory")
            member = tarfile.TarInfo(f"{source.name}/{path.name}")
            member.size, member.mtime, member.mode = about.st_size, epoch, 0o600
            with path.open("rb") as content:
                archive.addfile(member, content)
