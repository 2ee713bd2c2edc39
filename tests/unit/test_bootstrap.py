"""The bootstrap: installs what is missing and nothing else, starts at once when nothing is, and says what it cannot do.

The real script runs in a checkout of its own, on a machine made of links to the few programs it may call, with an apt,
a sudo and a Python that write down what is asked of them. Real packages are installed by CI, which starts through it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = "sh true sha256sum readlink id mktemp rm tee chmod grep tail env ln flock uname cat mkdir cp".split()

PYTHON = """#!/bin/sh
echo "python $*" >>"$LOG"
case "$*" in
*version_info*) echo "$PYTHON_IS" ;;
*__file__*) echo "$MACHINE/guestfs.py"; echo "$MACHINE/libguestfsmod.so" ;;
*platlib*) echo "${0%/bin/python}/lib" ;;
*"-m venv"*)
    for venv; do :; done
    mkdir -p "$venv/bin" "$venv/lib" && cp "$0" "$venv/bin/python"
    if [ -p "$MACHINE/gate" ]; then read -r _ <"$MACHINE/gate"; fi ;;
*"$PIP_FAILS"*) exit 1 ;;
esac
"""
APT = """#!/bin/sh
echo "apt-get $* $DEBIAN_FRONTEND" >>"$LOG"
echo "policy $(sh "$MACHINE/policy-rc.d" >/dev/null 2>&1; echo $?)" >>"$LOG"
echo chatter
case "$*" in
*" install "*) [ ! -e "$MACHINE/apt-fails" ] || exit 100; cp "$MACHINE/bin/sh" "$MACHINE/bin/tool" ;;
esac
"""
SUDO = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
"""


@dataclass
class Machine:
    """A checkout with the real script, and the machine it believes to be on."""

    at: Path
    checkout: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        """What was asked of apt and Python since the last look."""
        log = self.at / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def program(self, name: str, text: str) -> None:
        path = self.at / "bin" / name
        path.unlink(missing_ok=True)  # never write through a link to a real program
        path.write_text(text)
        path.chmod(0o755)

    def command(self, *words: str) -> list[str]:
        return [str(self.checkout / "ci" / "bootstrap"), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), cwd=self.at, env=self.environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    at = tmp_path / "a machine"
    checkout = at / "check out"
    (at / "bin").mkdir(parents=True)
    (checkout / "ci").mkdir(parents=True)
    (checkout / "pipeline").mkdir()
    script = (ROOT / "ci" / "bootstrap").read_text()
    for real, ours in (
        ("python=/usr/bin/python3\n", f"python='{at}/bin/python3'\n"),
        ("policy=/usr/sbin/policy-rc.d\n", f"policy='{at}/policy-rc.d'\n"),
        # One directory without blanks stands for the search path, which is split at blanks.
        ('search_path="/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin"\n', "search_path=bin\n"),
    ):
        assert real in script
        script = script.replace(real, ours)
    (checkout / "ci" / "bootstrap").write_text(script)
    (checkout / "ci" / "bootstrap").chmod(0o755)
    (checkout / "ci" / "packages-build.txt").write_text("# none\n\nbase  sh,env,/*  # always there\n")
    (checkout / "ci" / "packages-test.txt").write_text("")
    for name in ("ci/requirements.lock", "ci/requirements-test.lock", "pyproject.toml", "pipeline/__init__.py"):
        (checkout / name).write_text("")
    made = Machine(at, checkout)
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found
        (at / "bin" / name).symlink_to(found)
    made.program("python3", PYTHON)
    made.environment = {
        "PATH": f"{at}/bin",
        "LOG": f"{at}/log",
        "MACHINE": str(at),
        "PIP_FAILS": "nothing",
        "PYTHON_IS": "3.11 True",
    }
    return made


def want_tool(machine: Machine, name: str = "packages-build.txt") -> None:
    path = machine.checkout / "ci" / name
    path.write_text(path.read_text() + "tools  tool,sh  # wanted\n")


def with_apt(machine: Machine) -> None:
    machine.program("apt-get", APT)
    machine.program("sudo", SUDO)


def test_first_run_makes_the_environment_and_the_second_calls_nothing(machine: Machine) -> None:
    assert machine.run("sh", "-c", "exit 0").returncode == 0
    calls = "\n".join(machine.calls)
    assert "-m venv" in calls
    assert f"--require-hashes -r {machine.checkout}/ci/requirements.lock" in calls
    assert f"--editable {machine.checkout}" in calls
    assert "requirements-test" not in calls
    links = sorted(path.name for path in (machine.checkout / ".venv" / "lib").iterdir())
    assert links == ["guestfs.py", "libguestfsmod.so"]
    assert machine.run("sh", "-c", "exit 0").returncode == 0
    assert machine.calls == []


def test_command_runs_where_the_caller_is_with_its_words_and_status(machine: Machine) -> None:
    script = 'pwd; echo "$VIRTUAL_ENV"; echo "${PATH%%:*}"; echo "[$1][$2]"; exit 7'
    done = machine.run("sh", "-c", script, "x", "a b", "")
    venv = f"{machine.checkout}/.venv"
    assert done.stdout.splitlines() == [str(machine.at), venv, f"{venv}/bin", "[a b][]"]
    assert done.returncode == 7


def test_files_of_the_environment_are_readable_whatever_the_umask_and_the_command_keeps_it(machine: Machine) -> None:
    words = machine.command("sh", "-c", "umask")
    command = ["sh", "-c", 'umask 077; exec "$@"', "x", *words]
    done = subprocess.run(command, cwd=machine.at, env=machine.environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0077"
    assert (machine.checkout / ".venv" / "stamp-venv").stat().st_mode & 0o777 == 0o644


def test_changed_lock_remakes_the_environment_and_changed_project_only_the_project(machine: Machine) -> None:
    machine.run("sh", "-c", ":")
    assert machine.calls
    (machine.checkout / "pyproject.toml").write_text("changed")
    machine.run("sh", "-c", ":")
    project_only = machine.calls
    assert len(project_only) == 1
    assert "--editable" in project_only[0]
    (machine.checkout / "ci" / "requirements.lock").write_text("changed")
    machine.run("sh", "-c", ":")
    assert any("-m venv" in call for call in machine.calls)


def test_changed_lock_of_the_tests_installs_only_that(machine: Machine) -> None:
    machine.program("pytest", "#!/bin/sh\n")
    machine.run("pytest")
    assert machine.calls
    (machine.checkout / "ci" / "requirements-test.lock").write_text("changed")
    machine.run("sh", "-c", ":")
    assert machine.calls == []
    machine.run("pytest")
    again = machine.calls
    assert len(again) == 1
    assert "requirements-test.lock" in again[0]


def test_environment_made_with_a_python_that_came_only_then_is_kept(machine: Machine) -> None:
    python = machine.at / "bin" / "python3"
    python.rename(machine.at / "bin" / "python3.11")
    (machine.checkout / "ci" / "packages-build.txt").write_text("python3  python3  # the system's\n")
    with_apt(machine)
    machine.program("apt-get", APT + 'ln -sf python3.11 "$MACHINE/bin/python3"\n')
    assert machine.run("sh", "-c", ":").returncode == 0
    assert any("-m venv" in call for call in machine.calls)
    assert machine.run("sh", "-c", ":").returncode == 0
    assert machine.calls == []


def test_moved_checkout_remakes_the_environment(machine: Machine) -> None:
    machine.run("sh", "-c", ":")
    assert machine.calls
    machine.checkout = machine.checkout.rename(machine.at / "moved")
    assert machine.run("sh", "-c", ":").returncode == 0
    assert any(f"-m venv {machine.checkout}/.venv" in call for call in machine.calls)


def test_environment_that_was_not_finished_is_made_again(machine: Machine) -> None:
    machine.environment["PIP_FAILS"] = "--require-hashes"
    assert machine.run("sh", "-c", "echo ran").stdout == ""
    machine.environment["PIP_FAILS"] = "nothing"
    assert machine.run("sh", "-c", "echo ran").stdout == "ran\n"


@pytest.mark.parametrize("words", [("doit", "test"), ("pytest", "-q"), ("ruff", "check"), ("mypy",)])
def test_what_only_tests_need_is_installed_for_tests(machine: Machine, words: tuple[str, ...]) -> None:
    want_tool(machine, "packages-test.txt")
    machine.program(words[0], "#!/bin/sh\necho ran\n")
    assert "tools: tool" in machine.run(*words).stderr
    machine.program("tool", "")
    assert machine.run(*words).stdout == "ran\n"
    assert any("requirements-test.lock" in call for call in machine.calls)


@pytest.mark.parametrize("words", [("doit", "build"), ("doit",), ("doit", "plan", "test"), ("sh", "-c", ":")])
def test_what_only_tests_need_is_not_installed_for_anything_else(machine: Machine, words: tuple[str, ...]) -> None:
    want_tool(machine, "packages-test.txt")
    machine.program("doit", "#!/bin/sh\n")
    assert machine.run(*words).returncode == 0
    assert not any("requirements-test.lock" in call for call in machine.calls)


def test_without_apt_it_names_exactly_what_is_missing_and_does_nothing(machine: Machine) -> None:
    want_tool(machine)
    done = machine.run("sh", "-c", "echo ran")
    assert done.returncode == 69
    assert done.stdout == ""
    assert done.stderr.splitlines()[1:-1] == ["  tools: tool"]
    assert machine.calls == []
    assert not (machine.checkout / ".venv").exists()


def test_file_that_no_pattern_finds_is_missing_too(machine: Machine) -> None:
    (machine.checkout / "ci" / "packages-build.txt").write_text("kernel-@arch@  /nonexistent/*/virtio.ko*  # k\n")
    machine.program("dpkg", "#!/bin/sh\necho arm64\n")
    assert "  kernel-arm64: /nonexistent/*/virtio.ko*\n" in machine.run("sh", "-c", ":").stderr


def test_apt_is_asked_once_for_what_is_missing_and_services_stay_down(machine: Machine) -> None:
    want_tool(machine)
    with_apt(machine)
    done = machine.run("sh", "-c", "echo ran")
    assert done.stdout == "ran\n"
    assert "chatter" not in done.stderr
    apt = [call for call in machine.calls if not call.startswith("python")]
    assert [line.split()[-2:] for line in apt[::2]] == [["update", "noninteractive"], ["tools", "noninteractive"]]
    assert "--no-install-recommends" in apt[2]
    assert apt[1::2] == ["policy 101"] * 2
    assert not (machine.at / "policy-rc.d").exists()
    machine.run("sh", "-c", ":")
    assert machine.calls == []


def test_policy_of_the_machine_is_left_as_it_is(machine: Machine) -> None:
    want_tool(machine)
    with_apt(machine)
    own = "#!/bin/sh\nexit 104\n"
    (machine.at / "policy-rc.d").write_text(own)
    assert machine.run("sh", "-c", ":").returncode == 0
    assert "policy 104" in machine.calls
    assert (machine.at / "policy-rc.d").read_text() == own


def test_failure_of_apt_is_shown_and_leaves_nothing_behind(machine: Machine) -> None:
    want_tool(machine)
    with_apt(machine)
    (machine.at / "apt-fails").touch()
    done = machine.run("sh", "-c", "echo ran")
    assert done.returncode == 69
    assert "chatter" in done.stderr
    assert "could not install: tools" in done.stderr
    assert done.stdout == ""
    assert not (machine.at / "policy-rc.d").exists()


def test_package_that_does_not_bring_its_program_is_an_error(machine: Machine) -> None:
    (machine.checkout / "ci" / "packages-build.txt").write_text("tools  another  # wanted\n")
    with_apt(machine)
    done = machine.run("sh", "-c", "echo ran")
    assert done.returncode == 69
    assert "still not found:\n  tools: another\n" in done.stderr


def test_without_root_and_sudo_it_says_what_root_should_do(machine: Machine) -> None:
    want_tool(machine)
    machine.program("apt-get", APT)
    machine.program("id", "#!/bin/sh\necho 1000\n")
    done = machine.run("sh", "-c", ":")
    assert done.returncode == 69
    assert "as root: apt-get install --no-install-recommends tools" in done.stderr


def test_old_python_is_refused(machine: Machine) -> None:
    machine.environment["PYTHON_IS"] = "3.9 False"
    done = machine.run("sh", "-c", ":")
    assert done.returncode == 69
    assert "Python 3.11 or later is needed" in done.stderr


def test_without_a_command_it_tells_its_usage(machine: Machine) -> None:
    done = machine.run()
    assert done.returncode == 64
    assert "usage:" in done.stderr
    assert machine.calls == []


def test_of_two_at_once_one_waits_and_finds_the_work_done(machine: Machine) -> None:
    os.mkfifo(machine.at / "gate")

    def start() -> subprocess.Popen[str]:
        words = machine.command("sh", "-c", "echo ran")
        pipe = subprocess.PIPE
        return subprocess.Popen(
            words, cwd=machine.at, env=machine.environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    with start() as first, start() as second:
        try:
            assert first.stderr is not None
            assert second.stderr is not None
            said = {first.stderr.readline(), second.stderr.readline()}
            assert said == {
                "ci/bootstrap: making the virtual environment .venv\n",
                "ci/bootstrap: waiting for another bootstrap in this checkout\n",
            }
            (machine.at / "gate").write_text("go\n")
            assert first.communicate(timeout=20)[0] == "ran\n"
            assert second.communicate(timeout=20)[0] == "ran\n"
        finally:
            for process in (first, second):
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
    assert sum("-m venv" in call for call in machine.calls) == 1


# ---- the locks


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "ci" / name).read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", text, re.MULTILINE))


def requirements(name: str) -> Iterator[str]:
    text = (ROOT / "ci" / name).read_text().replace("\\\n", " ")
    yield from (line for line in text.splitlines() if line and not line.lstrip().startswith("#"))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_lock_pins_every_line_by_digest_and_names_no_index(name: str) -> None:
    lines = list(requirements(name))
    assert len(lines) == len(locked(name)) > 5
    assert all(re.match(r"\S+==\S+( ; .*?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*$", line) for line in lines)
    text = (ROOT / "ci" / name).read_text()
    assert "://" not in text
    assert "--index" not in text


def test_locks_agree_and_hold_what_the_project_declares_without_what_has_to_be_compiled() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, test = locked("requirements.lock"), locked("requirements-test.lock")
    assert all(test[name] == version for name, version in runtime.items() if name in test)
    declared = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    assert declared | {"pyjks", "setuptools"} <= set(runtime)
    assert "twofish" not in runtime | test
    # pyjks would bring it along.
    assert "pyjks" not in declared
    for name in ("requirements", "requirements-test"):
        asked = {line.split()[0] for line in requirements(f"{name}.in")}
        assert asked <= set(runtime | test)
