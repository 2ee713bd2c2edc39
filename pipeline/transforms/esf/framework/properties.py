"""``kura.properties``: keys other transforms want, and the limits of uploaded archives (B:421)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from pipeline.errors import Problem, raise_if_any
from pipeline.formats.java import start_script
from pipeline.formats.java.java_properties import Properties
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, LineOrigin, Origin
from pipeline.model.line_origins import kept, stretches
from pipeline.model.setting import PropertySetting
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.framework.scripts import found_scripts

# B:421: megabytes and number of files of an archive that the console unpacks, at most.
_ZIP_LIMITS = {"file.command.zip.max.size": 100, "file.command.zip.max.number": 1024}
_ZIP = Origin("framework.zip_limits", "vanilla: kura.properties", "B:421")


def set_properties(vanilla: Vanilla, settings: Sequence[PropertySetting]) -> Layer:
    """``kura.properties`` with the settings in it, readable by its owner only, since it holds keystore passwords.

    Raises:
        PipelineError: a key has another value in ``kura_custom.properties`` or as ``-D`` in a start script, which
            would silently win (formats 3.3); a start script reads another properties file; settings contradict.
    """
    layout = vanilla.layout
    properties = Properties.parse(vanilla.read(layout.properties), f"vanilla image: {layout.properties}")
    wanted = [*settings, *_zip_limits(properties)]
    raise_if_any([*_contradictions(wanted), *_overridden(vanilla, wanted), *_elsewhere(vanilla)])
    for setting in wanted:
        properties = properties.with_value(setting.key, setting.value)
    vain = [setting.key for setting in wanted if effective(vanilla, setting.key, properties) != setting.value]
    if vain:
        raise RuntimeError(f"settings that would not take effect: {vain}")
    uid, gid = vanilla.process_owner  # the only one who may read it, so it has to be
    origins = tuple(sorted({setting.origin for setting in wanted} | {_ZIP}))
    content = properties.render()
    lines = _lines(
        properties, {setting.key: setting.origin for setting in wanted}, content.count(b"\n"), layout.properties
    )
    return Layer.of(FileEntry(layout.properties, content, origins, 0o600, uid, gid, secret=True, lines=lines))


def _lines(properties: Properties, wanted: Mapping[str, Origin], count: int, path: GuestPath) -> tuple[LineOrigin, ...]:
    """Keys that were wanted belong to who wanted them, all other lines to the vanilla image."""
    owners = [kept(f"vanilla image: {path}")] * count
    for key, first, last in properties.places():
        if key in wanted:
            owners[first - 1 : last] = [wanted[key]] * (last - first + 1)
    return stretches(owners)


def effective(vanilla: Vanilla, key: str, properties: Properties | None = None) -> str | None:
    """A key's value in effect: kura.properties < kura_custom.properties < -D of the start scripts (formats 3.3).

    Args:
        properties: ``kura.properties`` as it is to be; the vanilla image's by default.
    """
    path = vanilla.layout.properties
    known = properties or Properties.parse(vanilla.read(path), f"vanilla image: {path}")
    value = known.get(key)
    for _, found in _overrides(vanilla, key):
        value = found
    return value


def _zip_limits(properties: Properties) -> Iterator[PropertySetting]:
    for key, most in _ZIP_LIMITS.items():
        if not _within(properties.get(key), most):
            yield PropertySetting(key, str(most), _ZIP)


def _within(value: str | None, most: int) -> bool:
    # Kura gives the text to parseInt as it is, blanks included (SystemServiceImpl, 4.1.2 line 917).
    return value is not None and value.isascii() and value.isdecimal() and 0 < int(value) <= most


def _contradictions(settings: Sequence[PropertySetting]) -> Iterator[Problem]:
    first: dict[str, PropertySetting] = {}
    for setting in settings:
        known = first.setdefault(setting.key, setting)
        if known.value != setting.value:
            yield Problem(
                f"kura.properties: {setting.key}: wanted differently by {known.origin.rule} ({known.origin.source}) "
                f"and {setting.origin.rule} ({setting.origin.source})",
                "change one of the two inputs",
            )


def _overridden(vanilla: Vanilla, settings: Sequence[PropertySetting]) -> Iterator[Problem]:
    wanted = {setting.key: setting for setting in settings}
    for key, setting in wanted.items():
        for place, value in _overrides(vanilla, key):
            if value != setting.value:
                yield Problem(
                    f"vanilla image: {place} sets {key}, which wins over the value wanted by {setting.origin.rule}",
                    f"take {key} out of {place}",
                )
    for key, most in _ZIP_LIMITS.items():
        for place, value in _overrides(vanilla, key):
            if key not in wanted and not _within(value, most):
                yield Problem(
                    f"vanilla image: {place} sets {key} to something else than 1 to {most} (B:421)",
                    f"take {key} out of {place}",
                )


def _overrides(vanilla: Vanilla, key: str) -> Iterator[tuple[str, str]]:
    """Places that win over kura.properties with what they say, the strongest last."""
    path = vanilla.layout.custom_properties
    content = vanilla.find(path)
    if content is not None:
        value = Properties.parse(content, f"vanilla image: {path}").get(key)
        if value is not None:
            yield path, value
    for script, option, line in _definitions(vanilla):
        name, _, value = option.partition("=")
        if name == key:
            yield f"{script} line {line} (-D)", value


def _definitions(vanilla: Vanilla) -> Iterator[tuple[GuestPath, str, int]]:
    """Every -D option of the start scripts, in variables too, without the -D."""
    for path, text in found_scripts(vanilla).items():
        for command in start_script.java_commands(text):
            for word in command.options:
                if word.value.startswith("-D"):
                    yield path, word.value[2:], command.line
        for assignment in start_script.assignments(text):
            for option in assignment.value.split():
                if option.startswith("-D"):
                    yield path, option[2:], assignment.line


def _elsewhere(vanilla: Vanilla) -> Iterator[Problem]:
    """A start script that reads other files than the layout says makes every edit vain."""
    layout = vanilla.layout
    expected = {"kura.configuration": layout.properties, "kura.custom.configuration": layout.custom_properties}
    for script, option, line in _definitions(vanilla):
        name, _, value = option.partition("=")
        path = expected.get(name)
        if path is None:
            continue
        relative = posixpath.relpath(path, layout.root)
        if not value.endswith(f"/{relative}"):
            yield Problem(
                f"vanilla image: {script} line {line}: -D{name} reads {value}, not {path}",
                f"correct the script, or the layout {layout.name}",
            )
