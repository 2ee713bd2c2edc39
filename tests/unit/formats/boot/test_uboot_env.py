"""The environment as U-Boot's own tools make and read it."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.boot.uboot_env import UbootEnvError, change, parse, render
from tests.support.uboot import SIZE, an_environment

PAIRS = {"bootcmd": "run a; bootz ${loadaddr}", "bootdelay": "2", "empty": "", "ethaddr": "00:11:22:33:44:55"}


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
@pytest.mark.parametrize("flags", [None, 0, 1, 255])
def test_one_variable_changes_and_nothing_else(flags: int | None, fill: bytes) -> None:
    before = parse(an_environment(PAIRS, flags=flags, fill=fill))
    after = parse(render(change(before, {"bootdelay": "-2"})))
    assert after.copies[0].flags == flags
    assert after.get("bootdelay") == "-2"
    assert list(after.current.pairs) == [
        (name.encode(), (b"-2" if name == "bootdelay" else value.encode())) for name, value in PAIRS.items()
    ]
    assert render(before) == an_environment(PAIRS, flags=flags, fill=fill)
    assert render(change(after, {"bootdelay": "-2"})) == render(after)


@pytest.mark.parametrize(
    ("first", "second", "current"),
    [(1, 2, "second"), (2, 1, "first"), (255, 0, "second"), (0, 255, "first"), (1, 1, "first")],
)
def test_of_two_copies_the_newer_is_in_use_and_both_are_written(first: int, second: int, current: str) -> None:
    data = an_environment({"which": "first", "bootdelay": "2"}, flags=first) + an_environment(
        {"which": "second", "bootdelay": "3"}, flags=second
    )
    environment = parse(data)
    assert environment.get("which") == current
    after = parse(render(change(environment, {"bootdelay": "0"})))
    assert [dict(copy.pairs)[b"bootdelay"] for copy in after.copies] == [b"0", b"0"]
    assert [copy.flags for copy in after.copies] == [first, second]


def test_a_broken_copy_becomes_like_the_good_one() -> None:
    data = an_environment({"bootdelay": "2"}, flags=7) + b"\xff" * SIZE
    after = parse(render(change(parse(data), {"bootdelay": "0"})))
    assert [(copy.valid, copy.flags) for copy in after.copies] == [(True, 7), (True, 6)]
    assert after.get("bootdelay") == "0"


def test_a_variable_that_was_not_there_is_added() -> None:
    assert parse(render(change(parse(an_environment({})), {"bootdelay": "0"}))).get("bootdelay") == "0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * SIZE,
        b"\xff" * SIZE,
        an_environment(PAIRS)[:-1],
        an_environment(PAIRS) + b"\0",
        b"\0" + an_environment(PAIRS)[1:],
        an_environment(PAIRS)[:-1] + b"\1",
    ],
)
def test_what_u_boot_would_not_accept_is_refused(data: bytes) -> None:
    with pytest.raises(UbootEnvError):
        parse(data)


@pytest.mark.parametrize("body", [b"nonsense\0\0".ljust(SIZE - 4, b"\0"), b"never=".ljust(SIZE - 4, b"x")])
def test_a_list_that_is_none_is_refused_in_spite_of_its_crc(body: bytes) -> None:
    with pytest.raises(UbootEnvError):
        parse(zlib.crc32(body).to_bytes(4, "little") + body)


@pytest.mark.parametrize("values", [{"a=b": "c"}, {"": "c"}, {"a": "b\0c"}, {"a": "x" * SIZE}])
def test_what_does_not_fit_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(UbootEnvError):
        change(parse(an_environment(PAIRS)), values)


def test_the_last_byte_can_be_used() -> None:
    environment = parse(an_environment({"bootdelay": "2"}))
    room = SIZE - 4 - len(b"bootdelay=2\0a=\0\0")
    assert parse(render(change(environment, {"a": "x" * room}))).get("a") == "x" * room
    with pytest.raises(UbootEnvError, match="no room"):
        change(environment, {"a": "x" * (room + 1)})


_NAME = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="="), min_size=1, max_size=10)
_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=0x24F), max_size=10)


@given(st.dictionaries(_NAME, _VALUE, max_size=8), st.sampled_from([None, 0, 255]))
def test_reading_and_writing_are_inverse(pairs: dict[str, str], flags: int | None) -> None:
    data = an_environment(pairs, flags=flags)
    assert render(parse(data)) == data
    assert {name.decode(): value.decode() for name, value in parse(data).current.pairs} == pairs


@given(st.binary(max_size=100))
def test_no_bytes_make_the_reader_crash(data: bytes) -> None:
    with pytest.raises(UbootEnvError):
        parse(data)


@pytest.mark.tools
@pytest.mark.parametrize("redundant", [False, True])
def test_fw_printenv_agrees(tmp_path: Path, redundant: bool) -> None:
    text = tmp_path / "env.txt"
    text.write_text("".join(f"{name}={value}\n" for name, value in PAIRS.items() if value))
    made = tmp_path / "made"
    flag = ["-r"] if redundant else []
    subprocess.run(["mkenvimage", *flag, "-s", str(SIZE), "-o", made, text], check=True, timeout=30)
    data = made.read_bytes() * (2 if redundant else 1)
    assert render(parse(data)) == data
    image = tmp_path / "uboot.env"
    image.write_bytes(render(change(parse(data), {"bootdelay": "0"})))
    config = tmp_path / "fw_env.config"
    lines = [f"{image} {number * SIZE:#x} {SIZE:#x}\n" for number in range(2 if redundant else 1)]
    config.write_text("".join(lines))
    done = subprocess.run(["fw_printenv", "-c", config], capture_output=True, text=True, check=True, timeout=30)
    assert sorted(done.stdout.splitlines()) == sorted(
        f"{name}={'0' if name == 'bootdelay' else value}" for name, value in PAIRS.items() if value
    )
