"""Java's own parsers, used the way the reference describes the gateway's loader, agree with ours on every case."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pipeline.formats.esf import esf_snapshot
from tests.unit.transforms.esf.snapshot.test_loader import MALFORMED, VALID

_JAVA = """
import java.io.*; import java.nio.charset.*; import java.nio.file.*; import java.util.*;
import javax.xml.parsers.*; import org.w3c.dom.*; import org.xml.sax.*;

public class Look {
  public static void main(String[] names) throws Exception {
    for (String name : names) {
      String outcome;
      try {
        outcome = look(new String(Files.readAllBytes(Path.of(name)), StandardCharsets.US_ASCII));
      } catch (Exception lost) {
        outcome = "LOST";
      }
      System.out.println(outcome);
    }
  }

  static String look(String text) throws Exception {
    DocumentBuilder parser = DocumentBuilderFactory.newInstance().newDocumentBuilder();
    parser.setErrorHandler(null);
    Document document = parser.parse(new InputSource(new StringReader(text)));
    NodeList found = document.getElementsByTagName("esf:configuration");
    TreeMap<String, TreeMap<String, String>> all = new TreeMap<>();
    for (int i = 0; i < found.getLength(); i++) {
      Element configuration = (Element) found.item(i);
      TreeMap<String, String> values = new TreeMap<>();
      List<Element> children = below(configuration);
      if (!children.isEmpty()) {
        for (Element property : below(children.get(children.size() - 1))) {
          String value = value(property);
          if (value != null) values.put(hex(property.getAttribute("name")), value);
        }
      }
      all.put(hex(configuration.getAttribute("pid")), values);
    }
    return all.toString();
  }

  static String value(Element property) throws Exception {
    List<String> texts = new ArrayList<>();
    for (Element child : below(property)) texts.add(child.getTextContent());
    boolean array = Boolean.parseBoolean(property.getAttribute("array"));
    boolean encrypted = Boolean.parseBoolean(property.getAttribute("encrypted"));
    String type = property.getAttribute("type");
    if (!Set.of("String", "Long", "Double", "Float", "Integer", "Byte", "Char", "Boolean", "Short", "Password")
        .contains(type)) return null;
    if (!array) return type + typed(type, texts.get(0), encrypted);
    StringBuilder out = new StringBuilder(type + "[]");
    for (String text : texts) out.append(typed(type, text, encrypted));
    return out.toString();
  }

  static String typed(String type, String text, boolean encrypted) throws Exception {
    switch (type) {
      case "Long": return " " + Long.parseLong(text);
      case "Integer": return " " + Integer.parseInt(text);
      case "Short": return " " + Short.parseShort(text);
      case "Byte": return " " + Byte.parseByte(text);
      case "Double": return " " + Double.doubleToLongBits(Double.parseDouble(text));
      case "Float": Float.parseFloat(text); return " " + Double.doubleToLongBits(Double.parseDouble(text));
      case "Boolean": return " " + Boolean.parseBoolean(text);
      case "Char": return " " + hex(String.valueOf(text.charAt(0)));
      case "Password":
        return " " + hex(encrypted ? new String(Base64.getDecoder().decode(text), "UTF-8") : text);
      default: return " " + hex(text);
    }
  }

  static List<Element> below(Element element) {
    List<Element> out = new ArrayList<>();
    NodeList nodes = element.getChildNodes();
    for (int i = 0; i < nodes.getLength(); i++)
      if (nodes.item(i).getNodeType() == Node.ELEMENT_NODE) out.add((Element) nodes.item(i));
    return out;
  }

  static String hex(String text) throws Exception {
    StringBuilder out = new StringBuilder("x");
    for (byte b : text.getBytes("UTF-16BE")) out.append(String.format("%02x", b));
    return out.toString();
  }
}
"""


def ours(raw: bytes) -> str:
    """What our loader makes of a document, in the words of the Java program."""
    loaded = esf_snapshot.load(raw, "B")
    if loaded.snapshot is None:
        nothing = loaded.malformations[-1].effect is esf_snapshot.Effect.LOADS_NOTHING
        return "{}" if nothing else "LOST"
    configurations = []
    for configuration in loaded.snapshot.configurations:
        found = sorted((_hex(prop.name), _property(prop)) for prop in configuration.properties)
        inner = ", ".join(f"{name}={value}" for name, value in found)
        configurations.append((_hex(configuration.pid), f"{{{inner}}}"))
    return "{" + ", ".join(f"{pid}={inner}" for pid, inner in sorted(configurations)) + "}"


def _property(prop: esf_snapshot.Property) -> str:
    kind, array, *values = prop.meaning
    return f"{kind}{'[]' if array else ''}" + "".join(f" {_value(str(kind), value)}" for value in values)


def _value(kind: str, value: object) -> str:
    if kind in ("Double", "Float"):
        return str(struct.unpack(">q", struct.pack(">d", float(str(value))))[0])
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return _hex(value.decode("utf-16-le", "surrogatepass") if isinstance(value, bytes) else str(value))


def _hex(text: str) -> str:
    return "x" + text.encode("utf-16-be", "surrogatepass").hex()


@pytest.mark.tools
def test_java_agrees(tmp_path: Path) -> None:
    java = shutil.which("java")
    assert java, "java is needed: apt-get install openjdk-17-jdk-headless"
    (tmp_path / "Look.java").write_text(_JAVA)
    # What we refuse for reasons of our own is no matter of agreement, nor what Kura does after this reading.
    cases: list[tuple[str, str | bytes]] = [(case[0], case[1]) for case in VALID]
    later = ("empty-array", "half-char", "factory-pid-type")
    cases += [
        (case[0], case[1])
        for case in MALFORMED
        if case[3] is not esf_snapshot.Effect.REFUSED_HERE and case[2] not in later
    ]
    names = []
    for number, (_, content) in enumerate(cases):
        (tmp_path / f"{number}.xml").write_bytes(content if isinstance(content, bytes) else content.encode())
        names.append(f"{number}.xml")
    done = subprocess.run([java, "Look.java", *names], cwd=tmp_path, capture_output=True, text=True, check=True)
    theirs = dict(zip((case[0] for case in cases), done.stdout.splitlines(), strict=True))
    expected = {name: ours(content if isinstance(content, bytes) else content.encode()) for name, content in cases}
    assert {name: re.sub(r"\s+", " ", text) for name, text in theirs.items()} == expected
