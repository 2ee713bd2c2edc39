"""Memory that signing a package takes, as the build does it: a few times the package, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.jars.large_jar import large_package
from tests.support.workspaces import CHECKOUT

# Its own process, because the highest resident size of this one is that of whatever test came before.
CODE = """
import resource, sys
from pathlib import Path
from pipeline.signing.bundles.packages import sign_packages
from tests.support.trust import a_signer
signer = a_signer()
content = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(signed,) = sign_packages({"large.dp": content}, signer)
assert len(signed.content) > len(content)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("entries", [1, 400])
def test_a_package_takes_a_few_times_its_size(entries: int, tmp_path: Path) -> None:
    """Bundle, signed bundle and signed package are held at once: docs/guide/signing.md says so."""
    package = tmp_path / "large.dp"
    large_package(package, 64, entries=entries, level=0)
    done = subprocess.run(
        [sys.executable, "-c", CODE, package], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < 5 * package.stat().st_size
