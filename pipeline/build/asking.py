"""Ask: the base's own programs judge the files of every gateway, once for each distinct content.

What a gateway has for itself is laid on a throw-away overlay of the base, so that the file a program reads is the one
the finished image has; verification compares the finished image's files with what was planned, digest by digest.
Answers are kept by what decides them: a new gateway whose files differ from known ones in addresses and names only asks
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.build import reading
from pipeline.build.keys import base_key, device_key
from pipeline.build.planned import device_plan_of, view_of_gateway
from pipeline.errors import PipelineError
from pipeline.formats import canonical_json
from pipeline.host.digests import write_atomically
from pipeline.host.locks import one_at_a_time
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.appliance.session import Drive, Session, launch
from pipeline.manifest.codec_readers import read_reader, reader_json
from pipeline.model.gateway import Gateway
from pipeline.model.guest_path import GuestPath
from pipeline.model.manifest import ReaderFact
from pipeline.model.reader_answer import ReaderAnswer, ReaderVerdict
from pipeline.readers.asking import Case, ask_all
from pipeline.readers.questions import Asked, questions_of, shape
from pipeline.readers.shape import without_addresses

Ask = Callable[[Sequence[Case]], Sequence[Sequence[ReaderAnswer]]]

_UNKNOWN_DIGEST = "0" * 64  # of what was read: the manifest computes it from its own tree


@dataclass(frozen=True)
class _Wanted:
    """A question of one gateway, without the image it is about."""

    asked: Asked
    key: str
    by_shape: bool


def ask_gateways(workspace: Workspace, say: Say) -> None:
    """Ask the base image, as it is on the disk, what has not been asked yet; one start of the appliance."""

    def in_appliance(cases: Sequence[Case]) -> Sequence[Sequence[ReaderAnswer]]:
        state_dir = workspace.state / "appliance"
        disk = reading.inputs_of(workspace).vanilla.disk
        with launch([Drive(workspace.base, writable=False)], state_dir=state_dir, say=say) as session:
            return ask_all(session, session.devices[0], disk, cases, state_dir=state_dir, say=say)

    # The other workers of a parallel build wait here and then find their gateway's answers.
    with one_at_a_time(workspace.state / "answers.lock"):
        _ask(workspace, _unasked(workspace), in_appliance, say)


def ask_in_session(workspace: Workspace, session: Session, device: str, say: Say) -> None:
    """The same in an appliance that runs already and has the new base as a drive it cannot change.

    What is wrong with one gateway's inputs is told where that gateway is stamped.
    """
    disk = reading.inputs_of(workspace).vanilla.disk
    state_dir = workspace.state / "appliance"
    names = [name for name in _unasked(workspace) if _can_be_planned(workspace, name)]
    _ask(workspace, names, lambda cases: ask_all(session, device, disk, cases, state_dir=state_dir, say=say), say)


def answers_of(workspace: Workspace, name: str, say: Say) -> tuple[ReaderAnswer, ...]:
    """One gateway's answers; asked for now where they are not known."""
    found = _stored(workspace, name)
    if found is None:
        ask_gateways(workspace, say)
        found = _stored(workspace, name)
    if found is None:
        raise PipelineError(f"{name}: its inputs changed while its programs were asked", "start the build again")
    return found


def _can_be_planned(workspace: Workspace, name: str) -> bool:
    try:
        device_plan_of(workspace, name)
    except PipelineError:
        return False
    return True


def _unasked(workspace: Workspace) -> list[str]:
    return [name for name in reading.gateways_of(workspace) if _stored(workspace, name) is None]


def _ask(workspace: Workspace, names: Iterable[str], ask: Ask, say: Say) -> None:
    (workspace.state / "answers").mkdir(mode=0o700, parents=True, exist_ok=True)
    known = _read_shapes(workspace)
    cases: list[Case] = []
    keys: list[list[str]] = []
    wanted: dict[str, list[_Wanted]] = {}
    pending: dict[str, str] = {}
    for name in names:
        case, wanted[name] = _case(workspace, name)
        new: dict[str, Asked] = {}
        for one in wanted[name]:
            if one.key not in known and one.key not in pending:
                pending[one.key] = name
                new[one.key] = one.asked
        if new:
            cases.append(replace(case, asked=tuple(new.values())))
            keys.append(list(new))
    for case_keys, answers in zip(keys, ask(cases) if cases else (), strict=True):
        known |= dict(zip(case_keys, answers, strict=True))
    write_atomically(_shapes_file(workspace), canonical_json.dumps(_shapes_json(workspace, known)), 0o600)
    for name, questions in wanted.items():
        answers = [_for_gateway(known[one.key], one) for one in questions]
        _store(workspace, name, answers)
        others = sorted({pending[one.key] for one in questions if pending.get(one.key, name) != name})
        if others:
            say(f"{name}: asked about {', '.join(others)}, whose files differ in addresses and names only")


def _case(workspace: Workspace, name: str) -> tuple[Case, list[_Wanted]]:
    """Everything there is to ask of one gateway, each question with what decides its answer."""
    gateway = reading.gateway_of(workspace, name)
    plan = device_plan_of(workspace, name)
    view = view_of_gateway(workspace, plan)
    own = frozenset(entry.path for entry in plan.layer.files())
    asked = questions_of(view)
    words = _words_of(gateway)
    wanted = [
        _Wanted(one, shape(view, one, own, words), any(GuestPath(path) in own for path in one.ask.read))
        for one in asked
    ]
    root = f"g{list(reading.gateways_of(workspace)).index(name)}"
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


def _shapes_file(workspace: Workspace) -> Path:
    return workspace.state / "answers" / ".shapes.json"


def _shapes_json(workspace: Workspace, known: Mapping[str, ReaderAnswer]) -> dict[str, object]:
    return {"key": base_key(workspace), "answers": {key: _json(answer) for key, answer in known.items()}}


def _read_shapes(workspace: Workspace) -> dict[str, ReaderAnswer]:
    """What is known of this very base; of another one nothing is."""
    try:
        content = json.loads(_shapes_file(workspace).read_bytes())
        if content["key"] != base_key(workspace):
            return {}
        return {str(key): read_reader(value).answer for key, value in content["answers"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _store(workspace: Workspace, name: str, answers: Sequence[ReaderAnswer]) -> None:
    key = device_key(workspace, reading.gateway_of(workspace, name))
    content = {"key": key, "answers": [_json(answer) for answer in answers]}
    write_atomically(workspace.state / "answers" / f"{name}.json", canonical_json.dumps(content), 0o600)


def _stored(workspace: Workspace, name: str) -> tuple[ReaderAnswer, ...] | None:
    try:
        content = json.loads((workspace.state / "answers" / f"{name}.json").read_bytes())
        if content["key"] != device_key(workspace, reading.gateway_of(workspace, name)):
            return None
        return tuple(read_reader(value).answer for value in content["answers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _json(answer: ReaderAnswer) -> dict[str, object]:
    return reader_json(ReaderFact(answer, _UNKNOWN_DIGEST))
