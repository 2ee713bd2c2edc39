"""Boot tests on a screen and for machines."""

from __future__ import annotations

import json
from dataclasses import replace

from pipeline.boottest.judging import judge
from pipeline.boottest.report import as_json, status_of, text
from pipeline.boottest.run import Trial
from pipeline.model.verdict import Finding, Outcome, Verdict
from tests.support.programs.boottest import a_look, promises

FINE = Trial(judge(promises(), a_look()), ("inside: no key",), ("hostapd",), "TCG, 61 s", a_look().knocked)
WRONG = Trial(Verdict("gw-2", (Finding("port 22", "firewall", "kept out", "it \x1b[2Janswers"),), ()))
UNSEEN = Trial(Verdict("gw-3", (Finding("console", "start", "", "no prompt", Outcome.NOT_LOOKED),), ()))


def test_status() -> None:
    assert [status_of([one]) for one in (FINE, WRONG, UNSEEN)] == [0, 1, 2]
    assert status_of([FINE, WRONG]) == 1
    assert status_of([]) == 2


def test_a_screen() -> None:
    shown = text([FINE, WRONG, UNSEEN]).splitlines()
    assert shown[0] == "ok   gw-1: as promised (TCG, 61 s)"
    assert "     + users" in shown
    assert "     - not looked at: inside: no key" in shown
    assert "     ! hostapd" in shown
    assert "FAIL gw-2: DEVIATES" in shown
    assert "       port 22: firewall: expected kept out, found it \\x1b[2Janswers" in shown
    assert shown[-2:] == ["FAIL gw-3: COULD NOT LOOK", "       console: start: could not look: no prompt"]


def test_many_gateways_fit_a_screen() -> None:
    many = [replace(FINE, verdict=replace(FINE.verdict, gateway=f"gw-{number}")) for number in range(10)]
    shown = text([*many, WRONG]).splitlines()
    assert len(shown) == 12
    long = replace(FINE, left=("x" * 20,) * 30)
    assert len(text([long]).splitlines()) == 1


def test_machines_get_everything() -> None:
    told = json.loads(as_json([FINE, WRONG]))
    assert (told["format"], told["version"], told["exit_status"]) == ("gateway-image-boottests", 1, 1)
    fine, wrong = told["gateways"]
    assert fine["passed"]
    assert fine["not_looked_at"] == ["inside: no key"]
    vpn = next(one for one in fine["packets"] if one["from"] == "the VPN" and one["interface"] == "eth1")
    assert (vpn["answers"]["80"], vpn["answers"]["8000"], vpn["answers"]["49153"]) == ("refused", "silent", "open")
    assert wrong["findings"][0]["outcome"] == "deviation"
    assert a_look().machine_id not in as_json([FINE]).decode()
