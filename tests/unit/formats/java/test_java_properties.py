"""Properties files are read as Java reads them, and edited without touching anything else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.java.java_properties import Properties

# What java.util.Properties.load makes of each; the same table is shown to Java itself below.
TABLE: tuple[tuple[bytes, dict[str, str]], ...] = (
    (b"a=b", {"a": "b"}),
    (b"a = b \n", {"a": "b "}),
    (b"a:b\n", {"a": "b"}),
    (b"a b\n", {"a": "b"}),
    (b"a\tb=c\n", {"a": "b=c"}),
    (b"a  :  b\n", {"a": "b"}),
    (b"a == b\n", {"a": "= b"}),
    (b"  a=b\n\tc=d\n", {"a": "b", "c": "d"}),
    (b"# a=b\n ! c=d\n", {}),
    (b"# a \\\nb=c\n", {"b": "c"}),
    (b"a=b\\\n   c\n", {"a": "bc"}),
    (b"a=b\\\r\n   c\r\nd=e", {"a": "bc", "d": "e"}),
    (b"a=b\rc=d\r", {"a": "b", "c": "d"}),
    (b"a=b\\\\\nc=d\n", {"a": "b\\", "c": "d"}),
    (b"a=b\\\n# c\nd=e\n", {"a": "b# c", "d": "e"}),
    (b"\\\n   \n#x\na=b\n", {"a": "b"}),
    (b"\\\n#x=y\na=b\n", {"a": "b"}),
    (b"a\\=b=c\n", {"a=b": "c"}),
    (b"a\\ b c\n", {"a b": "c"}),
    (b"a\\\n b=c\n", {"ab": "c"}),
    (b"key\n", {"key": ""}),
    (b"key=\n", {"key": ""}),
    (b"=v\n", {"": "v"}),
    (b"heater=file\\:/opt/x.dp\n", {"heater": "file:/opt/x.dp"}),
    (b"a=\\u201Cx\\u201d\\t\\n\\q\n", {"a": "\u201cx\u201d\t\nq"}),
    (b"a=\\ud83d\\ude00\n", {"a": "\U0001f600"}),
    (b"a=\xe9\n", {"a": "\xe9"}),
    (b"a=1\nb=2\na=3\n", {"a": "3", "b": "2"}),
    (b"a=b\\", {"a": "b"}),
    (b"a=b\\\n", {"a": "b"}),
    (b"a=b\\\n\nc=d", {"a": "b", "c": "d"}),
    (b"\n\n \x0c\na=b\n", {"a": "b"}),
    (b"a=b\x0cc\n", {"a": "b\x0cc"}),
)


@pytest.mark.parametrize(("content", "expected"), TABLE)
def test_read_as_java_reads(content: bytes, expected: dict[str, str]) -> None:
    properties = Properties.parse(content)
    assert dict(properties.items()) == expected
    assert properties.render() == content
    assert all(properties.get(key) == value for key, value in expected.items())


@pytest.mark.parametrize("content", [b"a=\\u12\n", b"a=\\u12g4\n", b"ok=1\n\\u=x\n"])
def test_a_malformed_escape_is_named_with_its_line(content: bytes) -> None:
    with pytest.raises(PipelineError, match=r"kura.properties: line \d: malformed"):
        Properties.parse(content, "kura.properties")


def test_only_the_edited_line_changes() -> None:
    content = b"# about\r\nkura.name = ESF\r\nkura.long=a,\\\r\n   b\r\nurl: x\r\n"
    edited = (
        Properties.parse(content)
        .with_value("kura.name", "own")
        .with_value("kura.long", "c")
        .with_value("new", " \u20ac")
    )
    assert edited.render() == b"# about\r\nkura.name = own\r\nkura.long=c\r\nurl: x\r\nnew=\\ \\u20ac\r\n"
    assert edited.without("kura.long").render() == b"# about\r\nkura.name = own\r\nurl: x\r\nnew=\\ \\u20ac\r\n"


def test_the_line_in_effect_is_replaced_and_its_shadowed_twins_go() -> None:
    edited = Properties.parse(b"a=1\nb=2\na=3\n#\n").with_value("a", "4")
    assert edited.render() == b"b=2\na=4\n#\n"


def test_a_dangling_backslash_does_not_swallow_what_is_appended() -> None:
    for content in (b"a=b\\", b"a=b\\\n", b"a=b", b"# x \\", b"\\"):
        edited = Properties.parse(content).with_value("c", "d")
        assert Properties.parse(edited.render()).get("c") == "d"


def test_secrets_are_not_in_the_repr() -> None:
    assert "geheim" not in repr(Properties.parse(b"password=geheim\n"))


KEYS = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=12)


@given(st.dictionaries(KEYS, KEYS, max_size=6), st.binary(max_size=60))
def test_what_is_set_is_read_back(values: dict[str, str], start: bytes) -> None:
    try:
        properties = Properties.parse(start)
    except PipelineError:
        return
    assert properties.render() == start
    kept = dict(properties.items())
    for key, value in values.items():
        properties = properties.with_value(key, value)
    again = Properties.parse(properties.render())
    assert dict(again.items()) == kept | values
    assert again.render() == properties.render()


_JAVA = """
import java.io.*; import java.nio.file.*; import java.util.*;
public class Load {
  public static void main(String[] names) throws Exception {
    for (String name : names) {
      Properties p = new Properties();
      try (InputStream in = Files.newInputStream(Path.of(name))) { p.load(in); }
      StringBuilder line = new StringBuilder();
      for (String key : new TreeSet<>(p.stringPropertyNames()))
        line.append(hex(key)).append('=').append(hex(p.getProperty(key))).append(' ');
      System.out.println(line);
    }
  }
  static String hex(String text) throws Exception {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes("UTF-16BE")) out.append(String.format("%02x", b));
    return out.toString();
  }
}
"""


@pytest.mark.tools
def test_java_itself_agrees(tmp_path: Path) -> None:
    java = shutil.which("java")
    assert java, "java is needed: apt-get install openjdk-17-jdk-headless"
    (tmp_path / "Load.java").write_text(_JAVA)
    contents = [content for content, _ in TABLE]
    contents += [
        Properties.parse(content).with_value("k \u20ac:=", " v\\\n#\U0001f600 ").render() for content, _ in TABLE
    ]
    names = []
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.properties").write_bytes(content)
        names.append(f"{number}.properties")
    done = subprocess.run([java, "Load.java", *names], cwd=tmp_path, capture_output=True, text=True, check=True)

    def coded(text: str) -> str:
        return text.encode("utf-16-be", "surrogatepass").hex()

    expected = [
        "".join(f"{coded(key)}={coded(value)} " for key, value in sorted(Properties.parse(content).items()))
        for content in contents
    ]
    assert done.stdout.splitlines() == expected
