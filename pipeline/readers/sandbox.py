"""The scripts that run inside the appliance: every gateway's questions in a sandbox of their own, all in one call.

The appliance is a virtual machine without network. In it, each sandbox has a private root: an overlay on the image,
which is mounted read-only, with fresh /proc, /run, /tmp and /dev, a network namespace without interfaces, limits of
time and memory, and without the capabilities that could lead out of it. What is written is in memory, gone afterwards.
Starting a program takes a tenth of a second there without hardware virtualisation, so nothing is started needlessly.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.model.layer import FileEntry, LinkEntry
from pipeline.model.reader import Ask

IMAGE, WORK, ROOTS = "/sysroot/image", "/sysroot/work", "/sysroot/roots"
MAIN, REPLIES = f"{WORK}/main", f"{WORK}/replies"
LONGEST = 65536
"""Bytes that are kept of what one program prints."""

# What a program that reads a file never needs, and what would lead out of the sandbox.
_WITHOUT = (
    "audit_control,audit_write,linux_immutable,mac_admin,mac_override,mknod,sys_admin,sys_boot,sys_module,sys_nice,"
    "sys_pacct,sys_ptrace,sys_rawio,sys_resource,sys_time,sys_tty_config,syslog,wake_alarm"
).split(",")

INSIDE_TEXT = f"""\
# inside ROOT KIBIBYTES BOX: runs as process 1 of its own namespaces
root={ROOTS}/$1; kibibytes=$2; box={WORK}/boxes/$3
cd /
for directory in run tmp dev proc; do
  [ -L "$root/$directory" ] && rm -f "$root/$directory"
  [ -d "$root/$directory" ] || mkdir "$root/$directory"
done
mount -t tmpfs -o nosuid,size=64m,mode=755 tmpfs "$root/run" || exit 125
mount -t tmpfs -o nosuid,size=64m,mode=1777 tmpfs "$root/tmp" || exit 125
mount -t tmpfs -o nosuid,size=256k,mode=755 tmpfs "$root/dev" || exit 125
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || exit 125
device() {{  # PATH: the null device under another name, but some are themselves, and /dev/ptmx makes terminals
  from=/dev/null
  case $1 in
    /dev/ptmx)
      mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
      return ;;
    /dev/ppp | /dev/zero | /dev/full | /dev/random | /dev/urandom) from=$1 ;;
  esac
  case $1 in /dev/*/*) mkdir -p "$root${{1%/*}}" ;; esac
  [ -c "$from" ] && : >"$root$1" && mount --bind "$from" "$root$1"
}}
mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/lock"
for node in null zero full random urandom; do device /dev/$node; done
ln -s /proc/self/fd "$root/dev/fd"
null=$root/dev/null
ip link set lo up 2>"$null"
. "$box/prepare"
# Whoever got out of the root would find no disk there.
mount -t tmpfs -o size=4k tmpfs /dev || exit 125
ulimit -c 0; ulimit -n 512; ulimit -f 65536
[ "$kibibytes" -gt 0 ] && ulimit -v "$kibibytes"
exec setpriv --bounding-set={",".join(f"-{name}" for name in _WITHOUT)} --inh-caps=-all \\
  sh {WORK}/commands "$root" "$box"
"""

COMMANDS_TEXT = f"""\
# commands ROOT BOX: every question of one sandbox, one after the other
root=$1; null=$root/dev/null
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root TZ=UTC SYSTEMD_COLORS=0
run() {{  # SECONDS QUESTION NUMBER STDIN ARGV...
  seconds=$1; reply={REPLIES}/$2.$3; stdin=$null
  [ -z "$4" ] || stdin=$root$4
  shift 4
  read -r begun rest </proc/uptime
  timeout -s KILL "$seconds" chroot "$root" "$@" <"$stdin" >"$reply.out" 2>"$reply.err"
  status=$?
  read -r ended rest </proc/uptime
  echo $status $begun $ended >"$reply.rc"
  return $status
}}
. "$2/questions"
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
box() {{  # BOX ROOT KIBIBYTES
  unshare -n -m -p -f --kill-child sh {WORK}/inside "$2" "$3" "$1"
}}
"""


@dataclass(frozen=True)
class Root:
    """A file system as one gateway has it: the image's, with that gateway's own files on it.

    Attributes:
        name: letters, digits and dashes; unique among the roots of one run.
        entries: files and links laid on the image; no link lies on the way to them.
        removed: paths taken away before.
    """

    name: str
    entries: tuple[FileEntry | LinkEntry, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """An ask, and the root it is asked in by its name."""

    root: str
    ask: Ask


@dataclass(frozen=True)
class Box:
    """One sandbox: questions, by their numbers, that share a root and a limit of memory."""

    root: str
    kibibytes: int
    questions: tuple[tuple[int, Ask], ...]


def boxes_of(questions: Sequence[Question], *, unlimited: bool) -> tuple[Box, ...]:
    """The sandboxes of questions.

    Args:
        unlimited: no limit of address space: an emulator reserves far more than it uses.
    """
    found: dict[tuple[str, int], list[tuple[int, Ask]]] = {}
    for number, question in enumerate(questions):
        kibibytes = 0 if unlimited else question.ask.megabytes << 10
        found.setdefault((question.root, kibibytes), []).append((number, question.ask))
    return tuple(Box(root, kibibytes, tuple(asks)) for (root, kibibytes), asks in found.items())


def main_script(
    places: Sequence[tuple[str, str]],
    roots: Iterable[Root],
    boxes: Sequence[Box],
    emulators: Iterable[str] = (),
) -> str:
    """The whole run.

    Args:
        places: mount points below the image's root with their file systems, outer ones first; ``""`` is the root.
        emulators: lines for binfmt_misc, for programs of foreign processors.
    """
    emulators = list(emulators)
    lines = [_MAIN_TEXT, *_emulation(emulators)]
    modules = sorted({module for box in boxes for _, ask in box.questions for module in ask.modules})
    if modules:
        lines.append(f"modprobe -q -a {shlex.join(modules)}")
    for one in roots:
        root = one.name
        lines.append(f"mkdir -p {ROOTS}/{root}")
        for number, (place, filesystem) in enumerate(places):
            if filesystem == "vfat":
                lines.append(f"copy {root} {shlex.quote(place)}")
            else:
                lines.append(f"over {root} {number} {shlex.quote(place)}")
        lines += [f"rm -rf {ROOTS}/{root}{shlex.quote(path)}" for path in one.removed]
        lines.append(f"lay {root}")
    lines += [f"box {number} {box.root} {box.kibibytes}" for number, box in enumerate(boxes)]
    if emulators:
        # It holds the emulator open, and what that lies on could not be unmounted.
        lines += ["echo -1 > /proc/sys/fs/binfmt_misc/reader", "umount /proc/sys/fs/binfmt_misc"]
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


def prepare_script(box: Box) -> str:
    """What one sandbox needs before its questions: directories, device files, files to read."""
    directories = dict.fromkeys(directory for _, ask in box.questions for directory in ask.directories)
    devices = dict.fromkeys(device for _, ask in box.questions for device in ask.devices)
    lines = [f'mkdir -p "$root"{shlex.quote(directory)}' for directory in directories]
    lines += [f"device {shlex.quote(device)}" for device in devices]
    lines.append('[ ! -f "$box/given.tar" ] || tar -xf "$box/given.tar" -C "$root"')
    return "\n".join(lines) + "\n"


def questions_script(box: Box, *, slower: int) -> str:
    """One sandbox's commands: of a question, the next runs only where the one before succeeded.

    Args:
        slower: by how much time limits are stretched.
    """
    lines = []
    for question, ask in box.questions:
        runs = [
            shlex.join(["run", str(ask.seconds * slower), str(question), str(number), command.stdin, *command.argv])
            for number, command in enumerate(ask.commands, 1)
        ]
        lines.append(("\n" if ask.independent else " &&\n").join(runs))
    return "\n".join(lines) + "\n"
