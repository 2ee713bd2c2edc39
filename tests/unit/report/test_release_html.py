"""The release report as bytes: the same for the same, small for many, and asking nobody for anything."""

from __future__ import annotations

import json
import re

from pipeline.report.html import release_report
from tests.support.fleet import a_fleet, verified
from tests.support.manifest import a_manifest


def test_same_input_same_bytes_whatever_the_order() -> None:
    fleet = list(a_fleet(3))
    assert release_report(fleet, verified(3)) == release_report(iter(fleet), reversed(verified(3)))


def test_nothing_is_fetched_and_nothing_else_may_run() -> None:
    text = release_report(a_fleet(2), verified(2)).decode("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"""(src|href)\s*=|@import|url\(|https?://(?!www\.w3\.org/2000/svg")""", text)


def test_no_gateway_is_no_good_verdict() -> None:
    assert b'class="verdict bad">no gateways' in release_report([], [])


def test_shared_values_are_stored_once() -> None:
    text = release_report(a_fleet(20), verified(20)).decode()
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert text.count("overlays/common") == 30  # one origin for each line of the document
    assert len(data["shared"]["c"]) == 30 + len(a_manifest().changes)
    assert all(len(gateway["c"]) == 30 for gateway in data["gateways"])
