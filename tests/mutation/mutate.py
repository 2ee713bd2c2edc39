"""Plants faults into the product and counts how many its tests notice: ``python -m tests.mutation.mutate --help``.

Outside CI: three hundred mutants take about an hour of one core. Each runs in a copy of the checkout against the unit
tests that import the module (directly, or through the tests' own support), stopped at the first failure. One
that takes too long is counted apart: a loaded machine is no proof.
The choice is made by a seed, so that a run can be repeated.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tests.mutation.in_place import can_be_exchanged, prepare, tried
from tests.mutation.mutants import Mutant, mutants, text_of

ROOT = Path(__file__).resolve().parents[2]
# What must not go wrong unnoticed: trust, verdicts, decisions, and the bytes of images.
SUBJECTS = ("signing", "verification", "rules", "plan", "image/ext4", "image/write", "manifest")
_FIRST = 2  # files of tests
_LEFT_OUT = shutil.ignore_patterns(".git", ".demo", ".build", "out", ".venv", ".*_cache", "__pycache__", ".hypothesis")


def main() -> int:
    """Print one line for each mutant and the figures at the end; 1 when any survived."""
    options = _options()
    chosen = choose(options.subjects, options.number, options.seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as place, options.log.open("a") as log:
        copy = Path(place) / "checkout"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=_LEFT_OUT)
        for number, (module, mutant) in enumerate(chosen, 1):
            outcome = judged(copy, module, mutant, options.timeout)
            outcomes[outcome] += 1
            line = f"{number}/{len(chosen)} {outcome}: {module}:{mutant.line} {mutant.what}"
            print(line, flush=True)
            log.write(
                json.dumps({"module": module, "line": mutant.line, "what": mutant.what, "outcome": outcome}) + "\n"
            )
            log.flush()
    print(f"{len(chosen)} mutants: " + ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())))
    return 0 if outcomes["caught"] == len(chosen) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--number", type=int, default=300, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for the tests of one mutant")
    parser.add_argument("--log", type=Path, default=Path("mutants.jsonl"), help="a line of JSON for each")
    parser.add_argument("subjects", nargs="*", default=SUBJECTS, help="folders or files below pipeline/")
    return parser.parse_args()


def choose(subjects: Sequence[str], number: int, seed: int) -> list[tuple[str, Mutant]]:
    """Mutants of modules that have tests, spread evenly over the subjects."""
    generator = random.Random(seed)
    pools = []
    for subject in subjects:
        pool = [
            (str(path.relative_to(ROOT)), mutant)
            for path in sources(ROOT / "pipeline" / subject)
            if tests_of(str(path.relative_to(ROOT)))
            for mutant in mutants(path.read_text("utf-8"))
        ]
        generator.shuffle(pool)
        pools.append(pool)
    chosen = []
    while len(chosen) < number and any(pools):
        for pool in pools:
            if pool and len(chosen) < number:
                chosen.append(pool.pop())
    return chosen


def sources(place: Path) -> Iterator[Path]:
    """The modules of a folder, or the one file."""
    yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def judged(copy: Path, module: str, mutant: Mutant, timeout: float) -> str:
    """``caught``, ``survived`` or ``timed out``: first by what needs no other programs, then by the rest."""
    file = copy / module
    original = file.read_bytes()
    text = text_of(original.decode(), mutant)
    if can_be_exchanged(original.decode(), text, str(file)):
        name = module.removesuffix(".py").replace("/", ".")
        tests = tests_of(module)
        prepare(sorted({name for test in tests for name in _imported(ROOT / test)}))
        outcome = "survived"
        for marked in ("not tools and not appliance", "tools and not appliance"):
            for some in (tests[:_FIRST], tests[_FIRST:]):  # pytest reads all files before it runs a test of one
                if some and outcome == "survived":
                    outcome = tried(name, text, some, marked, timeout)
        return outcome
    file.write_text(text, "utf-8")
    try:
        outcome = "survived"
        for marked in ("not tools and not appliance", "tools and not appliance"):
            if outcome == "survived":
                outcome = tested(copy, module, marked, timeout)
        return outcome
    finally:
        file.write_bytes(original)


def tested(copy: Path, module: str, marked: str, timeout: float) -> str:
    """How the tests with some marks end."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", marked, *tests_of(module)]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return "timed out"
    # 1: a test failed, 2: one could not even be collected, 5: there is none with these marks
    if done.returncode not in (0, 1, 2, 5):
        raise SystemExit(f"{module}: pytest ended with {done.returncode}:\n{done.stdout.decode()[-2000:]}")
    return "caught" if done.returncode in (1, 2) else "survived"


@cache
def tests_of(module: str) -> tuple[str, ...]:
    """The unit tests that lead to a module: those of its own name first, then those of its own folder."""
    name = module.removesuffix(".py").replace("/", ".")
    users = {test for test, imported in _imports().items() if name in imported}
    folder, _, own = module.removeprefix("pipeline/").rpartition("/")

    def distance(test: str) -> tuple[bool, bool, str]:
        return f"/test_{own}" not in test, f"tests/unit/{folder}/" not in test, test

    return tuple(sorted(users, key=distance))


@cache
def _imports() -> dict[str, frozenset[str]]:
    """For each unit test, the product's modules it reaches directly, through tests' support, or through a package."""
    direct = {path: _imported(path) for path in [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("tests/**/*.py")]}
    by_name = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in direct
    }
    reached = {}
    for path in direct:
        if path.name.startswith("test_") and "unit" in path.parts:
            names = set(direct[path])
            # what a support module, a package or the rules' registry gathers counts as the test's own
            waiting = [name for name in names if _gathers(name)]
            while waiting:
                gathered = by_name.get(waiting.pop())
                for name in direct.get(gathered, frozenset()) - names if gathered else ():
                    names.add(name)
                    if _gathers(name):
                        waiting.append(name)
            reached[str(path.relative_to(ROOT))] = frozenset(names)
    return reached


def _name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _gathers(name: str) -> bool:
    gatherers = ("pipeline.rules.registry", "pipeline.verification")
    return name.startswith("tests.") or name in gatherers or (ROOT / name.replace(".", "/") / "__init__.py").exists()


def _imported(path: Path) -> frozenset[str]:
    names: set[str] = set()
    if path == ROOT / "pipeline/rules/registry.py":  # it finds the rules by their address
        names = {_name_of(rule) for rule in (ROOT / "pipeline/rules").glob("*/**/*.py")}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(names)


if __name__ == "__main__":
    raise SystemExit(main())
