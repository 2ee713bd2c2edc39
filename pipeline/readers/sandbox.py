"""The scripts that run inside the appliance: every question in a sandbox of its own, all of them in one call.

The appliance is a virtual machine without network. In it, each question gets a private root: an overlay on the image,
which is mounted read-only, with fresh /proc, /run, /tmp and /dev, a network namespace without interfaces, limits of
time and memory, and without the capabilities that could lead out of it. What is written is in memory, gone afterwards.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.model.reader import Ask

IMAGE, WORK, ROOTS = "/sysroot/image", "/sysroot/work", "/sysroot/roots"
MAIN, INSIDE, REPLIES = f"{WORK}/main", f"{WORK}/inside", f"{WORK}/replies"
LONGEST = 65536
"""Bytes that are kept of what one program prints."""

# What a program that reads a file never needs, and what would lead out of the sandbox.
_WITHOUT = (
    "audit_control,audit_write,linux_immutable,mac_admin,mac_override,mknod,sys_admin,sys_boot,sys_module,sys_nice,"
    "sys_pacct,sys_ptrace,sys_rawio,sys_resource,sys_time,sys_tty_config,syslog,wake_alarm"
).split(",")

INSIDE_TEXT = f"""\
# inside ROOT KIBIBYTES ASK: runs as process 1 of its own namespaces
root={ROOTS}/$1; kibibytes=$2; ask={WORK}/asks/$3; reply={REPLIES}/$3; number=0
cd /
fresh() {{  # DIRECTORY OPTIONS: what the image has there is hidden
  [ -L "$root/$1" ] && rm -f "$root/$1"
  mkdir -p "$root/$1"
  mount -t tmpfs -o "nosuid,$2" tmpfs "$root/$1" || exit 125
}}
fresh run size=64m,mode=755; fresh tmp size=64m,mode=1777; fresh dev size=256k,mode=755
mkdir -p "$root/proc" "$root/dev/pts" "$root/dev/shm" "$root/run/lock" "$reply"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || exit 125
for node in null zero full random urandom; do
  : > "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node" || exit 125
done
ln -s /proc/self/fd "$root/dev/fd"
null=$root/dev/null
ip link set lo up 2>"$null"
[ -f "$ask/given.tar" ] && tar -xf "$ask/given.tar" -C "$root"
device() {{  # PATH: the null device under another name, but /dev/ppp is itself, and /dev/ptmx makes terminals
  if [ "$1" = /dev/ptmx ]; then
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
    return
  fi
  from=/dev/null
  [ "$1" != /dev/ppp ] || from=/dev/ppp
  [ -c "$from" ] && mkdir -p "$root${{1%/*}}" && : > "$root$1" && mount --bind "$from" "$root$1"
}}
[ -f "$ask/devices" ] && . "$ask/devices"
# Whoever got out of the root would find no disk there.
mount -t tmpfs -o size=4k tmpfs /dev || exit 125
ulimit -c 0; ulimit -n 512; ulimit -f 65536
[ "$kibibytes" -gt 0 ] && ulimit -v "$kibibytes"
run() {{  # STDIN ARGV...
  number=$((number + 1)); stdin=$null
  [ -n "$1" ] && stdin=$root$1
  shift
  setpriv --bounding-set={",".join(f"-{name}" for name in _WITHOUT)} --inh-caps=-all \\
    chroot "$root" "$@" <"$stdin" >"$reply/$number.out" 2>"$reply/$number.err"
  status=$?
  echo $status >"$reply/$number.rc"
  return $status
}}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root TZ=UTC
. "$ask/commands"
"""

_MAIN_TEXT = f"""\
set -u
modprobe -q overlay
over() {{  # ROOT NUMBER PLACE: an overlay in memory on one file system of the image
  upper={WORK}/upper/$1-$2; mkdir -p "$upper/files" "$upper/work"
  mount -t overlay -o "lowerdir={IMAGE}$3,upperdir=$upper/files,workdir=$upper/work" overlay "{ROOTS}/$1$3"
}}
copy() {{  # ROOT PLACE: what cannot lie under an overlay is copied where it is small, else only shown
  if [ "$(du -sm "{IMAGE}$2" | cut -f1)" -lt 64 ]; then
    mount -t tmpfs -o size=80m tmpfs "{ROOTS}/$1$2" && cp -a "{IMAGE}$2/." "{ROOTS}/$1$2/"
  else
    mount --bind "{IMAGE}$2" "{ROOTS}/$1$2"
  fi
}}
lay() {{  # ROOT: what one gateway has for itself
  [ ! -f "{WORK}/layers/$1.tar" ] || tar -xf "{WORK}/layers/$1.tar" -C "{ROOTS}/$1"
}}
ask() {{  # ASK ROOT SECONDS KIBIBYTES
  timeout -s KILL "$3" unshare -n -m -p -f --kill-child sh {INSIDE} "$2" "$4" "$1" 2>"{WORK}/asks/$1/trouble"
}}
"""


@dataclass(frozen=True)
class Root:
    """A file system as one gateway has it: the image's, with that gateway's own files on it.

    Attributes:
        name: letters, digits and dashes; unique among the roots of one run.
        files: content by path, laid on the image; their directories exist in it, without links on the way.
    """

    name: str
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Question:
    """An ask, and the root it is asked in by its name."""

    root: str
    ask: Ask


def main_script(
    places: Sequence[tuple[str, str]],
    roots: Iterable[str],
    questions: Sequence[Question],
    emulators: Iterable[str] = (),
    *,
    slower: int = 1,
) -> str:
    """The whole run.

    Args:
        places: mount points below the image's root with their file systems, outer ones first; ``""`` is the root.
        emulators: lines for binfmt_misc, for programs of foreign processors.
        slower: by how much time limits are stretched.
    """
    lines = [_MAIN_TEXT]
    lines += _emulation(list(emulators))
    lines += [
        f"modprobe -q -a {shlex.join(sorted({module for question in questions for module in question.ask.modules}))}"
    ]
    for root in roots:
        lines.append(f"mkdir -p {ROOTS}/{root}")
        for number, (place, filesystem) in enumerate(places):
            if filesystem == "vfat":
                lines.append(f"copy {root} {shlex.quote(place)}")
            else:
                lines.append(f"over {root} {number} {shlex.quote(place)}")
        lines.append(f"lay {root}")
    for number, question in enumerate(questions):
        seconds, kibibytes = question.ask.seconds * slower, question.ask.megabytes << 10
        lines.append(f"ask {number} {question.root} {seconds} {kibibytes if slower == 1 else 0}")
    # What was printed beyond that is of no use to anybody; the sizes of the files are what travels.
    lines.append(f"tar -cf {WORK}/replies.tar -C {REPLIES} .")
    return "\n".join(lines) + "\n"


def _emulation(emulators: Sequence[str]) -> list[str]:
    if not emulators:
        return []
    register = "/proc/sys/fs/binfmt_misc"
    return [
        "modprobe -q binfmt_misc",
        f"mount -t binfmt_misc none {register}",
        *(f"printf %s {shlex.quote(line)} > {register}/register" for line in emulators),
    ]


def devices_script(ask: Ask) -> str:
    """The device files one question needs."""
    return "".join(f"device {shlex.quote(device)}\n" for device in ask.devices)


def commands_script(ask: Ask) -> str:
    """One question's commands: the next runs only where the one before succeeded."""
    made = [f'mkdir -p "$root"{shlex.quote(directory)}' for directory in ask.directories]
    runs = [shlex.join(["run", command.stdin, *command.argv]) for command in ask.commands]
    return "\n".join([*made, " &&\n".join(runs)]) + "\n"
