"""The release engineer's own files: plain ones for all gateways, templates for each."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.model.gateway import Gateway
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, combine
from pipeline.model.overlay import Overlay, OverlayFile, OverlayLink
from pipeline.model.release import Release

Texts = list[bytes]
Bounded = Callable[[str, Callable[[], Texts]], Texts]
"""Does what renders templates with limits of time and memory: what it is about, and the work."""

_LONGEST_STRAIGHT = 64 << 10
_STRAIGHT = frozenset(
    {
        *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const),
        *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    }
)
_NAME = "template"  # what jinja2 calls our text in tracebacks


def copy(overlays: Iterable[Overlay]) -> Layer:
    """Plain files, links and directories; two overlays that differ on one path are an error that names both."""
    layers: list[Layer] = []
    for overlay in overlays:
        layers.extend(Layer((_file(file, file.content),)) for file in overlay.files if not file.template)
        layers.extend(Layer((_link(link),)) for link in overlay.links)
        origins = (Origin("overlays.directory", f"overlays: {overlay.name}"),)
        layers.extend(Layer((DirEntry(path, origins, mode, uid, gid),)) for path, mode, uid, gid in overlay.directories)
    return combine(layers)


def unbounded(what: str, work: Callable[[], Texts]) -> Texts:  # noqa: ARG001 - the form of every `Bounded`
    """Without limits: for templates of our own."""
    return work()


@lru_cache(maxsize=256)
def is_straight(content: bytes) -> bool:
    """Whether a template takes no longer than its own length and its values: it has values and conditions only.

    No loop, call, filter, macro or arithmetic: a process of its own for each gateway would cost more than it does.
    """
    if len(content) > _LONGEST_STRAIGHT:
        return False
    try:
        parsed = ImmutableSandboxedEnvironment().parse(content.decode("utf-8"))
    except (UnicodeDecodeError, TemplateError, RecursionError):
        return False
    waiting: list[nodes.Node] = [parsed]
    while waiting:
        node = waiting.pop()
        if type(node) not in _STRAIGHT:
            return False
        waiting += node.iter_child_nodes()
    return True


def render(overlays: Iterable[Overlay], gateway: Gateway, release: Release, bounded: Bounded = unbounded) -> Layer:
    """Templates with the values of one gateway; they see nothing secret.

    Args:
        bounded: keeps a template that does not end from keeping the build.

    Raises:
        PipelineError: every template that asks for a value there is none of, or that is not a template, with its line.
    """
    values = _values(gateway, release)
    layers: list[Layer] = []
    problems: list[Problem] = []
    for file in (file for overlay in overlays for file in overlay.files if file.template):
        try:
            limits = unbounded if is_straight(file.content) else bounded
            (content,) = limits(file.source, lambda file=file: [_rendered(file, values)])  # type: ignore[misc]
            layers.append(Layer((_file(file, content),)))
        except PipelineError as error:
            problems.extend(Problem(f"{gateway.name}: {problem.what}", problem.remedy) for problem in error.problems)
    raise_if_any(problems)
    return combine(layers)


def _values(gateway: Gateway, release: Release) -> Mapping[str, object]:
    return {
        "gateway": {
            "name": gateway.name,
            "serial": gateway.serial,
            "interfaces": {name: asdict(interface) for name, interface in sorted(gateway.interfaces.items())},
            "variables": dict(gateway.variables),
            "mac": gateway.mac,
            "imei": gateway.imei,
            "iccid": gateway.iccid,
            "client_id": gateway.client_id,
            "site": gateway.site,
            "labels": dict(gateway.labels),
        },
        "release": {
            "name": release.name,
            "epoch": release.epoch,
            "ssh_port": release.ssh.port,
            "console_user": release.console.username,
        },
    }


def _rendered(file: OverlayFile, values: Mapping[str, object]) -> bytes:
    # The files are configuration, not HTML: escaping would change them.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    # Random text and random choices would make every build another one.
    environment.globals.pop("lipsum")
    environment.filters.pop("random")
    try:
        text = file.content.decode("utf-8")
        code = environment.compile(text, filename=_NAME)
        template = environment.template_class.from_code(environment, code, environment.globals)
        return template.render(values).encode("utf-8")
    except UnicodeDecodeError:
        raise PipelineError(f"{file.source}: not UTF-8", "save the template as UTF-8") from None
    except TemplateError as error:
        raise PipelineError(
            f"{file.source} line {_line(error)}: {error.message}",
            "correct the template, or give the value in the inventory (overlay.toml says what templates know)",
        ) from None
    except RecursionError:
        raise PipelineError(f"{file.source}: it calls itself without an end", "correct the template") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise PipelineError(f"{file.source} line {_line(error)}: {error}", "correct the template") from None


def _line(error: Exception) -> int:
    """The line of the template an error comes from; jinja2 puts it into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _NAME]
    return frames[-1] or 0 if frames else 0  # frames of a template's own code


def _file(file: OverlayFile, content: bytes) -> FileEntry:
    rule = "overlays.template" if file.template else "overlays.file"
    origins = (Origin(rule, file.source),)
    return FileEntry(file.path, content, origins, file.mode, file.uid, file.gid, secret=file.secret)


def _link(link: OverlayLink) -> LinkEntry:
    return LinkEntry(link.path, link.target, (Origin("overlays.link", link.source),))
