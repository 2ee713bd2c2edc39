"""The release report in a real browser: what it says, how it is searched, and that it asks nobody for anything."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model.manifest import Manifest, Step
from pipeline.model.verdict import Finding, Outcome, Verdict
from pipeline.report.html import release_report
from tests.support.fleet import CHECKS, a_fleet, a_gateway, verified
from tests.support.programs.browser import Page, opened, printed, screenshot

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202eevil\x1b[31m\udcff"
SIZE = 9


def written(place: Path, manifests: list[Manifest], verdicts: list[Verdict]) -> Path:
    place.write_bytes(release_report(manifests, verdicts))
    return place


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("report") / "report.html", list(a_fleet(SIZE)), verified(SIZE))


def gateways(page: Page) -> list[str]:
    return page.texts("//article[@data-gateway]/button/b")


@pytest.mark.tools
def test_it_says_what_the_manifests_say(report: Path) -> None:
    page = opened(report, "gw=gw-0007")
    assert page.console == ()
    assert page.texts("//*[@id='verdict']") == [f"all {SIZE} gateways verified"]
    assert gateways(page) == [f"gw-{number:04d}" for number in range(SIZE)]
    whole = page.texts("//article[@data-gateway='gw-0007']")[0]
    for said in ("SN-00007", "192.168.0.8/24", "Debian GNU/Linux 12", "technician", "com.example.x", "CN=Bundles",
                 "/etc/gateway.d/07.conf", "devices.toml: gw-0007", "overlays/common", "A:29", "laboratory unit",
                 "2027-06-30", "Boot once and let the keystores be encrypted", "/etc/shadow", "secret",
                 "9.5 years after the release", "block map", "Tried from anybody: tcp 22, 80 refused",
                 "Tried from 10.234.0.0/16: tcp 80 accepted; 22 refused"):  # fmt: skip
        assert said in whole, said
    titles = page.texts("//article[@data-gateway='gw-0007']//*[local-name()='svg']/*[local-name()='title']")
    assert any("anybody: tcp 49153 · SSH, keys only; 10.234.0.0/16: tcp 80 · console" in title for title in titles)
    assert any(title.startswith("Disk of 512 KiB") for title in titles)


@pytest.mark.tools
def test_the_matrix_has_every_rule_and_gateway(report: Path) -> None:
    page = opened(report)
    rows = page.texts("//tr[@data-rule='ssh.port']/td")
    signs = {"pass": "✓", "not applicable": "–", "cannot be verified offline": "?"}
    ended = ["w" if rule.waiver else signs[rule.outcome] for manifest in a_fleet(SIZE) for rule in manifest.rules
             if rule.id == "ssh.port"]  # fmt: skip
    assert rows[1] == "".join(f"{sign} {ended.count(sign)}" for sign in "w?–✓" if sign in ended)
    assert rows[2:] == ended
    assert len(rows) == SIZE + 2
    assert rows[2 + 7] == "w"
    manifest = a_gateway(0)
    assert len(page.texts("//tr[@data-rule]")) == len({rule.id for rule in manifest.rules})


@pytest.mark.tools
def test_uniqueness_and_leaks_are_told(report: Path, tmp_path: Path) -> None:
    assert opened(report).texts("//section[@id='uniqueness']//tbody/tr") == [
        "Uniqueness–The gateways were not compared with one another.",
        f"Leak scan✓{SIZE} gateways: none of 143 secrets of the build and of others, plain or packed",
    ]
    told = Verdict("release demo-1", (), ("3 gateways compared: machine id differ in all", "shared by policy: none"))
    verdicts = [*verified(2), Verdict("gw-0002", (), CHECKS[:-1]), told]
    page = opened(written(tmp_path / "r.html", list(a_fleet(3)), verdicts))
    assert page.texts("//*[@id='verdict']") == ["all 3 gateways verified"]
    assert page.texts("//section[@id='uniqueness']//tbody/tr") == [
        "Uniqueness✓3 gateways compared: machine id differ in all",
        "Uniqueness✓shared by policy: none",
        "Leak scan✓2 gateways: none of 143 secrets of the build and of others, plain or packed",
        "Leak scannot done1 gateway without a search for secrets",
    ]


@pytest.mark.tools
@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("q=gw-0003", ["gw-0003"]),
        ("q=SN-00005", ["gw-0005"]),
        ("q=192.168.0.3%2F", ["gw-0002"]),
        ("status=waived", ["gw-0007"]),
        ("status=failed", []),
        ("q=gw-000%20technician&status=verified", [f"gw-{number:04d}" for number in range(SIZE)]),
        ("q=nowhere", []),
    ],
)
def test_filters(report: Path, state: str, wanted: list[str]) -> None:
    page = opened(report, state)
    assert gateways(page) == wanted
    assert page.texts("//*[@id='count']") == [f"{len(wanted)} of {SIZE} shown"]
    assert page.console == ()


@pytest.mark.tools
def test_rules_are_filtered_by_name_line_and_outcome(report: Path) -> None:
    assert opened(report, "outcome=w").texts("//tr[@data-rule]/td[1]/code") == ["ssh.port"]
    named = opened(report, "rule=firewall.").texts("//tr[@data-rule]/td[1]/code")
    assert len(named) > 5
    assert all(name.startswith("firewall.") for name in named)
    assert "ssh.port" in opened(report, "rule=A:84").texts("//tr[@data-rule]/td[1]/code")


@pytest.mark.tools
def test_foreign_text_stays_text(tmp_path: Path) -> None:
    bad = replace(a_gateway(0), gateway=NASTY, serial=NASTY, steps=(Step(NASTY, "A:1"),))
    finding = Finding(NASTY, "content", NASTY, NASTY)
    file = written(tmp_path / "r.html", [bad], [Verdict(NASTY, (finding,), (NASTY,))])
    assert b"<img" not in file.read_bytes()
    page = opened(file, "gw=*")
    assert page.console == ()
    assert not page.texts("//img")
    assert len(page.tree.xpath("//script")) == 2
    assert "</script><script>alert(1)" in page.texts("//article//b")[0]
    assert "\u202e" not in page.texts("//body")[0]


@pytest.mark.tools
def test_what_is_wrong_is_seen_first(tmp_path: Path) -> None:
    findings = (Finding("/etc/shadow", "content", "aa", "bb"), Finding("x", "readable", "", "why", Outcome.NOT_LOOKED))
    verdicts = [
        Verdict("gw-0000", findings[:1], CHECKS),
        Verdict("gw-0001", findings, CHECKS),
        Verdict("demo-1", (Finding("gw-9", "missing"),), ()),
    ]
    page = opened(written(tmp_path / "r.html", list(a_fleet(3)), verdicts), "gw=*&status=failed")
    assert page.texts("//*[@id='verdict' and contains(@class, 'bad')]") == [
        "1 deviating, 1 could not be looked at, 1 not verified, the release directory deviates"
    ]
    assert gateways(page) == ["gw-0000", "gw-0001", "gw-0002"]
    assert "/etc/shadow content: expected aa, found bb" in page.texts("//article[1]//li")[0]
    assert "gw-9 (missing)" in page.texts("//main/p")[1]


@pytest.mark.tools
def test_a_failed_rule_is_no_good_verdict(tmp_path: Path) -> None:
    manifest = a_gateway(0)
    rules = (replace(manifest.rules[0], outcome="fail", breaches=("/etc/x:3: bad",)), *manifest.rules[1:])
    page = opened(written(tmp_path / "r.html", [replace(manifest, rules=rules)], verified(1)), "status=failed&gw=*")
    assert page.texts("//*[@id='verdict']") == ["1 verified, 1 with failed rules"]
    assert gateways(page) == ["gw-0000"]
    assert "/etc/x:3: bad" in page.texts("//article")[0]


@pytest.mark.tools
def test_on_a_phone_nothing_sticks_out(report: Path, tmp_path: Path) -> None:
    """The page in a frame as wide as a phone: Chromium's own window cannot be made that narrow."""
    probe = report.read_text("utf-8").replace("start();\n})();", "start();\n%%\n})();")
    measure = "document.title = document.documentElement.scrollWidth + ' ' + innerWidth;"
    frame = tmp_path / "phone.html"
    page = probe.replace("%%", f"{measure} parent.postMessage(document.title, '*');")
    # The policy knows the script by its digest, and this one is another.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (tmp_path / "inner.html").write_text(page, "utf-8")
    frame.write_text(
        '<iframe src="inner.html#gw=gw-0007" width="375" height="800"></iframe><p id="out"></p>'
        "<script>addEventListener('message', (event) => { document.getElementById('out').textContent = event.data })"
        "</script>",
        "utf-8",
    )
    wide, window = opened(frame, "", "--virtual-time-budget=3000").texts("//p[@id='out']")[0].split()
    assert int(window) == 375
    assert int(wide) <= 375


@pytest.mark.tools
def test_every_gateway_is_on_paper_too(tmp_path: Path) -> None:
    def pages(size: int) -> int:
        file = written(
            tmp_path / f"{size}.html", [a_gateway(number, own=1, alike=1) for number in range(size)], verified(size)
        )
        assert printed(file, tmp_path / f"{size}.pdf", "rule=ssh.port") == ()
        return len(re.findall(rb"/Type /Page\b", (tmp_path / f"{size}.pdf").read_bytes()))

    few, many = pages(60), pages(360)
    assert many > 2 * few


@pytest.mark.tools
def test_it_is_drawn_and_printed(report: Path, tmp_path: Path) -> None:
    assert screenshot(report, tmp_path / "dark.png", "", "--blink-settings=preferredColorScheme=0") == ()
    assert screenshot(report, tmp_path / "light.png", "", "--blink-settings=preferredColorScheme=1") == ()
    dark, light = ((tmp_path / f"{name}.png").read_bytes() for name in ("dark", "light"))
    assert dark.startswith(b"\x89PNG")
    assert dark != light
    assert printed(report, tmp_path / "report.pdf", "gw=gw-0001") == ()
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
