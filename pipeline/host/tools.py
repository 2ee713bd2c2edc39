"""The one door to external programs: closed environment, argument lists, output captured, failures explained."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import PipelineError

# Which Debian package brings which program, so that a missing one is reported with its remedy.
PACKAGES: Mapping[str, str] = {
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "tune2fs": "e2fsprogs",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mcopy": "mtools",
    "mdir": "mtools",
    "mshowfat": "mtools",
    "mformat": "mtools",
    "mkfs.vfat": "dosfstools",
    "fsck.vfat": "dosfstools",
    "mkenvimage": "u-boot-tools",
    "fw_printenv": "libubootenv-tool",
    "zstd": "zstd",
    "xz": "xz-utils",
    "javac": "openjdk-17-jdk-headless",
    "keytool": "openjdk-17-jre-headless",
    "jarsigner": "openjdk-17-jdk-headless",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ssh-keyscan": "openssh-client",
    "iptables-restore": "iptables",
    "xmllint": "libxml2-utils",
    "bmaptool": "bmap-tools",
    "unshare": "util-linux",
    "busybox": "busybox-static",
    "setpriv": "util-linux",
    "age": "age",
}

# Programs of administrators are not on every user's PATH.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Finished:
    """A program that has ended: its exit status and what it wrote."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Standard output as text; undecodable bytes are replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaints(self) -> str:
        """Standard error as text; undecodable bytes are replaced."""
        return self.stderr.decode("utf-8", "replace")


def find(program: str) -> Path | None:
    """Where a program lies on the closed search path, or None."""
    found = shutil.which(program, path=_PATH)
    return Path(found) if found else None


def require(program: str, *, reason: str) -> Path:
    """Where a program lies; raises `PipelineError` naming why it is needed and the Debian package that has it."""
    found = find(program)
    if found is None:
        package = PACKAGES.get(program, program)
        raise PipelineError(
            f"{program}: not installed; it is needed to {reason}",
            f"apt-get install {package}, or start through ./ci/bootstrap",
        )
    return found


def closed_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment programs run in: nothing of the caller's reaches them but what is named here.

    Locale and time zone change what some tools write, and secrets in variables would be inherited.
    """
    environment = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}
    for name in ("TMPDIR",):
        if name in os.environ:
            environment[name] = os.environ[name]
    environment.update(extra or {})
    return environment


def run(
    program: str,
    *arguments: str | Path,
    reason: str,
    stdin: bytes = b"",
    ok: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> Finished:
    """Run a program to its end and return what it wrote.

    Args:
        reason: completes "it is needed to …" and "failed to …" for the user.
        stdin: what the program reads; secrets go this way, never as arguments.
        ok: exit statuses that are not failures.
        env: variables added to the closed environment; never secrets.
        timeout: seconds until the program is killed.

    Raises:
        PipelineError: the program is missing, ends with another status, or does not end in time. The message
            quotes the last lines of its standard error, so programs that print secrets must not be run here.
    """
    path = require(program, reason=reason)
    command = [str(path), *(str(argument) for argument in arguments)]
    try:
        done = subprocess.run(  # noqa: S603 - argument list, closed environment
            command,
            input=stdin,
            capture_output=True,
            check=False,
            env=closed_environment(env),
            cwd=cwd,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise PipelineError(
            f"{program}: did not end within {timeout:g} s while trying to {reason}",
            f"run it by hand to see why: {shlex.join(command)}",
        ) from None
    finished = Finished(done.returncode, done.stdout, done.stderr)
    if finished.status not in ok:
        tail = " | ".join(finished.complaints.strip().splitlines()[-3:]) or "no message"
        raise PipelineError(
            f"{program}: failed to {reason} (exit status {finished.status}): {tail}",
            f"run it by hand to see more: {shlex.join(command)}",
        )
    return finished


def run_silently(
    command: Sequence[str], *, cwd: Path, timeout: float, reason: str, without: Collection[str] = ()
) -> bytes:
    """What a program of the user's own choice prints, such as one that hands over secrets.

    It runs in the user's own environment, where its keys and agents are. Nothing of what it prints is repeated in a
    message, and what it writes to standard error is not kept.

    Args:
        timeout: seconds until the program is killed.
        reason: completes "failed to …" for the user.
        without: variables that are kept from it: they hold secrets of ours.

    Raises:
        PipelineError: it is missing, fails, prints nothing, or does not end in time.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - argument list, the user's own command
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            env={variable: value for variable, value in os.environ.items() if variable not in without},
            cwd=cwd,
            timeout=timeout,
        )
    except OSError as error:
        package = PACKAGES.get(name)
        remedy = f"apt-get install {package}" if package else "install it, or correct the command"
        raise PipelineError(f"{name}: cannot be run to {reason}: {error.strerror}", remedy) from None
    except subprocess.TimeoutExpired:
        raise PipelineError(f"{name}: did not end within {timeout:g} s while trying to {reason}", _BY_HAND) from None
    if done.returncode:
        raise PipelineError(f"{name}: failed to {reason} (exit status {done.returncode})", _BY_HAND)
    if not done.stdout.strip():
        raise PipelineError(f"{name}: printed nothing when it should {reason}", _BY_HAND)
    return done.stdout


def run_shown(command: Sequence[str], *, where: Path) -> int:
    """Run a program of ours as the user would, in the user's environment; what it prints goes to standard error.

    Returns:
        its exit status.
    """
    sys.stderr.flush()
    done = subprocess.run(list(command), stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False, cwd=where)  # noqa: S603 - argument list
    return done.returncode


_BY_HAND = "run it by hand to see why; what it says is not repeated here, it may quote secrets"
