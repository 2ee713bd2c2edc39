"""The unit that loads the firewall at boot, where a release's own starts nothing (Kura 6).

The installer of kura-networking puts the installation's path behind the dollar of ``'$KURA_DIR/bin/firewall'``, so that
the shell looks for a program called ``$/opt/…``. A drop-in names the script; the unit itself stays the package's.
"""

from __future__ import annotations

import re

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, Entry, FileEntry, Layer, Origin
from pipeline.model.vanilla import Vanilla

UNIT = GuestPath("/usr/lib/systemd/system/firewall.service")
DROP_IN = GuestPath("/etc/systemd/system/firewall.service.d/50-gateway.conf")
_STARTS_NOTHING = re.compile(r"(?m)^\s*ExecStart\s*=.*\$/")


def mend(vanilla: Vanilla) -> Layer:
    """A drop-in with the script that is there; nothing where the unit starts it."""
    script = vanilla.layout.root / "bin/firewall"
    content = vanilla.find(UNIT) if vanilla.layout.administers_network else None
    if content is None or not vanilla.exists(script) or not _STARTS_NOTHING.search(content.decode("utf-8", "replace")):
        return Layer()
    why = (Origin("firewall.loaded", f"vanilla image: {UNIT}", "A:113"),)
    text = f"[Service]\nExecStart=\nExecStart=/bin/bash {script}\n"
    entries: list[Entry] = [FileEntry(DROP_IN, text.encode(), why, 0o644)]
    if not vanilla.exists(DROP_IN.parent):
        entries.append(DirEntry(DROP_IN.parent, why, 0o755))
    return Layer.of(*entries)
