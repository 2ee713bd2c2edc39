"""The templates for CI servers: YAML a server can read, and every command in them is one of ours."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

CI = Path(__file__).resolve().parents[2] / "ci"
OURS = re.compile(r"\./ci/bootstrap doit (build|doctor|verify --deep out/\*)")
# A bare container has no git, without which nothing can be checked out.
CHECKOUT = "apt-get update && apt-get install --yes --no-install-recommends ca-certificates git"


def read(name: str) -> dict[Any, Any]:
    value = yaml.safe_load((CI / name).read_text("utf-8"))
    assert isinstance(value, dict)
    return value


def commands(value: object) -> Iterator[str]:
    """Everything a server would run."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("run", "script", "before_script", "after_script"):
                yield from inner if isinstance(inner, list) else [inner]
            else:
                yield from commands(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from commands(inner)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_commands_are_ours_and_do_the_whole_job(name: str) -> None:
    found = list(commands(read(name)))
    assert [command for command in found if not OURS.fullmatch(command)] in ([], [CHECKOUT])
    done = {match[1].split()[0] for command in found if (match := OURS.fullmatch(command))}
    assert done == {"build", "doctor", "verify"}


def test_what_they_call_exists() -> None:
    project = tomllib.loads((CI.parent / "pyproject.toml").read_text("utf-8"))
    entries = project["project"]["entry-points"]["doit.COMMAND"]
    for name in ("doctor", "verify"):
        module, _, command = entries[name].partition(":")
        assert getattr(import_module(module), command).name == name
    verify = import_module("pipeline.commands.verify").Verify
    assert "deep" in {option.get("long") for option in verify.cmd_options}
    assert callable(import_module("pipeline.tasks").task_build)
    assert os.access(CI / "bootstrap", os.X_OK)


def test_github_has_kvm_and_tcg_and_keeps_and_shows_results() -> None:
    value = read("github-actions.yml")
    # YAML 1.1 takes the bare word "on" for true; GitHub does not.
    assert set(value) == {"name", True, "permissions", "concurrency", "jobs"}
    build, results = value["jobs"]["build"], value["jobs"]["results"]
    assert [one["accelerator"] for one in build["strategy"]["matrix"]["include"]] == ["kvm", "tcg"]
    kept = next(step["with"] for step in build["steps"] if "upload-artifact" in step.get("uses", ""))
    assert kept["path"] == "out/"
    shown = [step["with"] for step in results["steps"]]
    assert {"report_paths": "out/*/junit.xml", "include_passed": True} in shown
    assert any(step.get("sarif_file") == "out" for step in shown)


def test_gitlab_has_kvm_and_tcg_and_keeps_and_shows_results() -> None:
    value = read("gitlab-ci.yml")
    for name, job in value.items():
        if "extends" in job:
            assert job["extends"] in value, name
        if "stage" in job:
            assert job["stage"] in value["stages"]
    assert value["build with KVM"]["tags"] == ["kvm"]
    assert value["build without KVM"]["variables"] == {"LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
    assert value[".build"]["artifacts"]["paths"] == ["out/", ".demo/keys/*.pub"]
    assert value[".build"]["artifacts"]["reports"] == {"junit": "out/*/junit.xml"}
