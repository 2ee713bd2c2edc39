"""The loader takes and refuses what the gateway's own does; a malformation is named for what the gateway would do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.formats.esf import esf_snapshot
from pipeline.formats.esf.esf_snapshot import Effect, Loaded, Property

DATA = Path(__file__).resolve().parents[5].parent / "shared/data/kura"

SKIPPED, OTHER = Effect.SKIPS_PROPERTY, Effect.OTHER_VALUE
NOTHING, DEAD, REFUSED = Effect.LOADS_NOTHING, Effect.DOES_NOT_START, Effect.REFUSED_HERE

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
ROOT = '<esf:configurations xmlns:esf="http://eurotech.com/esf/2.0">'
END = "</esf:configurations>"


def document(inside: str) -> str:
    return f"{HEAD}{ROOT}{inside}{END}"


def properties(inside: str) -> str:
    """A document of one configuration ``x`` with these properties."""
    return document(f'<esf:configuration pid="x"><esf:properties>{inside}</esf:properties></esf:configuration>')


def prop(kind: str, *values: str, array: str = "false", encrypted: str = "false") -> str:
    """A document of one property ``p``."""
    inner = "".join(f"<esf:value>{value}</esf:value>" for value in values)
    return properties(
        f'<esf:property array="{array}" encrypted="{encrypted}" name="p" type="{kind}">{inner}</esf:property>'
    )


# What comes out as the property ``p`` of the configuration ``x``: its meaning, without a word of complaint.
VALID: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("text", prop("String", "a b"), ("String", False, "a b")),
    ("text is not trimmed", prop("String", "  a "), ("String", False, "  a ")),
    ("empty text", prop("String", ""), ("String", False, "")),
    ("empty password", prop("Password", ""), ("Password", False, "")),
    ("references", prop("String", "&lt;&amp;&#10;&#228;&#x1F600;"), ("String", False, "<&\nä\U0001f600")),
    ("CDATA", prop("String", "<![CDATA[<b>&amp;]]>"), ("String", False, "<b>&amp;")),
    ("comment in a value", prop("String", "a<!-- hidden -->b"), ("String", False, "ab")),
    ("element in a value", prop("String", "a<b>c</b>d"), ("String", False, "acd")),
    ("true", prop("Boolean", "TrUe"), ("Boolean", False, True)),
    ("false", prop("Boolean", "false"), ("Boolean", False, False)),
    ("integer", prop("Integer", "+2147483647"), ("Integer", False, 2147483647)),
    ("integer with zeros", prop("Integer", "-" + "0" * 5000 + "7"), ("Integer", False, -7)),
    ("integer in other digits", prop("Integer", "&#1636;&#1634;"), ("Integer", False, 42)),
    ("long", prop("Long", "-9223372036854775808"), ("Long", False, -(1 << 63))),
    ("short", prop("Short", "24"), ("Short", False, 24)),
    ("byte", prop("Byte", "-128"), ("Byte", False, -128)),
    ("double is trimmed", prop("Double", " 1.50d "), ("Double", False, "1.5")),
    ("float", prop("Float", "0x1p4f"), ("Float", False, "16.0")),
    ("infinity", prop("Double", "-Infinity"), ("Double", False, "-inf")),
    ("char", prop("Char", "x"), ("Char", False, b"x\0")),
    ("password in clear", prop("Password", "secret"), ("Password", False, "secret")),
    ("password in Base64", prop("Password", "c2VjcmV0", encrypted="true"), ("Password", False, "secret")),
    ("Base64 without padding", prop("Password", "c2VjcmV0MQ", encrypted="TRUE"), ("Password", False, "secret1")),
    ("array", prop("Integer", "1", "2", array="true"), ("Integer", True, 1, 2)),
    ("array of texts, one empty", prop("String", "a", "", array="true"), ("String", True, "a", "")),
    ("no attributes but name and type", properties('<q name="p" type="String"><v>a</v></q>'), ("String", False, "a")),
    ("prefix never declared", f'{HEAD}<r><esf:configuration pid="x"><a><b name="p" type="String"><c>a</c></b></a>'
     "</esf:configuration></r>", ("String", False, "a")),
    ("deep below another root", '<a><b><esf:configuration pid="x"><a><b name="p" type="String"><c>a</c></b></a>'
     "</esf:configuration></b></a>", ("String", False, "a")),
    ("a description before the properties", document(
        '<esf:configuration pid="x"><ocd:OCD id="x"><ocd:AD id="p"/></ocd:OCD>'
        '<esf:properties><esf:property name="p" type="String"><esf:value>a</esf:value></esf:property></esf:properties>'
        "</esf:configuration>"), ("String", False, "a")),
)  # fmt: skip


@pytest.mark.parametrize("generation", "ABC")
@pytest.mark.parametrize(("document_text", "meaning"), [case[1:] for case in VALID], ids=[case[0] for case in VALID])
def test_valid(document_text: str, meaning: tuple[object, ...], generation: str) -> None:
    for loaded in (
        esf_snapshot.load(document_text.encode(), generation),
        esf_snapshot.read(document_text.encode(), generation, "golden"),
    ):
        assert loaded.malformations == ()
        assert loaded.snapshot is not None
        assert loaded.snapshot.meaning == {"x": {"p": meaning}}


ENCRYPTED_A = b"QUJDREVGR0hJSktMTU5PUA=="
ENCRYPTED_C = b"QUJDREVGR0hJSktM-QUJDREVGR0hJSktMTU5PUA=="
BOMB = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + ROOT + END

# Document, and what is to be said: name and effect.
MALFORMED: tuple[tuple[str, str | bytes, str, Effect], ...] = (
    ("prefix renamed by a tool", document("").replace("esf:", "ns0:"), "no-configurations", NOTHING),
    ("default name space", '<configurations xmlns="http://eurotech.com/esf/2.0"><configuration pid="x"/>'
     "</configurations>", "no-configurations", NOTHING),
    ("another prefix, rightly bound", '<e:configurations xmlns:e="http://eurotech.com/esf/2.0">'
     '<e:configuration pid="x"/></e:configurations>', "no-configurations", NOTHING),
    ("no configuration at all", document(""), "no-configurations", NOTHING),
    ("prefix in other letters", document('<ESF:configuration pid="x"/>'), "no-configurations", NOTHING),
    ("empty file", b"", "not-well-formed", DEAD),
    ("only white space", b" \n", "not-well-formed", DEAD),
    ("plain text", b"no XML", "not-well-formed", DEAD),
    ("cut off", document('<esf:configuration pid="x"/>')[:-5], "not-well-formed", DEAD),
    ("something after the end", document('<esf:configuration pid="x"/>') + "x", "not-well-formed", DEAD),
    ("declaration not first", " " + prop("String", "a"), "not-well-formed", DEAD),
    ("attribute twice", prop("String", "a").replace('name="p"', 'name="p" name="p"'), "not-well-formed", DEAD),
    ("attribute without quotes", prop("String", "a").replace('"p"', "p"), "not-well-formed", DEAD),
    ("undefined entity", prop("String", "&auml;"), "not-well-formed", DEAD),
    ("NUL", prop("String", "a\0"), "not-well-formed", DEAD),
    ("reference to NUL", prop("String", "&#0;"), "not-well-formed", DEAD),
    ("control character", prop("String", "\x1b[0m"), "not-well-formed", DEAD),
    ("bare ampersand", prop("String", "a&b"), "not-well-formed", DEAD),
    ("tags crossed", "<a><b></a></b>", "not-well-formed", DEAD),
    ("UTF-16", prop("String", "a").encode("utf-16"), "not-well-formed", DEAD),
    ("byte order mark", b"\xef\xbb\xbf" + prop("String", "a").encode(), "not-well-formed", DEAD),
    ("number with blanks", prop("Integer", " 5 "), "bad-number", DEAD),
    ("number on a line of its own", prop("Short", "\t5"), "bad-number", DEAD),
    ("number empty", prop("Integer", ""), "bad-number", DEAD),
    ("number is text", prop("Integer", "five"), "bad-number", DEAD),
    ("number with fraction", prop("Long", "1.0"), "bad-number", DEAD),
    ("number hexadecimal", prop("Integer", "0x10"), "bad-number", DEAD),
    ("only a sign", prop("Integer", "+"), "bad-number", DEAD),
    ("integer too large", prop("Integer", "2147483648"), "bad-number", DEAD),
    ("short too large", prop("Short", "32768"), "bad-number", DEAD),
    ("byte too large", prop("Byte", "128"), "bad-number", DEAD),
    ("long too large", prop("Long", "9223372036854775808"), "bad-number", DEAD),
    ("absurdly large", prop("Long", "9" * 10_000), "bad-number", DEAD),
    ("double with comma", prop("Double", "1,5"), "bad-number", DEAD),
    ("float empty", prop("Float", ""), "bad-number", DEAD),
    ("float with two points", prop("Float", "1.2.3"), "bad-number", DEAD),
    ("array with an empty number", prop("Integer", "1", "", array="true"), "bad-number", DEAD),
    ("char empty", prop("Char", ""), "empty-char", DEAD),
    ("array with an empty char", prop("Char", "a", "", array="true"), "empty-char", DEAD),
    ("no value element", prop("String"), "no-value", DEAD),
    ("value as bare text", properties('<esf:property name="p" type="String">a</esf:property>'), "no-value", DEAD),
    ("boolean without value", prop("Boolean"), "no-value", DEAD),
    ("Base64 of odd length", prop("Password", "c2Vjc", encrypted="true"), "bad-base64", DEAD),
    ("Base64 with line end", prop("Password", "c2Vj&#10;cmV0", encrypted="true"), "bad-base64", DEAD),
    ("Base64 with blank", prop("Password", " c2VjcmV0", encrypted="true"), "bad-base64", DEAD),
    ("Base64 for URLs", prop("Password", "c2Vj-mV_", encrypted="true"), "bad-base64", DEAD),
    ("Base64 with half a padding", prop("Password", "c2VjcmV0MQ=", encrypted="true"), "bad-base64", DEAD),
    ("Base64 with too much padding", prop("Password", "c2VjcmV0=", encrypted="true"), "bad-base64", DEAD),
    ("plain text marked encrypted", prop("Password", "p@ssword", encrypted="true"), "bad-base64", DEAD),
    ("array with one bad Base64", prop("Password", "YQ==", "!", array="true", encrypted="true"), "bad-base64", DEAD),
    ("encrypted by a device, Kura 3", ENCRYPTED_A, "device-encrypted", DEAD),
    ("encrypted by a device, Kura 5", ENCRYPTED_C + b"\n", "device-encrypted", DEAD),
    ("no type", properties('<esf:property name="p"/>'), "no-type", SKIPPED),
    ("unknown type", prop("Secret", "a"), "no-type", SKIPPED),
    ("type in other letters", prop("string", "a"), "no-type", SKIPPED),
    ("type with blank", prop("String ", "a"), "no-type", SKIPPED),
    ("bad number of no type", prop("int", "x"), "no-type", SKIPPED),
    ("boolean on a line of its own", prop("Boolean", " true "), "boolean-is-false", OTHER),
    ("boolean as a number", prop("Boolean", "1"), "boolean-is-false", OTHER),
    ("boolean empty", prop("Boolean", ""), "boolean-is-false", OTHER),
    ("char of two letters", prop("Char", "ab"), "char-is-first-letter", OTHER),
    ("scalar with two values", prop("String", "a", "b"), "more-values", OTHER),
    ("Base64 of no text", prop("Password", "/////w==", encrypted="true"), "password-not-text", OTHER),
    ("property twice", properties('<p name="p" type="String"><v>a</v></p><p name="p" type="String"><v>b</v></p>'),
     "duplicate-property", OTHER),
    ("array of nothing", prop("String", array="true"), "empty-array", SKIPPED),
    ("char beyond 16 bits", prop("Char", "&#x1F600;"), "half-char", DEAD),
    ("factory as a number", prop("Integer", "1").replace('"p"', '"service.factoryPid"'), "factory-pid-type", DEAD),
    ("factory as an array", prop("String", "f", array="true").replace('"p"', '"service.factoryPid"'),
     "factory-pid-type", DEAD),
    ("pid twice", document('<esf:configuration pid="x"/>' * 2), "duplicate-pid", OTHER),
    ("properties, then something else", document('<esf:configuration pid="x"><a><b name="p" type="String"><v>a</v></b>'
     "</a><other/></esf:configuration>"), "not-last-child", OTHER),
    ("letters above 127", prop("String", "Küche"), "not-ascii", OTHER),
    ("document type", f"{HEAD}<!DOCTYPE r>{ROOT}{END}", "document-type", REFUSED),
    ("external entity", f'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{ROOT}&x;{END}', "document-type",
     REFUSED),
    ("billion laughs", BOMB, "document-type", REFUSED),
    ("parameter entity", f'<!DOCTYPE r [<!ENTITY % x SYSTEM "http://x/">%x;]>{ROOT}{END}', "document-type", REFUSED),
    ("XInclude", document('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), "xinclude",
     REFUSED),
    ("XInclude by its usual name", document('<xi:include href="/etc/passwd"/>'), "xinclude", REFUSED),
    ("XML 1.1", prop("String", "a").replace("1.0", "1.1"), "xml-version", REFUSED),
    ("nested 300 deep", "<a>" * 300 + "</a>" * 300, "too-large", REFUSED),
    ("17 MiB", prop("String", "a" * (17 << 20)), "too-large", REFUSED),
    ("no pid", document("<esf:configuration/>"), "no-pid", REFUSED),
    ("no name", properties('<esf:property type="String"><esf:value>a</esf:value></esf:property>'), "no-name", REFUSED),
)  # fmt: skip


def said(loaded: Loaded) -> list[tuple[str, Effect]]:
    return [(malformation.name, malformation.effect) for malformation in loaded.malformations]


@pytest.mark.parametrize("generation", "ABC")
@pytest.mark.parametrize(
    ("content", "name", "effect"), [case[1:] for case in MALFORMED], ids=[case[0] for case in MALFORMED]
)
def test_malformed(content: str | bytes, name: str, effect: Effect, generation: str) -> None:
    raw = content if isinstance(content, bytes) else content.encode()
    loaded = esf_snapshot.load(raw, generation)
    assert (name, effect) in said(loaded)
    assert (loaded.snapshot is None) == effect.is_fatal
    if effect.is_fatal:
        with pytest.raises(PipelineError, match=r"^golden: "):
            esf_snapshot.read(raw, generation, "golden")


def test_enough_cases() -> None:
    assert len(VALID) + len(MALFORMED) >= 100


def test_skipped_properties_do_not_load() -> None:
    loaded = esf_snapshot.load(prop("Secret", "a").encode(), "A")
    assert loaded.snapshot is not None
    assert loaded.snapshot.meaning == {"x": {}}


def test_a_boolean_with_blanks_is_false() -> None:
    loaded = esf_snapshot.load(prop("Boolean", "\n    true\n  ").encode(), "C")
    assert loaded.snapshot is not None
    assert loaded.snapshot.meaning == {"x": {"p": ("Boolean", False, False)}}


def test_generation_a_joins_lines() -> None:
    raw = prop("String", "one\ntwo\r\nthree&#10;four").encode()
    texts = {
        generation: loaded.configurations[0].text("p")
        for generation in "ABC"
        if (loaded := esf_snapshot.load(raw, generation).snapshot)
    }
    assert texts == {"A": "onetwothree\nfour", "B": "one\ntwo\nthree\nfour", "C": "one\ntwo\nthree\nfour"}
    downloaded = esf_snapshot.read(raw, "A", "golden").snapshot
    assert downloaded is not None
    assert downloaded.configurations[0].text("p") == "one\ntwo\nthree\nfour"


def test_generation_a_loses_a_document_whose_tag_is_broken_between_attributes() -> None:
    raw = prop("String", "a").replace('name="p" ', 'name="p"\n').encode()
    assert said(esf_snapshot.load(raw, "A")) == [("not-well-formed", DEAD)]
    assert said(esf_snapshot.load(raw, "B")) == []


@pytest.mark.parametrize("generation", "ABC")
def test_a_declared_encoding_says_nothing(generation: str) -> None:
    raw = prop("String", "a").replace("UTF-8", "UTF-16").encode()
    assert said(esf_snapshot.load(raw, generation)) == []


TWICE = "".join(
    f'<esf:configuration pid="x"><esf:properties><esf:property name="p" type="String"><esf:value>{value}</esf:value>'
    "</esf:property></esf:properties></esf:configuration>"
    for value in ("first", "last")
)


@pytest.mark.parametrize("generation", "BC")
def test_of_a_pid_twice_the_first_counts(generation: str) -> None:
    loaded = esf_snapshot.load(document(TWICE).encode(), generation).snapshot
    assert loaded is not None
    assert loaded.configurations[0].text("p") == "first"


def test_where_kura_3_0_and_3_2_differ_nothing_is_guessed() -> None:
    assert said(esf_snapshot.load(document(TWICE).encode(), "A")) == [("duplicate-pid", REFUSED)]
    same = document(TWICE.replace("last", "first")).encode()
    assert said(esf_snapshot.load(same, "A")) == [("duplicate-pid", OTHER)]


def test_no_value_is_ever_quoted() -> None:
    for kind in ("Integer", "Password", "Boolean", "Char"):
        loaded = esf_snapshot.load(prop(kind, "hunter2-:!", encrypted="true").encode(), "A")
        assert loaded.malformations
        assert "hunter2" not in repr(loaded)
        assert "hunter2" not in str(loaded.malformations[0])


def test_the_message_names_file_line_and_remedy() -> None:
    with pytest.raises(PipelineError) as caught:
        esf_snapshot.read(ENCRYPTED_A, "A", "golden/snapshot_7.xml")
    assert "golden/snapshot_7.xml: device-encrypted" in str(caught.value)
    assert "download the snapshot from its console" in str(caught.value)


@pytest.mark.skipif(not DATA.is_dir(), reason="real snapshots lie beside the checkout only")
@pytest.mark.parametrize("generation", "ABC")
def test_real_snapshots(generation: str) -> None:
    files = sorted(DATA.rglob("snapshot*.xml"))
    assert len(files) >= 5
    for path in files:
        first = esf_snapshot.read(path.read_bytes(), generation, path.name)
        assert first.snapshot is not None
        assert len(first.snapshot.configurations) >= 9
        assert {malformation.name for malformation in first.malformations} <= {"no-type"}
        rendered = esf_snapshot.render(first.snapshot)
        again = esf_snapshot.load(rendered, generation)
        assert again.malformations == ()
        assert again.snapshot is not None
        assert again.snapshot.meaning == first.snapshot.meaning
        assert esf_snapshot.render(again.snapshot) == rendered


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=8
)
VALUES = {
    "String": TEXTS | st.just("line\nend\r\ttab"),
    "Password": TEXTS,
    "Boolean": st.sampled_from(["true", "false"]),
    "Integer": st.integers(-(1 << 31), (1 << 31) - 1).map(str),
    "Long": st.integers(-(1 << 63), (1 << 63) - 1).map(str),
    "Short": st.integers(-(1 << 15), (1 << 15) - 1).map(str),
    "Double": st.floats(allow_nan=False, allow_infinity=False).map(repr),
}


@st.composite
def a_property(draw: st.DrawFn) -> Property:
    kind = draw(st.sampled_from(sorted(VALUES)))
    array = draw(st.booleans())
    values = draw(st.lists(VALUES[kind], min_size=1, max_size=3 if array else 1))
    return Property(draw(NAMES), kind, tuple(values), array)


@given(st.dictionaries(NAMES, st.lists(a_property(), max_size=4), min_size=1, max_size=4), st.sampled_from("ABC"))
def test_what_is_rendered_is_loaded(configurations: dict[str, list[Property]], generation: str) -> None:
    snapshot = esf_snapshot.Snapshot()
    for pid, found in configurations.items():
        snapshot = snapshot.with_configuration(esf_snapshot.Configuration(pid).with_properties(*found))
    rendered = esf_snapshot.render(snapshot)
    assert rendered.isascii()
    assert all(re.fullmatch(rb" *<[^<>]*>(?:[^<>]*</esf:value>)?", line) for line in rendered.splitlines())
    loaded = esf_snapshot.load(rendered, generation)
    assert loaded.malformations == ()
    assert loaded.snapshot == snapshot
    assert esf_snapshot.render(loaded.snapshot) == rendered


@given(st.binary(max_size=200) | st.text(alphabet="<>/esf:configuration pid=\"x' &#;!\n").map(str.encode))
def test_no_crash_on_arbitrary_bytes(raw: bytes) -> None:
    for generation in "ABC":
        loaded = esf_snapshot.load(raw, generation)
        assert loaded.snapshot is not None or loaded.malformations


def test_a_control_character_is_refused_by_name() -> None:
    wrong = esf_snapshot.Snapshot((esf_snapshot.Configuration("x", (Property("p", "String", ("a\x07",)),)),))
    with pytest.raises(PipelineError, match="snapshot: x p: holds a control character"):
        esf_snapshot.render(wrong)


def test_two_megabytes_keep_their_meaning() -> None:
    inside = "".join(
        f'<esf:configuration pid="org.example.component.{number}"><esf:properties>'
        + "".join(
            f'\n<esf:property array="false" encrypted="false" name="property.{index}" type="String">\n'
            f"    <esf:value>value {index} of component {number}, long enough to be like a real one</esf:value>\n"
            "</esf:property>"
            for index in range(24)
        )
        + "</esf:properties></esf:configuration>"
        for number in range(500)
    )
    raw = document(inside).encode()
    assert len(raw) > 2_000_000
    loaded = esf_snapshot.read(raw, "A", "golden")
    assert loaded.snapshot is not None
    again = esf_snapshot.load(esf_snapshot.render(loaded.snapshot), "A")
    assert again.snapshot is not None
    assert again.snapshot.meaning == loaded.snapshot.meaning
    assert len(again.snapshot.configurations) == 500
