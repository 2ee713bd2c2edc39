"""Reports of a release from the published manifests and their verdicts: a page for people, and what machines read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from pipeline.build import reading
from pipeline.build.checks.comparing import compare_release
from pipeline.build.placement import put_file
from pipeline.errors import PipelineError, raise_if_any
from pipeline.host.progress import Say
from pipeline.host.records import read_record
from pipeline.host.workspace import Workspace
from pipeline.manifest import known_without_tree
from pipeline.model.manifest import Manifest
from pipeline.model.release import Release
from pipeline.model.rule import RuleOutcome
from pipeline.model.verdict import Verdict
from pipeline.readers.judging import READER_RULES
from pipeline.report.html import release_report
from pipeline.report.machine.release_json import release_json
from pipeline.report.machine.release_junit import release_junit
from pipeline.report.machine.release_sarif import release_sarif
from pipeline.report.text.release_notes import release_notes
from pipeline.rules.registry import RULES, idle_waivers

CHECKS = "checks"
"""Note of a publishing record: what the verifier covered, a line each. Only what passed is published."""

WRITERS = {
    "junit.xml": release_junit,
    "release-notes.txt": release_notes,
    "report.html": release_report,
    "report.json": release_json,
    "report.sarif": release_sarif,
}
"""Every report by its file."""
REPORTS = tuple(WRITERS)


def write_reports(workspace: Workspace, say: Say) -> None:
    """Write every report of the release, over all gateways of the inventory; each of them must be published.

    Raises:
        PipelineError: a waiver that no gateway needs; two gateways that share what must be one's own.
    """
    results = workspace.results(reading.release_of(workspace).name)
    manifests = tuple(_manifests(workspace))
    require_waivers_used(reading.release_of(workspace), manifests)
    names = [manifest.gateway for manifest in manifests]
    told = compare_release(workspace, names)
    together = (Verdict(f"release {manifests[0].release}", (), told),) if told else ()
    verdicts = (*(_verdict(workspace, name) for name in names), *together)
    for name, write in WRITERS.items():
        put_file(results / name, write(manifests, verdicts), 0o644, workspace.stages(results.name))
    say(f"report for people: {(results / 'report.html').relative_to(workspace.root)}")


def require_waivers_used(release: Release, manifests: Iterable[Manifest]) -> None:
    """Refuse a release with a waiver that nothing in it needs: it would hide the next image that breaks the rule.

    Raises:
        PipelineError: each waiver of a rule that failed on no gateway, or that there is not.
    """
    failed = {fact.id for manifest in manifests for fact in manifest.rules if fact.outcome == RuleOutcome.FAIL.value}
    raise_if_any(idle_waivers(release.rules.waivers, failed, (*RULES, *READER_RULES)))


def _manifests(workspace: Workspace) -> Iterator[Manifest]:
    release = reading.release_of(workspace)
    for name in sorted(reading.gateways_of(workspace)):
        file = workspace.result(release.name, name) / "manifest.json"
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() not in _published(workspace, name):
            raise PipelineError(f"{name}/{file.name}: is not what was published", "start the build again")
        yield known_without_tree(content, name=f"{name}/{file.name}")


def _published(workspace: Workspace, name: str) -> set[str]:
    """Digests of what was verified and published of a gateway: no manifest needs to be checked again."""
    record = read_record(workspace.record(f"publish-{name}"))
    return {output.sha256 for output in record.outputs.values()} if record is not None else set()


def _verdict(workspace: Workspace, name: str) -> Verdict:
    record = read_record(workspace.record(f"publish-{name}"))
    checks = record.notes.get(CHECKS, "") if record is not None else ""
    return Verdict(name, (), tuple(checks.splitlines()))
