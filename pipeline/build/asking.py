"""Ask: the base's own programs judge the files of every gateway, once for each distinct content.

What a gateway has for itself is laid on a throw-away overlay of the base, so that the file a program reads is the one
the finished image has; verification compares the finished image's files with what was planned, digest by digest.
Answers are kept by what decides them: a new gateway whose files differ from known ones in addresses and names only asks
nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from pipeline.build import reading
from pipeline.build.keys import base_key
from pipeline.build.planned import device_plan_of, view_of_gateway
from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.host.digests import identity_of, write_atomically
from pipeline.host.locks import one_at_a_time
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.manifest.codec_readers import read_reader, reader_json
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.image_view import ImageView
from pipeline.model.manifest import ReaderFact
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.plan.image_plan import Plan
from pipeline.readers.asking import Case, ask_all
from pipeline.readers.questions import Asked, questions_of, shape
from pipeline.readers.shape import without_addresses

Ask = Callable[[Sequence[Case]], Sequence[Sequence[ReaderAnswer]]]

_UNKNOWN_DIGEST = "0" * 64  # of what was read: the manifest computes it from its own tree
_MOST_BEFORE = 16  # gateways that are asked with the base: more of them hardly ever bring a new shape


@dataclass(frozen=True)
class _Wanted:
    """A question of one gateway, without the image it is about."""

    asked: Asked
    key: str
    by_shape: bool


@dataclass(frozen=True)
class _Known:
    """An answer, and the gateway that was asked."""

    answer: ReaderAnswer
    gateway: str


def ask_in_session(workspace: Workspace, session: Session, device: str, say: Say) -> None:
    """Ask for the first gateways in an appliance that runs already and has the new base as a drive it cannot change.

    What is wrong with one gateway's inputs is told where that gateway is stamped.
    """
    disk, state_dir = reading.inputs_of(workspace).vanilla.disk, workspace.state / "appliance"
    cases = []
    for name in list(reading.gateways_of(workspace))[:_MOST_BEFORE]:
        with contextlib.suppress(PipelineError):
            plan = device_plan_of(workspace, name)
            cases.append((name, *_case(workspace, name, plan, view_of_gateway(workspace, plan))))
    with one_at_a_time(workspace.state / "answers.lock"):
        _ask(workspace, cases, lambda cases: ask_all(session, device, disk, cases, state_dir=state_dir, say=say))


def answers_of(workspace: Workspace, name: str, plan: Plan, view: ImageView, say: Say) -> tuple[ReaderAnswer, ...]:
    """One gateway's answers; the base image, as it is on the disk, is asked now what nobody has asked yet.

    Args:
        plan: of the gateway.
        view: the image as planned.
    """

    def in_appliance(cases: Sequence[Case]) -> Sequence[Sequence[ReaderAnswer]]:
        disk, state_dir = reading.inputs_of(workspace).vanilla.disk, workspace.state / "appliance"
        with launch([Drive(workspace.base, writable=False)], state_dir=state_dir, say=say) as session:
            return ask_all(session, session.devices[0], disk, cases, state_dir=state_dir, say=say)

    case, wanted = _case(workspace, name, plan, view)
    known = _read_known(workspace)
    if any(one.key not in known for one in wanted):
        # The other workers of a parallel build wait here and then find their answers.
        with one_at_a_time(workspace.state / "answers.lock"):
            known = _ask(workspace, [(name, case, wanted)], in_appliance)
    others = sorted({known[one.key].gateway for one in wanted if one.by_shape} - {name})
    if others:
        say(f"{name}: asked about {', '.join(others)}, whose files differ in addresses and names only")
    return tuple(_for_gateway(known[one.key].answer, one) for one in wanted)


def _ask(workspace: Workspace, wanted: Iterable[tuple[str, Case, list[_Wanted]]], ask: Ask) -> dict[str, _Known]:
    """Ask what is not known, each distinct question once, and keep the answers."""
    known = _read_known(workspace)
    cases: list[Case] = []
    keys: list[tuple[str, list[str]]] = []
    pending: set[str] = set()
    for name, case, questions in wanted:
        new = {one.key: one.asked for one in questions if one.key not in known and one.key not in pending}
        pending |= new.keys()
        if new:
            cases.append(replace(case, asked=tuple(new.values())))
            keys.append((name, list(new)))
    for (name, new_keys), answers in zip(keys, ask(cases) if cases else (), strict=True):
        known |= {key: _Known(answer, name) for key, answer in zip(new_keys, answers, strict=True)}
    if cases:
        told = {key: {**_json(one.answer), "gateway": one.gateway} for key, one in known.items()}
        content = {"key": base_key(workspace), "answers": told}
        write_atomically(workspace.answers, canonical_json.dumps(content), 0o600)
    return known


def _case(workspace: Workspace, name: str, plan: Plan, view: ImageView) -> tuple[Case, list[_Wanted]]:
    """Everything there is to ask of one gateway, each question with what decides its answer."""
    own = frozenset(entry.path for entry in plan.layer.files())
    asked = questions_of(view)
    words = _words_of(reading.gateway_of(workspace, name))
    wanted = [
        _Wanted(one, shape(view, one, own, words), any(GuestPath(path) in own for path in one.ask.read))
        for one in asked
    ]
    root = f"g{reading.position_of(workspace, name)}"
    return Case(root, view, plan.layer, asked), wanted


def _words_of(gateway: Gateway) -> tuple[str, ...]:
    """What is one gateway's own in its files besides addresses."""
    return (gateway.name, gateway.serial, *(value for value in vars(gateway).values() if isinstance(value, str)))


def _for_gateway(answer: ReaderAnswer, wanted: _Wanted) -> ReaderAnswer:
    """An answer given about one gateway's file, as one about another's of the same shape.

    It is the same for all gateways of the shape, whoever was asked: a manifest depends on its own gateway only.
    """
    ask = wanted.asked.ask
    message = answer.message.replace(answer.subject, ask.subject)
    if answer.verdict is ReaderVerdict.NO and wanted.by_shape:
        message = without_addresses(message)
    read = tuple(sorted(set(ask.read)))
    return replace(answer, subject=ask.subject, message=message, read=read, by_shape=wanted.by_shape)


def _read_known(workspace: Workspace) -> dict[str, _Known]:
    """What is known of this very base; of another one nothing is."""
    try:
        key, known = _kept(workspace.answers, identity_of(workspace.answers))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return dict(known) if key == base_key(workspace) else {}


@lru_cache(maxsize=1)
def _kept(file: Path, _identity: str) -> tuple[str, Mapping[str, _Known]]:
    """The base's key and the answers in a file, read once while the file stays what it is: every gateway asks."""
    content = json.loads(file.read_bytes())
    known = {
        str(key): _Known(read_reader(value).answer, str(value["gateway"])) for key, value in content["answers"].items()
    }
    return content["key"], known


def _json(answer: ReaderAnswer) -> dict[str, object]:
    return reader_json(ReaderFact(answer, _UNKNOWN_DIGEST))
