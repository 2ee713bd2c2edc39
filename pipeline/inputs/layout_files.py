"""Reads the layouts that ship with the pipeline: where each product generation keeps its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.inputs.toml_table import Table, load
from pipeline.model.guest_path import GuestPath
from pipeline.model.layout import Layout

_DIRECTORY = Path(__file__).resolve().parents[1] / "layouts"
_PATH = r"(/[A-Za-z0-9._+-]+)+"
_WORD = r"[A-Za-z0-9][A-Za-z0-9 .+-]*"
_VERSION = r"[0-9]+(\.[0-9]+)*"


def load_layouts(directory: Path = _DIRECTORY) -> tuple[Layout, ...]:
    """All layouts of a directory, by name; `PipelineError` lists every fault of every file."""
    problems: list[Problem] = []
    layouts: dict[str, Layout] = {}
    for file in sorted(directory.glob("*.toml")):
        layout = _layout(Table(file.name, load(file, "layout"), problems))
        if layout.name != file.stem:
            problems.append(Problem(f"{file.name} name: is not the name of the file", f'write name = "{file.stem}"'))
        layouts[layout.name] = layout
    raise_if_any(problems)
    if not layouts:
        raise PipelineError(f"{directory}: no layouts here", "install the pipeline again; its layouts are missing")
    return tuple(layouts[name] for name in sorted(layouts))


@lru_cache(maxsize=4)
def layouts_with(certificates: str) -> tuple[Layout, ...]:
    """All layouts; those whose keystore of bundle signers nobody has published have it where the user says.

    Args:
        certificates: path in the image; empty when the user says nothing.
    """
    layouts = load_layouts()
    if not certificates:
        return layouts
    named = GuestPath(certificates)
    return tuple(replace(layout, certificates=named) if layout.lacks_certificates else layout for layout in layouts)


def require_known(layout: Layout, certificates: str) -> None:
    """Refuse a path that the user names where the layout has another one, or none at all."""
    if not certificates or layout.certificates == GuestPath(certificates):
        return
    where = f"{layout.certificates}" if layout.certificates else "no file of its own"
    raise PipelineError(
        f"gateway.toml [keystores] certificates: {layout.product} {layout.versions[0]} to {layout.versions[-1]} keeps "
        f"its bundle signers in {where} (layout {layout.name})",
        "remove the key; it is only for releases whose keystore no document describes",
    )


def choose_layouts(name: str, certificates: str = "") -> tuple[Layout, ...]:
    """The layout of this name, or all of them for ``auto``: inspection then finds out which one an image has.

    Args:
        certificates: as `layouts_with` takes it.
    """
    layouts = layouts_with(certificates)
    if name == "auto":
        return layouts
    chosen = tuple(layout for layout in layouts if layout.name == name)
    if not chosen:
        raise PipelineError(
            f"{name}: no such layout", f"choose one of: auto, {', '.join(layout.name for layout in layouts)}"
        )
    return chosen


def _layout(table: Table) -> Layout:
    layout = Layout(
        name=table.text("name", form=r"[a-z0-9-]+", meaning="a name"),
        product=table.text("product", form=_WORD, meaning="a product's name"),
        versions=table.texts("versions", form=_VERSION, meaning="a version such as 5.0"),
        generation=table.choice("generation", "A", ("A", "B", "C")),
        root=_path(table, "root"),
        snapshots=_path(table, "snapshots"),
        packages=_path(table, "packages"),
        dpa=_path(table, "dpa"),
        properties=_path(table, "properties"),
        custom_properties=_path(table, "custom_properties"),
        policy=_optional(table, "policy"),
        policy_backup=_optional(table, "policy_backup"),
        cacerts=_path(table, "cacerts"),
        certificates=_optional(table, "certificates"),
        kuranet=_optional(table, "kuranet"),
        restore=_path(table, "restore"),
        start_scripts=_paths(table, "start_scripts"),
        network_truth=table.choice("network_truth", "files", ("files", "snapshot")),
        console_auth=table.choice("console_auth", "plain", ("plain", "useradmin")),
        console_ports=_ports(table, "console_ports"),
        keystore_model=table.choice("keystore_model", "property", ("property", "service")),
        owner=table.text("owner", form=r"[0-9]+|[a-z_][a-z0-9_-]*", meaning="a user's number or name"),
        markers=_paths(table, "markers"),
        framework_accepts_ec=table.boolean("framework_accepts_ec", default=False),
        framework_accepts_sha384=table.boolean("framework_accepts_sha384", default=False),
    )
    for key, value in (("versions", layout.versions), ("start_scripts", layout.start_scripts)):
        if not value:
            table.wrong(key, "is missing or empty", f"add {key} = [ … ]")
    table.close()
    return layout


def _path(table: Table, key: str) -> GuestPath:
    text = table.text(key, form=_PATH, meaning="an absolute path")
    return _checked(table, key, text) or GuestPath("/")


def _optional(table: Table, key: str) -> GuestPath | None:
    return _checked(table, key, table.text(key, "", form=_PATH, meaning="an absolute path"))


def _paths(table: Table, key: str) -> tuple[GuestPath, ...]:
    found = (_checked(table, key, text) for text in table.texts(key, form=_PATH, meaning="an absolute path"))
    return tuple(path for path in found if path is not None)


def _checked(table: Table, key: str, text: str) -> GuestPath | None:
    """The text as a path; None when it is empty or, noted, not canonical."""
    try:
        return GuestPath(text) if text else None
    except ValueError:
        table.wrong(key, "has . or .. in it", "write the path without them")
        return None


def _ports(table: Table, key: str) -> tuple[int, ...]:
    values: Sequence[object] = table.items(key)
    ports = tuple(value for value in values if isinstance(value, int) and 0 < value < 65536)
    if not ports or len(ports) != len(values):
        table.wrong(key, "must be port numbers", "write numbers from 1 to 65535 in square brackets")
    return ports
