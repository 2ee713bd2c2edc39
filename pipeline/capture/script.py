"""The one program that runs on the golden gateway: a POSIX shell script that BusyBox understands; it only reads."""

from __future__ import annotations

import shlex

from pipeline.capture.paths import INSTALLED, LINKS, ROOTS, SYSTEM, TREES

START = b"gateway-capture 1\n"
"""First line of its output; what a log-in script may print before it is passed over."""

# The shell's own tests, readlink, find and tar are in BusyBox and everywhere. Each file is an archive of its own:
# so hard links are no links, and a file that vanishes spoils no other. Names are limited to letters that need no
# quoting anywhere. Nothing is written, not even a temporary file.
_TEMPLATE = """\
LC_ALL=C; export LC_ALL
cd {root} || exit 3
for program in tar readlink find; do
  command -v $program >/dev/null 2>&1 || {{ echo "$program is missing" >&2; exit 4; }}
done
echo 'gateway-capture 1'
list= count=0
take() {{
  case $1 in
    *[!A-Za-z0-9_.,+@:/-]*) printf 'O %s\\n' "$(printf %s "$1" | tr -c 'A-Za-z0-9_.,+@:/-' '?')"; return;;
  esac
  if [ -h "$1" ]; then
    case $1 in {links}) printf 'L %s %s\\n' "$1" "$(readlink "$1")"; return;; esac
  fi
  if [ ! -f "$1" ]; then printf 'O %s\\n' "$1"
  elif [ ! -r "$1" ]; then printf 'U %s\\n' "$1"
  else list="$list $1" count=$((count + 1))
  fi
}}
# An absolute link to the installation leads out of a root that is not /: it is followed inside.
for link in {roots}; do
  real=$link
  if [ -h "$link" ]; then
    real=$(readlink "$link")
    echo "V $real"
    case $real in
      *[!A-Za-z0-9_.,+@:/-]*) real=$link;;
      /*) if [ "$(pwd -P)" = / ]; then real=$link; else real=${{real#/}}; echo "R $link $real"; fi;;
      *) real=$link;;
    esac
  fi
  for path in {installed}; do
    if [ -e "$path" ] || [ -h "$path" ]; then take "$path"; fi
  done
done
for path in {system}; do
  if [ -e "$path" ] || [ -h "$path" ]; then take "$path"; fi
done
set -f
IFS='
'
for tree in {trees}; do
  if [ -d "$tree" ]; then for path in $(find "$tree" ! -type d | sort); do take "$path"; done; fi
done
unset IFS
echo "N $count"
echo
for path in $list; do tar -chf - "$path" </dev/null || exit 5; done
"""


def render(root: str) -> bytes:
    """The script for a gateway whose file system begins at a directory, normally ``/``."""
    return _TEMPLATE.format(
        root=shlex.quote(root),
        roots=" ".join(ROOTS),
        links=LINKS,
        installed=" ".join(f"$real/{path}" for path in INSTALLED),
        system=" ".join(SYSTEM),
        trees=" ".join(TREES),
    ).encode("ascii")
