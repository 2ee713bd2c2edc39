"""A process that dies at any one of its calls that change the disk: the kernel stops it there, we kill it.

The seam is the kernel's own (ptrace(2) with a seccomp filter), so it holds for whatever makes the call: Python, C code
under it, a program the process starts. x86-64 only.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_TRACE_ME, _CONT, _GET_REGISTERS, _POKE_USER, _SYSCALL = 0, 7, 12, 6, 24  # sys/ptrace.h
_SET_OPTIONS, _EVENT_MESSAGE = 0x4200, 0x4201
# fork, vfork, clone, exec, seccomp, and: whoever is traced dies with us
_OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
_SECCOMP_EVENT = 7
_NO_NEW_PRIVILEGES, _SET_SECCOMP = 38, 22  # prctl(2)
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_FILE = 0x40049409  # FICLONE

# By number (arch/x86/entry/syscalls/syscall_64.tbl): name, and where its paths (p) and descriptors (d) stand.
_CALLS = {
    1: ("write", "d"), 18: ("pwrite64", "d"), 20: ("writev", "d"), 40: ("sendfile", "d"),
    326: ("copy_file_range", "--d"), 77: ("ftruncate", "d"), 76: ("truncate", "p"), 285: ("fallocate", "d"),
    16: ("ioctl", "d"),
    74: ("fsync", "d"), 75: ("fdatasync", "d"), 306: ("syncfs", "d"),
    82: ("rename", "pp"), 264: ("renameat", "-p-p"), 316: ("renameat2", "-p-p"),
    86: ("link", "pp"), 265: ("linkat", "-p-p"), 88: ("symlink", "-p"), 266: ("symlinkat", "--p"),
    87: ("unlink", "p"), 263: ("unlinkat", "ap"), 84: ("rmdir", "p"), 83: ("mkdir", "p"), 258: ("mkdirat", "ap"),
    90: ("chmod", "p"), 91: ("fchmod", "d"), 268: ("fchmodat", "ap"), 452: ("fchmodat2", "ap"),
    280: ("utimensat", "ap"), 190: ("fsetxattr", "d"), 188: ("setxattr", "p"),
    92: ("chown", "p"), 93: ("fchown", "d"), 94: ("lchown", "p"), 260: ("fchownat", "ap"),
    133: ("mknod", "p"), 259: ("mknodat", "ap"), 275: ("splice", "--d"), 296: ("pwritev", "d"), 328: ("pwritev2", "d"),
    2: ("open", "p"), 85: ("creat", "p"), 257: ("openat", "ap"),
}  # fmt: skip
_OPENING = {2: 1, 257: 2}  # which argument has the flags
# User registers as PTRACE_GETREGS gives them (sys/user.h): those of the arguments, in order, and of the call's number.
_ARGUMENTS, _NUMBER = (14, 13, 12, 7, 9, 8), 15
_LENGTH = {1: 2, 18: 2, 40: 3, 326: 4}

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long


def is_possible() -> bool:
    """Whether this machine can stop a process at its calls."""
    return platform.machine() == "x86_64" and platform.system() == "Linux"


@dataclass
class Ran:
    """How a process ended.

    Attributes:
        calls: those that change the disk below the watched places, one line each, with the one it died at.
        pieces: for each, whether it writes more than a byte, so that half of it can be done.
        status: exit status; None when it was killed.
    """

    calls: list[str] = field(default_factory=list)
    pieces: list[bool] = field(default_factory=list)
    status: int | None = None


def run(work: Callable[[], object], watched: tuple[Path, ...], *, at: int | None = None, half: bool = False) -> Ran:
    """Run something in a process of its own, and kill that before its call number ``at``, counted from 0.

    Args:
        watched: places whose changes count.
        half: let the call write half of what it was given first.
    """
    child = os.fork()
    if child == 0:
        _be_traced(work)
    tracer = _Tracer(child, tuple(f"{place.resolve()}" for place in watched), at, half)
    return tracer.follow()


def plainly(work: Callable[[], object]) -> int:
    """The same without any seam; returns the exit status."""
    child = os.fork()
    if child == 0:
        _end(work)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _end(work: Callable[[], object]) -> None:
    status = 70
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001 - the process is the work's alone; whoever started it looks at the status
        import traceback  # noqa: PLC0415

        traceback.print_exc()
    finally:
        os._exit(status)


def _be_traced(work: Callable[[], object]) -> None:
    _LIBC.ptrace(_TRACE_ME, 0, None, None)
    os.kill(os.getpid(), signal.SIGSTOP)
    if _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        os._exit(71)
    code = _filter()
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    if _LIBC.prctl(_SET_SECCOMP, 2, ctypes.c_char_p(program), 0, 0):
        os._exit(72)
    _end(work)


def _filter() -> bytes:
    """Stop at the calls above, and at opening for writing only: a program for the kernel's filter machine."""
    load, equal, both, give = 0x20, 0x15, 0x54, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_ALU|AND|K, BPF_RET|K
    lines = [(load, 0, 0, 0)]
    for number, argument in _OPENING.items():
        lines += [
            (equal, 0, 5, number),
            (load, 0, 0, 16 + 8 * argument),
            (both, 0, 0, _CHANGING),
            (equal, 0, 1, 0),
            (give, 0, 0, _ALLOW),
            (give, 0, 0, _TRACE),
        ]
    lines += [
        (equal, 0, 4, 16),
        (load, 0, 0, 24),
        (equal, 1, 0, _CLONE_FILE),
        (give, 0, 0, _ALLOW),
        (give, 0, 0, _TRACE),
    ]
    for number in sorted({*_CALLS} - {*_OPENING, 16}):
        lines += [(equal, 0, 1, number), (give, 0, 0, _TRACE)]
    lines.append((give, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


class _Tracer:
    """Follows a process and those it starts."""

    def __init__(self, child: int, watched: tuple[str, ...], at: int | None, half: bool) -> None:
        self._child, self._watched, self._at, self._half = child, watched, at, half
        self._ran = Ran()
        self._alive = {child}

    def follow(self) -> Ran:
        """Until the first process is gone."""
        os.waitpid(self._child, 0)
        _LIBC.ptrace(_SET_OPTIONS, self._child, None, ctypes.c_void_p(_OPTIONS))
        self._go(self._child, 0)
        while True:
            pid, status = os.waitpid(-1, 0x40000000)  # __WALL
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self._alive.discard(pid)
                if pid == self._child:
                    self._ran.status = os.waitstatus_to_exitcode(status)
                    return self._ran
                continue
            self._alive.add(pid)
            if status >> 16 == _SECCOMP_EVENT:
                if self._at_call(pid):
                    return self._kill(pid)
                self._go(pid, 0)
            elif status >> 16 or os.WSTOPSIG(status) in (signal.SIGTRAP, signal.SIGSTOP):
                self._go(pid, 0)
            else:
                self._go(pid, os.WSTOPSIG(status))

    def _go(self, pid: int, number: int, how: int = _CONT) -> None:
        _LIBC.ptrace(how, pid, None, ctypes.c_void_p(number))

    def _at_call(self, pid: int) -> bool:
        """Whether this is where it is to die."""
        registers = (ctypes.c_ulong * 27)()
        _LIBC.ptrace(_GET_REGISTERS, pid, None, ctypes.cast(registers, ctypes.c_void_p))
        number = registers[_NUMBER]
        arguments = [registers[place] for place in _ARGUMENTS]
        name, form = _CALLS[number]
        places = list(_places(pid, form, arguments))
        if not any(place.startswith(self._watched) for place in places):
            return False
        length = arguments[_LENGTH[number]] if number in _LENGTH else 0
        self._ran.calls.append(f"{name} {' '.join(places)}")
        self._ran.pieces.append(length > 1)
        if self._at != len(self._ran.calls) - 1:
            return False
        if self._half and length > 1:
            _LIBC.ptrace(_POKE_USER, pid, 8 * _ARGUMENTS[_LENGTH[number]], ctypes.c_void_p(length // 2))
            self._go(pid, 0, _SYSCALL)
            os.waitpid(pid, 0x40000000)
        return True

    def _kill(self, pid: int) -> Ran:
        for each in {*self._alive, pid, self._child}:
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while True:
            try:
                _, status = os.waitpid(self._child, 0x40000000)
            except ChildProcessError:
                return self._ran
            if os.WIFSIGNALED(status) or os.WIFEXITED(status):
                return self._ran


def _places(pid: int, form: str, arguments: list[int]) -> list[str]:
    """Paths of a call, absolute; a relative one counts from the directory before it, or from where the process is."""
    found: list[str] = []
    for index, kind in enumerate(form):
        if kind == "d":
            found.append(_link(f"/proc/{pid}/fd/{arguments[index]}"))
        elif kind == "p":
            path = _text(pid, arguments[index])
            if not path.startswith("/"):
                at = (
                    ctypes.c_int(arguments[index - 1] & 0xFFFFFFFF).value if form[index - 1] in "a-" and index else -100
                )
                directory = f"/proc/{pid}/cwd" if at < 0 else f"/proc/{pid}/fd/{at}"
                path = os.path.normpath(f"{_link(directory)}/{path}")
            found.append(path)
    return found


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _text(pid: int, address: int) -> str:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        data = b""
        while b"\0" not in data and len(data) < 4096:
            # up to the end of a page: the next may not be there
            data += memory.read(4096 - (address + len(data)) % 4096)
    return os.fsdecode(data.partition(b"\0")[0])
