"""Plant breakages into a finished image and ask the image's own programs about each, in one start of the appliance.

    python -m tests.long.ask_planted IMAGE [--only READER]

Every row of `tests.support.readers.breakages` is laid on the image as a gateway's own layer is, in an overlay of its
own, and must be refused with the program's own words; first the image is asked as it is. The image's digest is compared
before and after. Outside CI: a hundred questions take minutes without KVM.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

from pipeline.image.appliance.session import Drive, launch
from pipeline.image.read.look import look_at
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.asking import Case, ask_all, ask_image
from tests.support.readers.breakages import PLANTS


def main() -> int:
    """Ask, count, and say what was not noticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path)
    parser.add_argument("--only", default="", help="a reader")
    given = parser.parse_args()
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:.0f} s] {text}", flush=True)

    before = _digest(given.image)
    with tempfile.TemporaryDirectory() as place:
        state = Path(place)
        with launch([Drive(given.image, writable=False)], state_dir=state, say=say) as session:
            device = session.devices[0]
            view = look_at(session, device, given.image, load_layouts(), say=say)
            own = ask_image(session, device, view, state_dir=state, say=say)
            for answer in own:
                if answer.verdict is not ReaderVerdict.YES:
                    say(f"as it is: {answer.reader} {answer.subject}: {answer.verdict.value}: {answer.message}")
            cases, plants = [], []
            for number, plant in enumerate(one for one in PLANTS if given.only in ("", one.reader)):
                try:
                    layer, after, asked = plant.question(view)
                except LookupError as why:
                    say(f"not asked: {why}")
                    continue
                plants.append(plant)
                cases.append(Case(f"p{number}", after, layer, (asked,)))
            if view.disk is None:
                return 2
            answers = ask_all(session, device, view.disk, cases, state_dir=state, say=say)
    missed = 0
    for plant, (answer,) in zip(plants, answers, strict=True):
        if not plant.is_told(answer):
            missed += 1
            print(f"MISSED {plant.name}: {answer.verdict.value}: {answer.message}")
    untouched = _digest(given.image) == before
    say(f"{len(plants)} planted, {len(plants) - missed} refused in the programs' own words, {missed} missed; "
        f"the image is {'untouched' if untouched else 'CHANGED'}")  # fmt: skip
    return 1 if missed or not untouched else 0


def _digest(image: Path) -> str:
    with image.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
