"""Build a release of deltas: the base once, every gateway that is not current, one pass of comparing, then names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TextIO

from pipeline.build import reading
from pipeline.build.fleet_fitness import require_fit_for_deltas
from pipeline.build.keys import base_key, device_key
from pipeline.errors import PipelineError, Problem
from pipeline.fleet import base as fleet_base
from pipeline.fleet import publishing
from pipeline.fleet.context import Context, context_of
from pipeline.fleet.gateway import MANIFEST, judge_gateway
from pipeline.fleet.leaks import require_clean_base, require_no_leaks, wanted_of
from pipeline.fleet.ledger import forget_entry, is_intact, read_entry
from pipeline.fleet.pace import Pacing
from pipeline.fleet.work import Done, Job, Worker
from pipeline.host.digests import key_of
from pipeline.host.progress import Say
from pipeline.host.workspace import Workspace
from pipeline.image.containers import delta
from pipeline.signing.keys import signers

_CHUNK = 10  # gateways given to a process at a time

_JOB: Job | None = None
"""Of a worker process, which is forked from the one that knows it."""
_WORKER: Worker | None = None
"""Of such a process, made with its first gateways; closed when it ends."""


def is_built(workspace: Workspace) -> bool:
    """Whether the release holds every gateway of the inventory of the inputs as they are, untouched."""
    names = tuple(reading.gateways_of(workspace))
    entry = read_entry(workspace, fleet_base.ENTRY)
    if entry is None or entry.key != fleet_base.base_entry_key(workspace, names):
        return False
    keys = keys_of(workspace, names, entry.files[MANIFEST])
    return (
        publishing.is_published(workspace, fleet_base.ENTRY, entry.key)
        and all(publishing.is_published(workspace, name, key) for name, key in keys.items())
        and publishing.is_released(workspace, names)
    )


def keys_of(workspace: Workspace, names: Sequence[str], base: str) -> dict[str, str]:
    """What each gateway's delta and manifest depend on.

    Args:
        base: SHA-256 of the base manifest, which its own names.
    """
    shared = base_key(workspace)
    return {
        name: key_of(device=device_key(workspace, reading.gateway_of(workspace, name), base=shared), manifest=base)
        for name in names
    }


def build_fleet(workspace: Workspace, say: Say, workers: int | None = None, lines: TextIO | None = None) -> None:
    """Make what is not current, compare everything once, publish.

    Args:
        workers: processes; None for one a processor.
        lines: where programs are told how far it is, see `pipeline.fleet.pace`; None for nowhere.

    Raises:
        PipelineError: a gateway cannot be made; those that could are kept and not made again.
    """
    workspace.make_state()
    require_fit_for_deltas(workspace)
    names = tuple(reading.gateways_of(workspace))
    publishing.require_publishable(workspace, names)
    say("reading what all gateways share")
    context = context_of(workspace)
    signer = signers.open_manifest_signer(reading.keyring_of(workspace), context.release.manifest_key)
    candidates = workspace.fleet / "candidates"
    first = judge_gateway(context, names[0])
    key = fleet_base.base_entry_key(workspace, names)
    fresh = not _is_made(workspace, fleet_base.ENTRY, key)
    if fresh:
        fleet_base.make_base(context, first, key, signer, candidates / fleet_base.ENTRY, say)
    base = fleet_base.base_manifest_in(_place_of(workspace, fleet_base.ENTRY), workspace)
    keys = keys_of(workspace, names, base.sha256)
    waiting = [name for name in names if not _is_made(workspace, name, keys[name])]
    for name in waiting:
        forget_entry(workspace, name)
    job = Job(context, base, {name: keys[name] for name in waiting}, candidates)
    wanted = wanted_of(workspace)
    if fresh:
        say("looking into the base: two readers, and the search for secrets")
        publishing.look_at_base(context)
        require_clean_base(context, wanted)
    pacing = Pacing(len(waiting), say, lines)
    _make_all(job, waiting, workers if workers is not None else os.cpu_count() or 1, pacing)
    unpublished = [name for name in names if not publishing.is_in_release(workspace, name)]
    say(f"comparing {len(names)} gateways, looking for secrets in {len(unpublished)} deltas")
    searched = require_no_leaks(context, wanted, _deltas(context, unpublished))
    publishing.compare(workspace, names)
    publishing.publish(workspace, names, unpublished, base, searched, say)


def _is_made(workspace: Workspace, name: str, key: str) -> bool:
    """Whether a record and its files, waiting or published, are of the inputs as they are."""
    entry = read_entry(workspace, name)
    return entry is not None and entry.key == key and is_intact(_place_of(workspace, name), entry)


def _place_of(workspace: Workspace, name: str) -> Path:
    candidate = workspace.fleet / "candidates" / name
    return candidate if candidate.is_dir() else workspace.result(reading.release_of(workspace).name, name)


def _deltas(context: Context, names: Sequence[str]) -> Iterator[tuple[str, Mapping[int, bytes]]]:
    for name in names:
        place = _place_of(context.workspace, name)
        packed = delta.Delta((place / delta.IMAGE).read_bytes(), (place / delta.MAP).read_bytes())
        yield name, delta.unpack(packed, size=context.size, name=name)


def _make_all(job: Job, names: Sequence[str], workers: int, pacing: Pacing) -> None:
    problems: list[Problem] = []
    for one in _results(job, names, workers):
        problems += one.problems
        pacing.ended(failed=bool(one.problems))
    if problems:
        raise PipelineError.of(problems)


def _results(job: Job, names: Sequence[str], workers: int) -> Iterator[Done]:
    if workers <= 1 or len(names) <= 2:
        if names:
            with Worker(job) as worker:
                yield from map(worker.make, names)
        return
    global _JOB  # noqa: PLW0603 - handed to the workers by fork, once, instead of pickled for each task
    _JOB = job
    size = max(1, min(_CHUNK, -(-len(names) // workers)))
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as executor:
        yield from drive(executor, _work_in_process, [names[at : at + size] for at in range(0, len(names), size)])


def drive(
    executor: Executor, task: Callable[[Sequence[str]], list[Done]], shards: Sequence[Sequence[str]]
) -> Iterator[Done]:
    """Run shards on any executor of `concurrent.futures`; results as they come."""
    futures: dict[Future[list[Done]], Sequence[str]] = {executor.submit(task, shard): shard for shard in shards}
    for future in as_completed(futures):
        yield from future.result()


def _work_in_process(names: Sequence[str]) -> list[Done]:
    global _WORKER  # noqa: PLW0603 - kept for the gateways after these
    if _WORKER is None:
        if _JOB is None:
            raise AssertionError("a worker is forked from a process that has the job")
        _WORKER = Worker(_JOB)
        Finalize(None, _WORKER.close, exitpriority=1)
    return [_WORKER.make(name) for name in names]
