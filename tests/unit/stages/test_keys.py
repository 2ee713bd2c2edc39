"""What makes a step be done again: a secret of the golden sample too, which no published digest shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.stages.keys import golden_content
from tests.support.golden import a_golden

CHAP = GuestPath("/etc/ppp/chap-secrets")


@pytest.mark.parametrize(
    "other",
    [
        lambda golden: replace(golden, network={**golden.network, CHAP: golden.network[CHAP] + b"#"}),
        lambda golden: replace(golden, network={path: golden.network[path] for path in golden.network if path != CHAP}),
        lambda golden: replace(golden, snapshot=golden.snapshot + b" "),
        lambda golden: replace(golden, policy=b"ALLOW"),
        lambda golden: replace(golden, packages={}),
        lambda golden: replace(golden, sha256="0" * 64),
    ],
)
def test_every_part_that_travels_counts(other: object) -> None:
    golden = a_golden()
    assert callable(other)
    changed: Golden = other(golden)
    assert golden_content(changed) != golden_content(golden)
    assert golden_content(replace(golden, warnings=("x",))) == golden_content(golden)
