"""The verifier judges what it reads by all rules itself: a breach the manifest does not waive is a deviation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from pipeline.image.read.view import needed_paths, view_of
from pipeline.inputs.layout_files import load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import Manifest, ReaderFact, RuleFact, WaiverFact
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict, digest_of_read
from pipeline.model.rule import Expected, RuleOutcome
from pipeline.model.tree import Kind, Node, Tree
from pipeline.model.verdict import Finding, Outcome
from pipeline.rules.expectations import decisions_of, expected_from, expected_of
from pipeline.rules.registry import RULES
from pipeline.verification.rules import covered, findings_of, judge_again
from tests.support import esf_view
from tests.support.manifest import a_manifest
from tests.support.release import a_release

SSHD = "/etc/ssh/sshd_config"
# The view in memory has no system around it; these are told apart in the acceptance tests, on real images.
HERE = tuple(rule for rule in RULES if rule.id.startswith(("ssh.", "console.", "firewall.", "policy.")))


def the_manifest(*rules: RuleFact) -> Manifest:
    decisions = json.loads(json.dumps(decisions_of(esf_view.the_release())))
    return replace(a_manifest(), facts={"decisions": decisions}, rules=rules)


def findings(view: ImageView, manifest: Manifest | None = None) -> tuple[Finding, ...]:
    manifest = manifest or the_manifest()
    return tuple(findings_of(manifest, judge_again(manifest, view, HERE)))


def spoiled() -> ImageView:
    view = esf_view.hardened()
    files = dict(view.files)
    place = GuestPath("/etc/sysconfig/iptables")
    files[place] = files[place].replace(b"-A FORWARD", b"-A INPUT -p tcp -m tcp --dport 8000 -j ACCEPT\n-A FORWARD", 1)
    return replace(view, files=files)


def test_decisions_come_back_from_a_manifest_as_they_were() -> None:
    release = a_release()
    assert expected_from(json.loads(json.dumps(decisions_of(release)))) == expected_of(release)


@pytest.mark.parametrize(
    "given",
    [None, "x", {}, {"ssh_port": "22"}, {"ssh_port": True}, {"vpn": [1]}, {"closed_ports": [True]}, {"day": None}],
)
def test_what_a_manifest_says_in_another_form_is_as_the_documents_ask(given: object) -> None:
    assert expected_from(given) == Expected()


def test_what_the_plan_made_breaks_nothing() -> None:
    before = findings(esf_view.hardened())
    assert [finding for finding in before if "firewall" in finding.check] == []


def test_a_breach_is_named_by_rule_file_and_line() -> None:
    new = set(findings(spoiled())) - set(findings(esf_view.hardened()))
    assert any(
        finding.check.startswith("rule firewall.") and finding.subject.startswith("/etc/sysconfig/iptables:")
        for finding in new
    )
    assert {finding.outcome for finding in new} == {Outcome.DEVIATION}


def test_a_waiver_of_the_manifest_holds_until_its_day() -> None:
    rules = {finding.check.removeprefix("rule ") for finding in findings(spoiled())}
    waived = [RuleFact(rule, "t", (), "fail", "", (), WaiverFact("why", "who", "2999-01-01")) for rule in rules]
    assert findings(spoiled(), the_manifest(*waived)) == ()
    lapsed = [replace(fact, waiver=WaiverFact("why", "who", "2001-01-01")) for fact in waived]
    assert findings(spoiled(), the_manifest(*lapsed)) == findings(spoiled())


def test_what_the_build_saw_and_nobody_sees_now_has_not_passed() -> None:
    view = replace(esf_view.hardened(), files={})
    passed = [RuleFact(rule.id, rule.title, (), RuleOutcome.PASS, "") for rule in HERE]
    found = findings(view, the_manifest(*passed))
    assert found
    assert {finding.outcome for finding in found if finding.check == "verifiable"} == {Outcome.NOT_LOOKED}
    assert any(finding.check == "verifiable" for finding in found)


def test_the_needed_files_are_enough_to_find_out_what_is_installed() -> None:
    whole = esf_view.hardened()
    layouts = load_layouts()
    chosen = set(needed_paths(whole.tree, layouts))
    assert whole.disk is not None
    view = view_of(whole.disk, whole.tree, {p: c for p, c in whole.files.items() if p in chosen}, layouts)
    assert view.layout is not None
    assert (view.layout.name, view.esf_version, view.os_release) == ("esf-5", "5.0.0", whole.os_release)
    assert findings(view) == findings(whole)


def test_a_program_answered_for_the_file_it_read_and_for_no_other() -> None:
    """Its yes of the build must not excuse what was altered since; of the unaltered file it has the last word."""
    iptables = "/etc/sysconfig/iptables"
    whole = esf_view.hardened()
    files = {**whole.files, GuestPath(iptables): whole.files[GuestPath(iptables)].replace(b"COMMIT", b"COMMIT ")}
    for sealed, expected in ((whole, True), (replace(whole, files=files), False)):
        content = sealed.files[GuestPath(iptables)]
        tree = Tree({GuestPath(iptables): Node(Kind.FILE, 0o644, sha256=hashlib.sha256(content).hexdigest())})
        answer = ReaderAnswer("iptables", iptables, ReaderVerdict.YES, read=(iptables,))
        fact = ReaderFact(answer, digest_of_read(tree, [iptables]))
        found = findings(replace(whole, files=files), replace(the_manifest(), tree=tree, readers=(fact,)))
        assert ("rule firewall.readable" in {finding.check for finding in found}) is expected


def test_what_was_judged_is_counted() -> None:
    judged = judge_again(the_manifest(), esf_view.hardened(), HERE)
    passed = sum(result.judgement.outcome is RuleOutcome.PASS for result in judged)
    assert 20 < passed < len(judged)
    assert covered(judged).startswith(f"{len(judged)} rules: {passed} pass, ")
