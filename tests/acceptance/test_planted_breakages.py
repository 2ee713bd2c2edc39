"""Every breakage of the tables, planted into finished images after the build: `doit audit` names each, with its line.

As many as get on with each other share an image. Which do was found by trying once and is kept beside the tables
(`planted_together.json`); here it is tried again in memory, and what does not keep to it is put into other images. So
none is lost: what is in no image in the end is listed with its reason, and there is a short list of reasons.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.formats.tree_text import escape
from pipeline.inputs.release_file import read_release
from pipeline.model.layer import FileEntry
from pipeline.model.rule import RuleOutcome
from pipeline.rules.registry import judge
from tests.acceptance.conftest import GATEWAYS, Built
from tests.support.spoilt_images.groups import BY_ID, PLAN, Bench, Group, grouped
from tests.support.spoilt_images.plan import benches_of, homes_of
from tests.support.spoilt_images.planting import Breakage, breakages, layer_between, plant
from tests.support.workspaces import doit

pytestmark = pytest.mark.appliance

AT_ONCE = 8  # images of one audit; two audits run beside each other
# What people have to do, nothing in an image can break.
STEPS = {rule for rule in BY_ID if rule.startswith("steps.")}

Named = frozenset[tuple[str, str, int, str]]  # rule, path, line, what was found


@dataclass(frozen=True)
class Spoilt:
    """Images with breakages, and what the audit said of them.

    Attributes:
        elsewhere: what was planted into none, with the reason.
        named: for each group what its image's audit named.
        fullest: the image of the first group, which has most.
    """

    groups: tuple[Group, ...]
    elsewhere: Mapping[Breakage, str]
    named: tuple[Named, ...]
    fullest: Path

    @property
    def planted(self) -> tuple[Breakage, ...]:
        """All that were planted."""
        return tuple(one for group in self.groups for one in group.members)


@pytest.fixture(scope="module")
def benches(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bench]:
    """The finished images in memory, as an audit sees them."""
    return benches_of(built.workspace, GATEWAYS, tmp_path_factory.mktemp("look"))


@pytest.fixture(scope="module")
def spoilt(built: Built, benches: Mapping[str, Bench], tmp_path_factory: pytest.TempPathFactory) -> Spoilt:
    homes, alone = homes_of(benches)
    elsewhere = {one: _why_not(one, benches) for one in homes.pop("")}
    groups = [
        group
        for gateway, members in homes.items()
        for group in grouped(benches[gateway], members, alone, PLAN)
    ]  # fmt: skip
    groups.sort(key=lambda group: -len(group.members))
    place = tmp_path_factory.mktemp("spoilt")
    batches = [groups[start : start + AT_ONCE] for start in range(0, len(groups), AT_ONCE)]
    with ThreadPoolExecutor(2) as pool:
        audits = pool.map(lambda numbered: _audited(built, numbered[1], place / str(numbered[0])), enumerate(batches))
        named = tuple(found for batch in audits for found in batch)
    result = Spoilt(tuple(groups), elsewhere, named, place / "0" / "0.img")
    _tell(result)
    return result


ALREADY, NOT_FOR_IT = "the finished image is so already", "the rule does not apply to the finished images"
NOT_SEEN = "what the rule is about is not to be seen in the finished images"


def _why_not(one: Breakage, benches: Mapping[str, Bench]) -> str:
    """Begins with one of a few reasons, which are counted."""
    if one.needs:
        return f"needs {one.needs}"
    bench = benches[one.gateways[0]]
    if any(rule == one.rule and path in one.paths for rule, path, _, _ in bench.before):
        return f"{ALREADY}: the profile documents leaves it so"
    if one.rule == "files.secrets":
        return "needs an image without ESF: with it secrets.modes judges these files"
    judgement = bench.judgement(one.rule)
    if judgement.outcome is RuleOutcome.NOT_APPLICABLE:
        return f"{NOT_FOR_IT}: {judgement.why}"
    if judgement.outcome is RuleOutcome.UNVERIFIABLE:
        return f"{NOT_SEEN}: {judgement.why}"
    return f"does not break the finished images: {judgement.why}"


def _audited(built: Built, batch: list[Group], place: Path) -> list[Named]:
    """Plants a batch, and audits it as a person would."""
    place.mkdir()
    images = [place / f"{number}.img" for number in range(len(batch))]
    epoch = read_release(built.workspace / "gateway.toml", None).epoch
    for group, image in zip(batch, images, strict=True):
        bench = group.bench
        layer = layer_between(bench.view, group.view, bench.read)
        plant(built.image(bench.gateway), image, bench.view, layer, epoch=epoch, state_dir=place)
    report = place / "audit.json"
    names = [str(image) for image in images]
    arguments = ("-c", "gateway.toml", "--profile", "strict", "--format", "json", "-o", str(report))
    # What rules find is looked at here; tests/acceptance/test_readers.py has what programs say.
    ran = doit(built.workspace, "audit", "--no-ask", *arguments, *names)
    assert ran.status == 1, ran.text
    for image in images[1:] if place.name == "0" else images:
        image.unlink()
    audits = json.loads(report.read_bytes())["audits"]
    assert [audit["subject"] for audit in audits] == names
    return [
        frozenset(
            (rule["rule"], breach["path"], breach["line"], breach["found"])
            for rule in audit["rules"]
            if rule["blocks"]
            for breach in rule["breaches"]
        )
        for audit in audits
    ]


def _tell(spoilt: Spoilt) -> None:
    """The list of what was planted, and of what was not."""
    counts = Counter(one.rule for one in spoilt.planted)
    sizes = ", ".join(str(len(group.members)) for group in spoilt.groups)
    rows = [
        f"{counts.total()} breakages of {len(counts)} rules in {len(spoilt.groups)} images ({sizes})",
        *(f"  {rule:40} {count:3}" for rule, count in sorted(counts.items())),
        f"{len(spoilt.elsewhere)} planted in no image:",
        *(f"  {one.id}: {why}" for one, why in spoilt.elsewhere.items()),
    ]
    sys.stdout.write("\n".join(["", *rows, ""]))


def _escaped(one: Breakage, group: Group) -> Iterator[tuple[str, str, int, str]]:
    for breach in group.members[one]:
        yield one.rule, escape(breach.path), breach.line, escape(breach.found)


def test_none_is_lost(spoilt: Spoilt) -> None:
    every = [one.id for one in breakages()]
    assert sorted([*(one.id for one in spoilt.planted), *(one.id for one in spoilt.elsewhere)]) == sorted(every)
    assert len(set(every)) == len(every)
    assert len(spoilt.planted) >= 600
    reasons = Counter(why.partition(":")[0] for why in spoilt.elsewhere.values())
    most = {
        "needs systemd as init": 20,
        "needs busybox as init": 5,
        "needs an image without ESF": 3,
        "needs other decisions of the release": 4,
        ALREADY: 15,
        NOT_FOR_IT: 20,
        NOT_SEEN: 5,
        "does not break the finished images": 3,
    }
    assert {reason: count for reason, count in reasons.items() if count > most.get(reason, 0)} == {}


def test_every_rule_is_broken_in_a_finished_image(spoilt: Spoilt) -> None:
    """But steps for people; and where the profile documents leaves it so, the audit says it of every image."""
    planted = {one.rule for one in spoilt.planted}
    already = {one for one, why in spoilt.elsewhere.items() if why.startswith(ALREADY)}
    for one in already:
        assert any(rule == one.rule and path in one.paths for rule, path, _, _ in spoilt.named[-1]), one.id
    not_for_it = {one.rule for one, why in spoilt.elsewhere.items() if why.startswith((NOT_FOR_IT, NOT_SEEN))}
    assert BY_ID.keys() - STEPS - planted - {one.rule for one in already} <= not_for_it
    assert len(planted) >= 115


def test_the_audit_names_every_one_with_its_line(spoilt: Spoilt) -> None:
    missed = [
        one.id
        for group, named in zip(spoilt.groups, spoilt.named, strict=True)
        for one in group.members
        if named.isdisjoint(_escaped(one, group))
    ]
    assert missed == []


def test_the_audit_of_a_real_image_says_what_memory_said(spoilt: Spoilt) -> None:
    """Of every rule, not only of those that are broken on purpose."""
    for group, named in zip(spoilt.groups, spoilt.named, strict=True):
        results = judge(group.view, group.bench.expected, profile="strict", waivers=(), epoch=0)
        expected = {
            (result.rule.id, escape(at.path), at.line, escape(at.found))
            for result in results
            for at in result.judgement.breaches
        }
        assert expected == named


def test_verify_names_every_file_and_rule_of_the_fullest_image(built: Built, spoilt: Spoilt) -> None:
    """By the signed manifest, and by the rules of its profile."""
    group = spoilt.groups[0]
    gateway = group.bench.gateway
    directory = spoilt.fullest.parent / "release" / gateway
    directory.mkdir(parents=True)
    for name in ("manifest.json", "manifest.json.sig"):
        shutil.copy2(built.image(gateway).parent / name, directory)
    shutil.move(spoilt.fullest, directory / "image.img")
    signers = str(built.release / "allowed_signers")
    ran = doit(built.workspace, "verify", "-s", signers, "--json", str(directory))
    # 2 where one breakage makes a file unreadable that another rule passed on at the build: could not look is no pass.
    assert ran.status in (1, 2), ran.text
    (verdict,) = json.loads(ran.stdout)["verdicts"]
    deviations = [finding for finding in verdict["findings"] if finding["outcome"] == "deviation"]
    named = {finding["subject"] for finding in deviations}
    layer = layer_between(group.bench.view, group.view, group.bench.read)
    files = {escape(entry.path) for entry in layer.entries if isinstance(entry, FileEntry)}
    assert len(files) >= 50
    assert files - named == set()
    rules = {one.rule for one in group.members if BY_ID[one.rule].profile == "documents"}
    assert len(rules) >= 50
    assert {f"rule {rule}" for rule in rules} - {finding["check"] for finding in deviations} == set()
