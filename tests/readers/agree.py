"""How far the product and the real programs agree on the corpus: ``python -m tests.readers.agree [PROGRAM...]``."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tests.readers import corpus
from tests.readers.emulations import EMULATIONS


@dataclass(frozen=True)
class Agreement:
    """Of one program, over all inputs and releases.

    Attributes:
        wrong: let pass by us, refused by the program; as ``release: input``.
        false: the other way round.
    """

    program: str
    asked: int
    wrong: tuple[str, ...]
    false: tuple[str, ...]


def agreement(program: str) -> Agreement:
    """Compare what we say with what is recorded."""
    wrong, false, asked = [], [], 0
    versions = corpus.versions(program)
    for one in corpus.recorded(program):
        for release, verdict in sorted(one.verdicts.items()):
            asked += 1
            passes = EMULATIONS[program](one.data, versions[release])
            if passes and verdict == "refuse":
                wrong.append(f"{release}: {one.name}")
            elif not passes and verdict == "accept":
                false.append(f"{release}: {one.name}")
    return Agreement(program, asked, tuple(wrong), tuple(false))


def main() -> None:
    """Print a line for each program, and what is not agreed on."""
    for program in sys.argv[1:] or sorted(EMULATIONS):
        found = agreement(program)
        print(f"{program}: {found.asked} answers, {len(found.wrong)} wrong passes, {len(found.false)} false alarms")
        for name in found.wrong:
            print(f"  wrong pass: {name}")
        for name in found.false:
            print(f"  false alarm: {name}")


if __name__ == "__main__":
    main()
