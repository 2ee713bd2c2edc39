"""Headless Chromium, which judges the report: what a page becomes, what it says on its console, what it asks for."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lxml import etree, html

# Chromium talks to its maker unless told not to; only what the page itself asks for is of interest here.
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A page after its script has run.

    Attributes:
        console: every line the page or the browser on its behalf wrote to the console: errors, refusals of the policy.
    """

    tree: etree._Element
    console: tuple[str, ...]

    def texts(self, path: str) -> list[str]:
        """Text of every element an XPath finds, white space folded."""
        found = self.tree.xpath(path)
        assert isinstance(found, list)
        return [" ".join("".join(one.itertext()).split()) for one in found if isinstance(one, etree._Element)]


def opened(file: Path, state: str = "", *options: str) -> Page:
    """The page at a file, opened with a state in its address."""
    done = _chromium("--dump-dom", *options, f"{file.as_uri()}#{state}")
    return Page(html.fromstring(done.stdout.decode("utf-8")), _console(done))


def screenshot(file: Path, to: Path, state: str = "", *options: str) -> tuple[str, ...]:
    """Draw the page into a PNG file; what stands on the console."""
    return _console(_chromium(f"--screenshot={to}", *options, f"{file.as_uri()}#{state}"))


def printed(file: Path, to: Path, state: str = "") -> tuple[str, ...]:
    """Print the page into a PDF file; what stands on the console."""
    return _console(_chromium(f"--print-to-pdf={to}", "--no-pdf-header-footer", f"{file.as_uri()}#{state}"))


def _chromium(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            ["chromium", *_QUIET, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done


def _console(done: subprocess.CompletedProcess[bytes]) -> tuple[str, ...]:
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return tuple(line for line in lines if re.search(r":CONSOLE[(:]", line))
