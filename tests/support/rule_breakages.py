"""Every way we know to break an image, collected from beside the tests of the rules.

What breaks rules of ``pipeline/rules/<subject>/`` is in ``tests/unit/rules/<subject>/*_breakages.py``: ``BREAKAGES``.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from pipeline.rules import registry
from tests.support.breakages import Breakage

_ROOT = Path(__file__).resolve().parents[2]
_FRAMEWORK = {rule.id for rule in registry.FRAMEWORK}

FILES = tuple(sorted((_ROOT / "tests/unit/rules").glob("*/*_breakages.py")))


def breakages_in(file: Path) -> tuple[Breakage, ...]:
    """Those of one file, in its order."""
    found: tuple[Breakage, ...] = import_module(".".join(file.relative_to(_ROOT).with_suffix("").parts)).BREAKAGES
    return found


BREAKAGES = tuple(one for file in FILES for one in breakages_in(file))
LINUX = tuple(one for one in BREAKAGES if one.rule not in _FRAMEWORK)
FRAMEWORK = tuple(one for one in BREAKAGES if one.rule in _FRAMEWORK)
