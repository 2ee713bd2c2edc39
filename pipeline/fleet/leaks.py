"""Searches the base and all deltas, in one pass, for secrets of the build and of other gateways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO

from pipeline.build import reading
from pipeline.build.checks.leaks import of_gateway, of_the_build, of_the_golden_sample
from pipeline.errors import Problem, raise_if_any
from pipeline.fleet.context import Context
from pipeline.host.workspace import Workspace
from pipeline.image.read.leak_scan import scan, scan_parts
from pipeline.model.verdict import LEAK_SCAN
from pipeline.verification.secret_forms import Secret, patterns

BLOCK = 4096
_MOST = 20
NOBODY = ""
"""Owner of what no image may have."""


@dataclass
class Wanted:
    """Everything to look for, with whom it belongs to and what it is called.

    Attributes:
        patterns: each with what it is called, its form, and the gateways that may have it; `NOBODY` alone for what none
            may. There are dozens for each gateway, so they share these texts and sets wherever they can.
        secrets: how many a report tells of; not the build's own, whose number says where a key was kept.
    """

    patterns: dict[bytes, tuple[str, str, frozenset[str] | set[str]]] = field(default_factory=dict, repr=False)
    secrets: int = 0

    def add(self, owner: str, secrets: Iterable[Secret], *, counted: bool = True) -> None:
        """Secrets of one gateway, or of nobody."""
        every = tuple(secrets)
        self.secrets += len(every) if counted else 0
        alone = frozenset((owner,))
        for pattern, (what, form) in patterns(every).items():
            first, its_form, owners = self.patterns.setdefault(pattern, (what, form, alone))
            if isinstance(owners, set):
                owners.add(owner)
            elif owner not in owners:
                self.patterns[pattern] = (first, its_form, {*owners, owner})

    def name(self, pattern: bytes) -> str:
        """What a person is told of a pattern: the first secret that has it, never the pattern itself."""
        what, form, _ = self.patterns[pattern]
        return f"{what} ({form})"

    def is_allowed(self, pattern: bytes, gateway: str) -> bool:
        """Whether a gateway may have it."""
        return gateway in self.patterns[pattern][2]


def wanted_of(workspace: Workspace) -> Wanted:
    """Of the build, of the golden sample and of every gateway of the inventory."""
    wanted = Wanted()
    for gateway in reading.gateways_of(workspace).values():
        every = tuple(of_gateway(workspace, gateway))
        # Root's password the image needs as a hash only: in clear it is nobody's to have.
        root = [secret for secret in every if secret.name.startswith("root password")]
        wanted.add(NOBODY, root)
        wanted.add(gateway.name, (secret for secret in every if secret not in root))
    wanted.add(NOBODY, of_the_build(workspace), counted=False)
    wanted.add(NOBODY, of_the_golden_sample(workspace))
    return wanted


def require_no_leaks(context: Context, wanted: Wanted, deltas: Iterable[tuple[str, Mapping[int, bytes]]]) -> str:
    """Search all deltas in one pass.

    Args:
        deltas: gateway and changed blocks; read as they come, none is kept.

    Returns:
        What was looked for and not found, for reports.

    Raises:
        PipelineError: something was found; named by what it is and whose, never by its value.
    """
    found = scan_parts(_parts(context, deltas), wanted.patterns)
    _refuse(wanted, ((gateway, pattern) for gateway, pattern in found if not wanted.is_allowed(pattern, gateway)))
    return (
        f"{LEAK_SCAN}: none of {wanted.secrets} secrets of all gateways and of the golden sample that it must not "
        "have, and no key of the build, plain, encoded or packed, anywhere in what differs from the base"
    )


def require_clean_base(context: Context, wanted: Wanted) -> None:
    """The base has no secret of anybody's.

    Raises:
        PipelineError: as `require_no_leaks`.
    """
    hits = scan(context.workspace.base, wanted.patterns)
    _refuse(wanted, (("base image", hit.pattern) for hit in hits))


def _refuse(wanted: Wanted, found: Iterable[tuple[str, bytes]]) -> None:
    lines = [f"{place}: {wanted.name(pattern)}" for place, pattern in found]
    raise_if_any(
        Problem(
            line,
            "nothing was published; find out which input brings it: a golden export, an overlay, the vanilla image",
        )
        for line in lines[:_MOST]
    )


def _parts(context: Context, deltas: Iterable[tuple[str, Mapping[int, bytes]]]) -> Iterator[tuple[str, bytes]]:
    """Each stretch of changed blocks, with the block of the base before and after it: a text may cross the border."""
    with context.workspace.base.open("rb", buffering=0) as base:
        for gateway, blocks in deltas:
            stretch: list[int] = []
            for number in (*sorted(blocks), -1):
                if stretch and number != stretch[-1] + 1:
                    before = _block(base, stretch[0] - 1)
                    after = _block(base, stretch[-1] + 1)
                    yield gateway, b"".join([before, *(blocks[one] for one in stretch), after])
                    stretch = []
                stretch.append(number)


def _block(base: FileIO, number: int) -> bytes:
    if number < 0:
        return b""
    base.seek(number * BLOCK)
    return base.read(BLOCK) or b""
