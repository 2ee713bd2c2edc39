"""Imports point one way, and the core of the pipeline reads neither clock nor randomness, environment nor files.

The rules are those of the design: dodo.py → tasks, commands → stages → image, signing, inputs, report, demo → plan,
verify, manifest → transforms, rules → formats → model → errors. The checker is tried on planted violations below them.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A module may import of lower ranks, and of its own unless that is in SEPARATE. New top-level modules get a place here.
RANKS = {
    "pipeline": 0,
    "errors": 0,
    "model": 1,
    "formats": 2,
    "transforms": 3,
    "rules": 3,
    "classification": 3,
    "plan": 4,
    "manifest": 4,
    "standards": 4,
    # The build machine: processes, files, terminal and clock.
    "host": 5,
    "image": 6,
    "readers": 6,
    "signing": 6,
    "inputs": 6,
    "report": 6,
    "demo": 6,
    "capture": 6,
    "build": 7,
    "setup": 7,
    "fleet": 7,
    "verification": 7,
    "boottest": 7,
    "commands": 8,
    "tasks": 8,
    "dodo": 9,
}
PURE_RANKS = range(5)
# Each module in these is one subject and must not lean on its neighbours; only what is named may be shared.
SEPARATE = {
    "transforms": frozenset[str](),
    "formats": frozenset(
        {"pipeline.formats.canonical_json", "pipeline.formats.crypto.der", "pipeline.formats.shell.words"}
    ),
}
# Folders below them that are one subject as a whole: their modules may import one another.
ONE_SUBJECT = frozenset({"pipeline.transforms.network", "pipeline.transforms.firewall", "pipeline.formats.shell"})

# What must not lean on what: a check that used the code of its enforcement would repeat its mistakes.
APART = frozenset({("rules", "transforms"), ("transforms", "rules")})

# What lets the world in: clock, randomness, environment, processes, files, network, images, threads.
IMPURE_MODULES = frozenset(
    """_thread asyncio atexit concurrent ctypes fcntl fileinput ftplib getpass glob grp guestfs http importlib locale
    logging mmap multiprocessing os platform pty pwd random resource secrets select selectors shelve shutil signal site
    smtplib socket socketserver sqlite3 ssl subprocess sys syslog tempfile threading time uuid webbrowser""".split()
)
IMPURE_NAMES = frozenset(
    """datetime.datetime.now datetime.datetime.today datetime.datetime.utcnow datetime.date.today pathlib.Path
    pathlib.PosixPath urllib.request gzip.open bz2.open lzma.open io.open io.FileIO io.open_code codecs.open""".split()
)
# The package's own data is as constant as its code, whereas importlib itself imports what it is told.
PURE_NAMES = ("importlib.resources",)
# The model may name files of the host; it may not look at them.
NAMING_FILES = {"model": frozenset({"pathlib.Path"})}
LOOKING = frozenset(
    """exists glob is_dir is_file iterdir lstat mkdir open read_bytes read_text resolve rglob stat touch unlink
    write_bytes write_text""".split()
)
IMPURE_BUILTINS = frozenset({"open", "input", "print", "exec", "eval", "compile", "breakpoint", "__import__"})


def rank_of(module: str) -> int | None:
    """The rank of pipeline.x.y or dodo; None for what has no place yet."""
    parts = module.split(".")
    return RANKS.get(parts[1] if parts[0] == "pipeline" and len(parts) > 1 else parts[0])


def imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Every dotted name a module imports, with its line; relative imports are made absolute."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Dotted names with what they were imported as resolved, and bare names that are called."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    known[alias.asname] = alias.name
                else:
                    top = alias.name.split(".")[0]
                    known[top] = top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            known.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            parts, inner = [node.attr], node.value
            while isinstance(inner, ast.Attribute):
                parts.append(inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in known:
                yield node.lineno, ".".join([known[inner.id], *reversed(parts)])
        elif isinstance(node, ast.Name) and node.id not in known:
            yield node.lineno, node.id


def violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What is wrong with one module's imports and names, a line each."""
    tree = ast.parse(source)
    rank = rank_of(module)
    if rank is None:
        return [f"{module}: has no place in RANKS"]
    allowed = NAMING_FILES.get(module.split(".")[1] if "." in module else "", frozenset())
    found = []
    for line, name in imported(tree, module, is_package=is_package):
        if name.split(".")[0] in ("tests", "ci", "dodo"):
            found.append(f"{module}:{line}: imports {name}")
        if name.split(".")[0] == "pipeline":
            found += [f"{module}:{line}: {wrong}" for wrong in _direction(module, rank, name)]
        elif rank in PURE_RANKS and _impure(name) and name not in allowed:
            found.append(f"{module}:{line}: pure, but imports {name}")
    if rank in PURE_RANKS:
        for line, name in names_used(tree):
            if (name in IMPURE_NAMES and name not in allowed) or name in IMPURE_BUILTINS:
                found.append(f"{module}:{line}: pure, but uses {name}")
    if any(name in allowed for _, name in imported(tree, module, is_package=is_package)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in LOOKING:
                found.append(f"{module}:{node.lineno}: names files, but uses {node.attr}")
    return found


def _impure(name: str) -> bool:
    if any(f"{name}.".startswith(f"{pure}.") for pure in PURE_NAMES):
        return False
    return name.split(".")[0] in IMPURE_MODULES or name in IMPURE_NAMES


def _direction(module: str, rank: int, name: str) -> Iterator[str]:
    other = rank_of(name)
    # `from pipeline import __version__` names no module; everything else below pipeline does.
    if other is None:
        if name != "pipeline.__version__":
            yield f"imports {name}, which has no place in RANKS"
        return
    if other > rank:
        yield f"imports {name}, which is above it"
    package = module.split(".")[1] if module.count(".") else ""
    if (package, "".join(name.split(".")[1:2])) in APART:
        yield f"imports {name}, from which it must stay apart"
    if package in SEPARATE and name.split(".")[1:2] == [package] and module.count(".") >= 2:
        own = subject_of(module)
        if not any(f"{name}.".startswith(f"{allowed}.") for allowed in (own, *SEPARATE[package])):
            yield f"imports its neighbour {name}"


def subject_of(module: str) -> str:
    """What a format or transform may import of its own kind: its own folder where that is one subject, else itself."""
    parts = module.split(".")
    folder = ".".join(parts[:3])
    return folder if folder in ONE_SUBJECT else ".".join(parts[:4])


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product, and dodo.py once there is one."""
    for path in sorted([*(ROOT / "pipeline").rglob("*.py"), *ROOT.glob("dodo.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_imports_point_one_way_and_the_core_is_pure() -> None:
    found = [
        wrong
        for module, path in modules()
        for wrong in violations(module, path.read_text(encoding="utf-8"), is_package=path.name == "__init__.py")
    ]
    assert not found, "\n" + "\n".join(found)


def test_what_is_imported_of_ourselves_is_there() -> None:
    """Everywhere, scripts outside CI included: nothing else would notice a module that moved away from them."""
    lost = []
    for top in ("pipeline", "tests"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    module = ROOT / node.module.replace(".", "/")
                    ours = node.module.split(".")[0] in ("pipeline", "tests")
                    if ours and not (module.is_dir() or module.with_suffix(".py").is_file()):
                        lost.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}")
                    elif ours and module.is_dir() and not (module / "__init__.py").exists():
                        lost += [
                            f"{path.relative_to(ROOT)}:{node.lineno}: {node.module}.{alias.name}"
                            for alias in node.names
                            if not ((module / alias.name).is_dir() or (module / f"{alias.name}.py").is_file())
                        ]
    assert not lost, "\n".join(lost)


def test_every_file_has_one_subject_and_a_speaking_name() -> None:
    named = [str(path) for _, path in modules() if path.stem in {"utils", "helpers", "common", "manager", "misc"}]
    assert not named
    long = [f"{path.name}: {lines}" for _, path in modules() if (lines := len(path.read_text().splitlines())) > 350]
    assert not long


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    """At most 25 files at one level: more are two subjects."""
    count = Counter(
        path.parent
        for top in ("pipeline", "tests")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )
    assert {str(folder.relative_to(ROOT)): files for folder, files in count.items() if files > 25} == {}


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("pipeline.model.layer", "from pipeline.formats import properties", "above it"),
        ("pipeline.model.layer", "import pipeline.image.appliance.session", "above it"),
        ("pipeline.model.layer", "if TYPE_CHECKING:\n    from pipeline.plan.image_plan import plan", "above it"),
        ("pipeline.model.layer", "def f():\n    from ..plan import plan", "above it"),
        ("pipeline.formats.xml", "from pipeline.formats.properties import parse", "neighbour"),
        ("pipeline.formats.xml", "from pipeline.formats import properties", "neighbour"),
        ("pipeline.formats.xml", "from . import properties", "neighbour"),
        ("pipeline.transforms.ssh.openssh", "from pipeline.transforms.firewall import rules", "neighbour"),
        ("pipeline.rules.ssh.authentication", "from pipeline.transforms import ssh", "apart"),
        ("pipeline.transforms.ssh.openssh", "from pipeline.rules.registry import RULES", "apart"),
        ("pipeline.plan.image_plan", "from pipeline.host.tools import run", "above it"),
        ("pipeline.plan.image_plan", "from pipeline.tasks import x", "above it"),
        ("pipeline.image.appliance.session", "from pipeline.commands.verify import x", "above it"),
        ("pipeline.signing.keys", "import tests.support", "imports tests"),
        ("pipeline.odds", "import re", "no place"),
        ("pipeline.plan.image_plan", "from pipeline.odds import ends", "no place"),
        ("pipeline.plan.image_plan", "import os.path", "imports os"),
        ("pipeline.plan.image_plan", "from os import environ", "imports os"),
        ("pipeline.formats.java.jar", "import time as clock", "imports time"),
        ("pipeline.formats.java.jar", "def f():\n    import random", "imports random"),
        ("pipeline.transforms.ssh.openssh", "import subprocess", "imports subprocess"),
        ("pipeline.manifest.comparison", "from uuid import uuid4", "imports uuid"),
        ("pipeline.manifest", "import guestfs", "imports guestfs"),
        ("pipeline.manifest", "from datetime import datetime as d\nd.now()", "uses datetime.datetime.now"),
        ("pipeline.manifest", "import datetime\ndatetime.datetime.now(tz)", "uses datetime.datetime.now"),
        ("pipeline.manifest", "import datetime as dt\nf = dt.date.today", "uses datetime.date.today"),
        ("pipeline.formats.java.jar", "from pathlib import Path", "imports pathlib.Path"),
        ("pipeline.formats.java.jar", "import pathlib\npathlib.Path('x')", "uses pathlib.Path"),
        ("pipeline.formats.java.jar", "x = open('f')", "uses open"),
        ("pipeline.formats.java.jar", "import gzip\ngzip.open('f')", "uses gzip.open"),
        ("pipeline.formats.java.jar", "import urllib.request", "imports urllib.request"),
        ("pipeline.transforms.ssh.openssh", "__import__('os')", "uses __import__"),
        ("pipeline.transforms.ssh.openssh", "from importlib import import_module", "imports importlib.import_module"),
        ("pipeline.model.keys", "from pathlib import Path\nPath('x').read_bytes()", "uses read_bytes"),
        ("dodo", "import tests.support", "imports tests"),
    ],
)
def test_checker_finds_planted_violation(module: str, source: str, complaint: str) -> None:
    assert any(complaint in found for found in violations(module, source))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pipeline.model.layer", "import hashlib, re, struct, zlib, io\nfrom pathlib import PurePosixPath"),
        ("pipeline.model.layer", "from pipeline.model.tree import Tree\nfrom pipeline.errors import PipelineError"),
        ("pipeline.formats.xml", "from pipeline.formats.canonical_json import dumps\nfrom pipeline.model import layer"),
        ("pipeline.formats.java.jar.reader", "from pipeline.formats.java.jar.central import Entry"),
        ("pipeline.transforms.ssh.openssh", "from pipeline.formats.ssh.sshd_config import parse"),
        ("pipeline.manifest", "from datetime import UTC, datetime\ndatetime.fromtimestamp(1, UTC)"),
        ("pipeline.manifest", "from pipeline import __version__"),
        ("pipeline.formats.policy", "from importlib import resources\nresources.files('pipeline').read_text()"),
        ("pipeline.model.keys", "from pathlib import Path\nfile: Path"),
        ("pipeline.formats.java.jar", "import gzip\ngzip.decompress(b'')\nx.open()"),
        ("pipeline.image.appliance.session", "import os, time, guestfs\nfrom pipeline.host import tools\nopen('x')"),
        ("pipeline.signing.keys", "from pipeline.plan.image_plan import plan"),
        ("dodo", "from pipeline.tasks import *"),
    ],
)
def test_checker_lets_pass_what_the_design_allows(module: str, source: str) -> None:
    assert violations(module, source) == []
