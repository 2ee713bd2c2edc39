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
OURS = re.compile(
    r"\./ci/bootstrap doit (build|doctor|inspect|verify --deep --allowed-signers \"\$\(ls [^)]*\)\" out/\*)"
)
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
    others = {command for command in found if not OURS.fullmatch(command)}
    assert all(command == CHECKOUT or command.startswith(("cat out/", "gh api ")) for command in others), others
    done = {match[1].split()[0] for command in found if (match := OURS.fullmatch(command))}
    assert {"build", "doctor", "verify"} <= done


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


def test_github_uses_kvm_where_it_is_said_to_be_and_keeps_and_shows_results() -> None:
    value = read("github-actions.yml")
    # YAML 1.1 takes the bare word "on" for true; GitHub does not.
    assert set(value) == {"name", True, "permissions", "concurrency", "jobs"}
    build, results = value["jobs"]["build"], value["jobs"]["results"]
    assert "vars.GATEWAY_IMAGES_KVM == '1'" in build["container"]["options"]
    assert "force_tcg" in build["env"]["LIBGUESTFS_BACKEND_SETTINGS"]
    release, reports = (step["with"] for step in build["steps"] if "upload-artifact" in step.get("uses", ""))
    # Images hold passwords and go after days; reports hold none and may stay.
    assert "out/\n" in release["path"]
    assert release["retention-days"] <= 3
    assert "image" not in reports["path"]
    shown = " ".join(step.get("run", "") for step in results["steps"])
    assert "report.sarif" in shown
    assert "release-notes.txt" in shown


def test_actions_are_pinned_by_commit_and_githubs_own() -> None:
    """A tag can be moved by whoever owns the action; what it would get to see here are signed images with passwords."""
    used = re.findall(r"uses: (\S+)(.*)", (CI / "github-actions.yml").read_text("utf-8"))
    assert used
    for name, comment in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name), name
        assert re.search(r"# v\d+\.\d+\.\d+", comment), name


def test_gitlab_has_kvm_and_tcg_and_keeps_and_shows_results() -> None:
    value = read("gitlab-ci.yml")
    for name, job in value.items():
        if "extends" in job:
            assert job["extends"] in value, name
        if "stage" in job:
            assert job["stage"] in value["stages"]
    assert value["build with KVM"]["tags"] == ["kvm"]
    assert value["build without KVM"]["variables"] == {"LIBGUESTFS_BACKEND_SETTINGS": "force_tcg"}
    assert value[".build"]["artifacts"]["paths"] == ["out/", ".demo/keys/allowed_signers"]
    assert (value[".build"]["artifacts"]["access"], value[".build"]["artifacts"]["expire_in"]) == (
        "maintainer",
        "3 days",
    )
    assert value[".build"]["artifacts"]["reports"] == {"junit": "out/*/junit.xml"}
