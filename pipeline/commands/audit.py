"""``doit audit``: judge any image by the rules, without a build."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from pipeline.commands.answering import or_say_why
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host.digests import write_atomically
from pipeline.host.progress import Progress
from pipeline.host.scratch import temporary_directory
from pipeline.image.appliance.session import Session
from pipeline.image.containers.prepare import prepare_raw
from pipeline.image.read.look import AT_ONCE, look_and_ask
from pipeline.inputs.layout_files import load_layouts
from pipeline.inputs.release_file import read_release
from pipeline.model.image_view import ImageView
from pipeline.model.reader_answer import ReaderAnswer
from pipeline.model.release import Release
from pipeline.model.rule import Audit, Expected
from pipeline.readers.asking import ask_image
from pipeline.readers.judging import READER_RULES, with_answers
from pipeline.report.machine.junit import junit
from pipeline.report.machine.rules_json import audit_status, rules_json
from pipeline.report.machine.sarif import sarif
from pipeline.report.text.rules_text import rules_text
from pipeline.rules.expectations import expected_of
from pipeline.rules.registry import PROFILES, RULES, judge, waiver_problems
from pipeline.verification.outside import with_outside

Say = Callable[[str], None]

_IMAGES = ("image.img", "image.img.zst", "image.img.xz", "image.img.gz")
_FORMATS: Mapping[str, Callable[[Sequence[Audit]], bytes]] = {
    "text": lambda audits: rules_text(audits).encode("utf-8"),
    "json": rules_json,
    "junit": junit,
    "sarif": sarif,
}


class AuditImages(Helping):
    """Judge images by the hardening rules."""

    name = "audit"
    doc_purpose = "judge any image by the hardening rules: vanilla, built, or somebody else's"
    doc_usage = "IMAGE ..."
    doc_description = (
        "IMAGE is a disk image, raw, qcow2 or compressed, or a gateway's directory under out/. It is only read. "
        "Exit status: 0 nothing failed that is not waived, 1 something did, 2 could not look."
    )
    cmd_options = (
        {
            "name": "profile",
            "short": "",
            "long": "profile",
            "type": str,
            "default": "",
            "choices": tuple((name, "") for name in PROFILES),
            "help": "documents (what the documents ask) or strict (public benchmarks too); default: the release's, "
            "or documents",
        },
        {
            "name": "config",
            "short": "c",
            "long": "config",
            "type": str,
            "default": "",
            "help": "judge by the decisions and waivers of this gateway.toml; without it by the documents alone",
        },
        {
            "name": "format",
            "short": "",
            "long": "format",
            "type": str,
            "default": "text",
            "choices": tuple((name, "") for name in _FORMATS),
            "help": "text, json, junit or sarif",
        },
        {
            "name": "output",
            "short": "o",
            "long": "output",
            "type": str,
            "default": "",
            "help": "write the report to this file instead of printing it",
        },
        {
            "name": "no_ask",
            "short": "",
            "long": "no-ask",
            "type": bool,
            "default": False,
            "help": "do not run the image's own programs in the appliance to ask them about their files; "
            "the report says so",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print the report, or write it."""
        return or_say_why(lambda: self._audit(opt_values, pos_args))

    def _audit(self, options: Mapping[str, object], paths: Sequence[str]) -> int:
        if not paths:
            raise PipelineError("nothing to audit", "doit audit IMAGE, or a gateway's directory under out/")
        images = [_image_of(Path(path)) for path in paths]
        release = None
        if options["config"]:
            release = read_release(Path(str(options["config"])), os.environ.get("SOURCE_DATE_EPOCH"))
        with Progress().running() as say:
            audits = audit_images(images, release, profile=str(options["profile"]), say=say, ask=not options["no_ask"])
        report = _FORMATS[str(options["format"])](audits)
        if options["output"]:
            write_atomically(Path(str(options["output"])), report, 0o644)
        else:
            sys.stdout.write(report.decode("utf-8"))
        if release is not None:
            for problem in _idle_waivers(release, audits):
                sys.stderr.write(f"{problem}\n")
        return audit_status(audits)


def audit_images(
    images: Sequence[Path],
    release: Release | None,
    *,
    profile: str = "",
    say: Say,
    name_of: Callable[[Path], str] = str,
    ask: bool = True,
) -> tuple[Audit, ...]:
    """Look at images, several with one start of the appliance, and judge each.

    Args:
        release: whose decisions and waivers count; None judges by the documents alone.
        profile: instead of the release's.
        ask: the images' own programs, in the appliance, about the files they read.

    Raises:
        PipelineError: an image could not be looked at; nothing is said of any then.
    """
    layouts = load_layouts()
    audits = []
    for start in range(0, len(images), AT_ONCE):
        batch = images[start : start + AT_ONCE]
        # Private, because the copies hold every secret of the images.
        with temporary_directory("audit-") as place:
            raws = [Path(place) / f"disk-{number}.img" for number in range(len(batch))]
            for image, raw in zip(batch, raws, strict=True):
                prepare_raw(image, raw, say)
            looks = look_and_ask(
                raws, layouts, partial(_ask if ask else _nobody, Path(place), say), state_dir=Path(place), say=say
            )
            for image, raw, (view, answers) in zip(batch, raws, looks, strict=True):
                seen = with_outside(view, _expected(release), raw, image.parent)
                audits.append(audit_view(name_of(image), seen, release, profile=profile, answers=answers))
    return tuple(audits)


def _ask(place: Path, say: Say, session: Session, device: str, view: ImageView) -> tuple[ReaderAnswer, ...] | None:
    return ask_image(session, device, view, state_dir=place, say=say)


def _nobody(place: Path, say: Say, session: Session, device: str, view: ImageView) -> tuple[ReaderAnswer, ...] | None:
    del place, say, session, device, view
    return None


def audit_view(
    subject: str,
    view: ImageView,
    release: Release | None,
    *,
    profile: str = "",
    answers: Sequence[ReaderAnswer] | None = None,
) -> Audit:
    """Judge what was seen of one image.

    Args:
        answers: of the image's own programs; None when nobody asked them.
    """
    rules = None if release is None else release.rules
    chosen = profile or (rules.profile if rules else PROFILES[0])
    results = judge(
        view,
        _expected(release),
        profile=chosen,
        waivers=rules.waivers if rules else (),
        epoch=release.epoch if release else 0,
        also=rules.also if rules else (),
    )
    if answers is not None:
        results = with_answers(
            results, answers, waivers=rules.waivers if rules else (), epoch=release.epoch if release else 0
        )
    return Audit(subject, _about(view), chosen, results, asked=answers is not None)


def _expected(release: Release | None) -> Expected:
    return Expected() if release is None else expected_of(release)


def _about(view: ImageView) -> str:
    system = view.os_release.get("PRETTY_NAME") or view.os_release.get("ID") or "unknown system"
    product = f"{view.layout.product} {view.esf_version}".strip() if view.layout else "no ESF"
    return f"{system}, {view.init or 'unknown'} init, {product}"


def _idle_waivers(release: Release, audits: Sequence[Audit]) -> tuple[Problem, ...]:
    results = [result for audit in audits for result in audit.results]
    return waiver_problems(release.rules.waivers, results, (*RULES, *READER_RULES))


def _image_of(path: Path) -> Path:
    """The image file a user means; a gateway's directory has one."""
    if path.is_dir():
        for name in _IMAGES:
            if (path / name).is_file():
                return path / name
        raise_if_any([Problem(f"{path}: no image in this directory", f"it should hold {_IMAGES[0]}; name the file")])
    if not path.is_file():
        raise PipelineError(f"{path}: no such image", "check the path")
    return path
