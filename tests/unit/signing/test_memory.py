"""Memory does not grow with a bundle: it is read and written in pieces."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.large_jar import large_jar
from tests.support.workspaces import CHECKOUT

# Its own process, because the highest resident size of this one is that of whatever test came before.
CODE = """
import resource, sys
from pathlib import Path
from pipeline.signing.bundles.bundle import sign_bundle_file
from tests.support.trust import a_signer
signer = a_signer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sign_bundle_file(Path(sys.argv[1]), Path(sys.argv[2]), signer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("entries", [1, 400])
def test_a_bundle_of_200_megabytes_takes_a_few(entries: int, tmp_path: Path) -> None:
    source, target = tmp_path / "large.jar", tmp_path / "signed.jar"
    large_jar(source, 200, entries=entries, level=0)
    done = subprocess.run(
        [sys.executable, "-c", CODE, source, target], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    grown = int(done.stdout) * 1024
    assert target.stat().st_size > source.stat().st_size > 200 << 20
    assert grown < 16 << 20, f"{grown >> 20} MiB more for {source.stat().st_size >> 20} MiB"
