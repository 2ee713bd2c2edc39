"""Start scripts: what the shell would run, found without running it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.java import start_script
from pipeline.transforms.esf.framework.start import harden
from tests.support.esf import kura6

SCRIPT = r"""#!/bin/sh
# java -Xdebug -jar in a comment
DIR=$(cd $(dirname "$0")/..; pwd)
export JAVA_OPTS="-Xmx1g -verbose:gc" ONE='two three'
if java -version 2>&1 | grep -q '"1.8'; then echo 'java -Xdebug -jar quoted'; fi
cat <<EOF
java -Xdebug -jar in-a-here-document.jar
EOF
nohup "${JAVA_HOME}"/bin/java -Xms512m \
    -Da="b c" -D'd=$e' $JAVA_OPTS --add-modules java.sql \
	-jar ${DIR}/plugins/org.eclipse.osgi.jar -console 5002 >>/var/log/a.log 2>>/var/log/b.log &
echo $! > /var/run/kura.pid
"""


def test_the_command_that_starts_the_program_is_found() -> None:
    (command,) = start_script.java_commands(SCRIPT)
    assert command.program.value == "${JAVA_HOME}/bin/java"
    assert [word.value for word in command.options] == [
        "-Xms512m", "-Da=b c", "-Dd=$e", "$JAVA_OPTS", "--add-modules", "java.sql",
    ]  # fmt: skip
    assert [word.value for word in command.arguments] == [
        "-jar", "${DIR}/plugins/org.eclipse.osgi.jar", "-console", "5002",
    ]  # fmt: skip
    assert SCRIPT.splitlines()[command.line - 1].startswith("nohup")


def test_assignments() -> None:
    found = [(assignment.name, assignment.value, assignment.line) for assignment in start_script.assignments(SCRIPT)]
    assert found == [
        ("DIR", '$(cd $(dirname "$0")/..; pwd)', 3),
        ("JAVA_OPTS", "-Xmx1g -verbose:gc", 4),
        ("ONE", "two three", 4),
    ]


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("exec java -cp a.jar:b.jar org.example.Main -verbose", ["-cp", "a.jar:b.jar"]),
        ("A=1 env B=2 /usr/bin/java -server Main", ["-server"]),
        ("(cd / && java -jar x)", []),
        ("$JAVA -Xmx1g -jar x", ["-Xmx1g"]),
        ("java @options -jar x", ["@options"]),
        ("while true; do java -jar x; done", []),
        ("java \\\n\\\n -Xint \\\n -jar x", ["-Xint"]),
    ],
)
def test_forms_of_commands(text: str, starts: list[str]) -> None:
    (command,) = start_script.java_commands(text)
    assert [word.value for word in command.options] == starts


@pytest.mark.parametrize(
    "text",
    ["java -version", "javac -jar x", "echo java -jar x", "which java", "JAVA=java", "", "'java -jar x'", "java"],
)
def test_no_program_is_started(text: str) -> None:
    assert start_script.java_commands(text) == ()


def test_words_are_taken_out_with_the_gap_before_them() -> None:
    text = "java -Xint \\\n\t-Xdebug \\\n\t-verbose:gc -jar x"
    (command,) = start_script.java_commands(text)
    gone = [(word, None) for word in command.options[1:]]
    assert start_script.with_words(text, gone) == "java -Xint -jar x"
    assert start_script.with_words(text, gone[:1]) == "java -Xint \\\n\t-verbose:gc -jar x"
    assert start_script.with_word_after(text, command.program, "-a") == text.replace("java", "java -a")


@pytest.mark.tools
@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        "A='x y'\njava -Dq=\"a\\\"b\\$c\" -Dr=a\\ b -D's'=\"t\"'u' -jar 'o ne.jar' 2>/dev/null",
        'java -Da=$(echo "b )c") -Db=`echo d e` -jar x',
        "java -Da=${HOME:-\"q }\"} -jar x <<'EOF' -after\nnothing\nEOF\n",
    ],
)
def test_a_shell_splits_into_the_same_words(text: str, tmp_path: Path) -> None:
    """The commands of a script, run by a real shell with a java that prints its arguments."""
    shell = shutil.which("sh")
    assert shell
    java = tmp_path / "java"
    java.write_text('#!/bin/sh\nfor a in "$@"; do printf "%s\\0" "$a"; done\n')
    java.chmod(0o755)
    (command,) = start_script.java_commands(text)
    # The words as we cut them out of the text, each given to the same shell on its own.
    words = [text[word.start : word.end] for word in (*command.options, *command.arguments)]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "JAVA_HOME": "/j", "HOME": "/h", "DIR": "/d"}

    def given_to_java(script: str) -> bytes:
        return subprocess.run(
            [shell, "-c", script], env=environment, capture_output=True, check=True, cwd=tmp_path
        ).stdout

    line = text[command.program.end : max(word.end for word in (*command.options, *command.arguments))]
    assert given_to_java("java " + " ".join(words)) == given_to_java("java" + line.replace("<<'EOF'", ""))
    for word in (*command.options, *command.arguments):
        if not any(mark in word.value for mark in "$`"):
            assert given_to_java("java " + text[word.start : word.end]) == word.value.encode() + b"\0"


@given(st.text(alphabet="java -X\\\"'`$(){}<>|&;#=\n\tjar", max_size=60))
def test_no_crash_and_no_loss_on_arbitrary_text(text: str) -> None:
    for command in start_script.java_commands(text):
        for word in command.options:
            assert 0 <= word.start < word.end <= len(text)
        assert start_script.with_words(text, []) == text
    start_script.assignments(text)


def test_java_in_a_variable_that_is_evaluated() -> None:
    (command,) = start_script.java_commands(kura6.SCRIPT)
    assert [word.value for word in command.options[:3]] == ["-Xms512m", "-Xmx512m", "$DEBUG_OPTS"]
    assert "-Dorg.eclipse.kura.core.crypto.secretKey=$KURA_CRYPTO_SECRET_KEY" in [w.value for w in command.options]
    assert [word.value for word in command.arguments[:1]] == ["-jar"]
    assert kura6.SCRIPT.splitlines()[command.line - 1].startswith('COMMAND="')
    for word in (*command.options, *command.arguments):
        assert kura6.SCRIPT[word.start : word.end].replace('"', "") == word.value
    assert start_script.java_commands(kura6.SCRIPT.replace("exec java", "exec $JVM")) == ()


@pytest.mark.tools
def test_a_hardened_script_of_kura_6_is_still_one(tmp_path: Path) -> None:
    hardened = harden(kura6.SCRIPT)
    assert harden(hardened) == hardened
    assert "-Xdebug" not in hardened
    assert "jdwp" not in hardened
    assert "-XX:HeapDumpPath=/var" not in hardened
    # Run by bash itself, with a java that says what it was given.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/start.sh").write_text(hardened.replace("/tmp/.kura", str(tmp_path / "k")))  # noqa: S108
    for name, text in (("java", 'printf "%s\\n" "$@"\n'), ("gen_config_ini.sh", ""), ("pgrep", "")):
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
        "KURA_DEBUG_MODE": "true",
        "KURA_CRYPTO_SECRET_KEY": "k" * 16,
    }
    text = (tmp_path / "bin/start.sh").read_text().replace("export PATH=/bin:/usr/bin:$PATH\n", "")
    (tmp_path / "bin/start.sh").write_text(text)
    done = subprocess.run(
        ["bash", str(tmp_path / "bin/start.sh")], capture_output=True, text=True, check=True, env=environment
    )
    told = done.stdout.splitlines()
    assert told[0] == "-XX:HeapDumpPath=/dev/null"
    assert f"-Dorg.eclipse.kura.core.crypto.secretKey={'k' * 16}" in told
    assert not [word for word in told if "jdwp" in word or word == "-Xdebug"]
