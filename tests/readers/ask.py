"""Ask the real programs about every input of the corpus, and say what changed since it was recorded.

    python -m tests.readers.ask                                  this machine, every program
    python -m tests.readers.ask sshd monit --root DIR --as debian-13   a tree made by mmdebstrap, two programs
    ... --record                                                 write down what they say now

Needs root: every program runs in namespaces of its own, without a network. A program that is missing is said so and
changes nothing. Ends with 1 when an answer differs from the record.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.readers import corpus
from tests.readers.programs import PROGRAMS, Root


def main() -> int:
    """Ask, compare, and perhaps record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help="which to ask; all without")
    parser.add_argument("--root", type=Path, default=Path("/"), help="a tree with the programs")
    parser.add_argument("--as", dest="release", default="debian-12", help="what the tree is, such as debian-13")
    parser.add_argument("--record", action="store_true", help="write down what is said now")
    given = parser.parse_args()
    changed = 0
    for program in given.programs or corpus.programs():
        changed += _ask(program, Root(given.root), given.release, write=given.record)
    return 1 if changed and not given.record else 0


def _ask(program: str, root: Root, release: str, *, write: bool) -> int:
    reader = PROGRAMS[program]
    version = reader.version(root)
    if version is None:
        print(f"{program}: not in {root.path}: not asked")
        return 0
    known = corpus.record(program)
    inputs = corpus.inputs(program)
    with ThreadPoolExecutor(3) as pool:
        answers = dict(zip(inputs, pool.map(lambda data: reader.ask(root, data), inputs.values()), strict=True))
    changed = 0
    for name, answer in answers.items():
        before = known["verdicts"].get(name, {}).get(release)
        effect = known.get("effective", {}).get(name, {}).get(release)
        if before != answer.verdict or (answer.effective is not None and effect != answer.effective):
            changed += 1
            shown = answer.effective if answer.verdict == before else f"{before} -> {answer.verdict}"
            print(f"{program} {release}: {name}: {shown} ({answer.words})")
    accepted = sum(answer.verdict == "accept" for answer in answers.values())
    print(f"{program} {release} ({version}): {len(inputs)} inputs, {accepted} accepted, {changed} changed")
    if write:
        known["versions"][release] = version
        for part in ("verdicts", "effective"):
            old = known.get(part, {})
            known[part] = {name: dict(old[name]) for name in inputs if name in old}
        for name, answer in answers.items():
            known["verdicts"].setdefault(name, {})[release] = answer.verdict
            if answer.effective is not None:
                known["effective"].setdefault(name, {})[release] = answer.effective
        target = corpus.HERE / "verdicts" / f"{program}.json"
        target.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return changed


if __name__ == "__main__":
    sys.exit(main())
