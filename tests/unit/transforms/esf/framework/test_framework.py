"""The framework's properties and start scripts, as production mode wants them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.demo import esf
from pipeline.errors import PipelineError
from pipeline.formats.java import start_script
from pipeline.formats.java.java_properties import Properties
from pipeline.model.layer import FileEntry, Layer, Origin, Removal
from pipeline.model.release import Rules
from pipeline.model.setting import PropertySetting
from pipeline.transforms.esf import framework
from pipeline.transforms.esf.framework.start import FORBIDDEN, console_on_loopback, harden, reads_utf8
from tests.support.release import a_release
from tests.support.vanilla import ESF, LAYOUT, a_vanilla

INIT = f"#!/bin/sh\nDIR={ESF}\nSTART=${{DIR}}/bin/start_kura_background.sh\n/bin/sh $START\n"
BACKGROUND = f"{ESF}/bin/start_kura_background.sh"
REAL = "/opt/eurotech/esf_5.0.0"
UTF8 = "-Dfile.encoding=UTF-8"
ORIGIN = Origin("test.rule", "the test")
LIMITS = "file.command.zip.max.size=100\nfile.command.zip.max.number=1024\n"


def demo_files() -> dict[str, bytes]:
    """The installation of the demo's vanilla image."""
    files = {str(path): content for path, content in esf.files_of("").items()}
    return {path.replace(REAL, ESF): content for path, content in files.items()}


def options(text: str) -> list[str]:
    (command,) = start_script.java_commands(text)
    return [word.value for word in command.options]


def texts(layer: Layer) -> dict[str, str]:
    return {entry.path.name: entry.content.decode() for entry in layer.files()}


def test_the_demo_installation_is_hardened() -> None:
    layer = framework.harden_start(a_vanilla(demo_files()))
    hardened = texts(layer)
    assert sorted(hardened) == ["start_kura.sh", "start_kura_background.sh"]
    for name, text in hardened.items():
        before = demo_files()[f"{ESF}/bin/{name}"].decode()
        assert text.replace(f"java {UTF8} ", "java ") == before.replace("/var/log/kura-heapdump.hprof", "/dev/null")
        assert UTF8 in options(text)
        assert "-XX:HeapDumpPath=/dev/null" in options(text)
    assert [entry.path.name for entry in layer.removals()] == ["start_kura_debug.sh"]
    assert all(entry.mode == 0o755 for entry in layer.files())


def test_the_debug_script_would_be_cleaned_too() -> None:
    text = harden(demo_files()[f"{ESF}/bin/start_kura_debug.sh"].decode())
    assert not [option for option in options(text) if FORBIDDEN.match(option)]
    assert "-XX:+PrintGCDetails" in options(text)
    assert "\n\n\t" not in text


@pytest.mark.parametrize(
    "option",
    ["-Xdebug", "-Xrunjdwp:server=y,address=8000", "'-Xrunjdwp'", "-Xbootclasspath:/x.jar", "-XX:StartFlightRecording",
     "-XX:StartFlightRecording=duration=1s", "-agentlib:jdwp=x", "-agentpath:/x.so", "-verbose", '"-verbose:gc"',
     "-verbose:class"],
)  # fmt: skip
def test_every_forbidden_option_goes(option: str) -> None:
    text = harden(f"exec java -Xmx1g {option} -Dkeep=1 -jar x -verbose -console 5002\n")
    assert text == "exec java -XX:HeapDumpPath=/dev/null -Xmx1g -Dkeep=1 -jar x -verbose -console 5002\n"
    assert harden(text) == text


@pytest.mark.parametrize(
    "option", ["-Xdebugger", "-Xbootclasspath/a:x", "-XX:+UseG1GC", "-Dx=-Xdebug", "-XX:ErrorFile=x"]
)
def test_others_stay(option: str) -> None:
    assert option in options(harden(f"java {option} -jar x"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("java -jar x -console 5002 -consoleLog", "java -jar x -console 127.0.0.1:5002 -consoleLog"),
        ("java -jar x -console 0.0.0.0:5002", "java -jar x -console 127.0.0.1:5002"),
        ("java -Dosgi.console=5002 -jar x", "java -Dosgi.console=127.0.0.1:5002 -jar x"),
        ("java -jar x -console\njava -jar y -console 1", "java -jar x -console\njava -jar y -console 127.0.0.1:1"),
        ("java -jar x -console localhost:5002", "java -jar x -console localhost:5002"),
        ("java -jar x -consoleLog 5002", "java -jar x -consoleLog 5002"),
    ],
)
def test_the_osgi_console_on_the_loopback(before: str, after: str) -> None:
    assert console_on_loopback(before) == after
    assert console_on_loopback(after) == after


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (Rules(), "-console 5002"),
        (Rules(profile="strict"), "-console 127.0.0.1:5002"),
        (Rules(also=("framework.no_osgi_console",)), "-console 127.0.0.1:5002"),
    ],
)
def test_only_releases_that_ask_for_it_have_the_console_moved(rules: Rules, wanted: str) -> None:
    vanilla = a_vanilla(demo_files())
    layer = framework.harden_start(vanilla, a_release(rules=rules))
    assert all(f"{wanted} " in text for text in texts(layer).values())
    moved = {origin.rule for entry in layer.files() for origin in entry.origins}
    assert ("framework.no_osgi_console" in moved) == (rules != Rules())


def test_one_heap_dump_path_remains() -> None:
    text = harden("java -XX:HeapDumpPath=/a -Xmx1g -XX:HeapDumpPath=/b -jar x")
    assert options(text) == ["-XX:HeapDumpPath=/dev/null", "-Xmx1g"]


def test_variables_of_the_script_are_cleaned() -> None:
    text = harden(
        "export JAVA_TOOL_OPTIONS='-Xdebug -Xmx1g'\n"
        'OPTS="$MORE -agentlib:jdwp -XX:HeapDumpPath=/x"\njava $OPTS -jar x\n'
    )
    assert text == ("export JAVA_TOOL_OPTIONS='-Xmx1g'\nOPTS=\"$MORE\"\njava -XX:HeapDumpPath=/dev/null $OPTS -jar x\n")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"/etc/init.d/kura": None}, "starts a script of /opt/eurotech/esf/bin"),
        ({"/etc/init.d/kura": "#!/bin/sh\n/usr/bin/other\n"}, "starts a script of /opt/eurotech/esf/bin"),
        ({BACKGROUND: "#!/bin/sh\nexec ./other\n"}, "no command in it starts Java"),
        ({BACKGROUND: "#!/bin/sh\njava @/etc/options -jar x\n"}, "takes options from a file"),
        ({BACKGROUND: "#!/bin/sh\njava -XX:Flags=x -jar x\n"}, "takes options from a file"),
        ({BACKGROUND: "A='$B -Xdebug'\njava $A -jar x\n"}, "line 1: A mixes options"),
        ({"/etc/environment": "JAVA_TOOL_OPTIONS=-agentlib:jdwp=x\n"}, "/etc/environment line 1"),
        ({"/etc/profile.d/java.sh": "\nexport _JAVA_OPTIONS='-Xmx1g -verbose:gc'\n"}, "/etc/profile.d/java.sh line 2"),
        ({"/etc/init.d/kura": INIT + "JDK_JAVA_OPTIONS=-Xdebug\n"}, "/etc/init.d/kura line 5"),
        ({"/etc/init.d/kura": INIT + "JDK_JAVA_OPTIONS=-XX:HeapDumpPath=/x\n"}, "/etc/init.d/kura line 5"),
        ({"/etc/init.d/kura": INIT.replace("background", "debug"),
          f"{ESF}/bin/start_kura_debug.sh": "java -Xdebug -jar x\n"}, "it is for remote debugging"),
    ],
)  # fmt: skip
def test_what_cannot_be_hardened_is_named(files: dict[str, str | None], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        framework.harden_start(a_vanilla({"/etc/init.d/kura": INIT, **files}))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/systemd/system/kura.service", f"[Service]\nExecStart=/bin/sh {ESF}/bin/own_start.sh\n"),
        ("/etc/monitrc", f'check process kura\n start program = "/bin/sh {ESF}/bin/own_start.sh"\n'),
    ],
)
def test_the_script_is_found_where_it_is_started(path: str, content: str) -> None:
    files = {"/etc/init.d/kura": None, path: content, f"{ESF}/bin/own_start.sh": "java -Xdebug -jar x\n"}
    hardened = texts(framework.harden_start(a_vanilla(files)))
    assert hardened["own_start.sh"] == f"java {UTF8} -XX:HeapDumpPath=/dev/null -jar x\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("java -jar x\n", f"java {UTF8} -jar x\n"),
        ("java -Dfile.encoding=ASCII -jar x\n", f"java {UTF8} -jar x\n"),
        (f"java {UTF8} -jar x\n", f"java {UTF8} -jar x\n"),
        ("java -version\nexec java -jar x\n", f"java -version\nexec java {UTF8} -jar x\n"),
    ],
)
def test_java_reads_utf_8_whatever_the_locale(before: str, after: str) -> None:
    assert reads_utf8(before) == after


def test_where_the_snapshot_decides_the_framework_reads_utf_8_by_itself() -> None:
    image = a_vanilla(demo_files(), layout=replace(LAYOUT, network_truth="snapshot"))
    assert not any(UTF8 in text for text in texts(framework.harden_start(image)).values())


def with_properties(text: str, **more: str) -> dict[str, str | bytes | None]:
    return {"/etc/init.d/kura": INIT, f"{ESF}/kura/kura.properties": text, **more}


def test_properties_are_set_in_place_and_kept_from_others() -> None:
    files = with_properties(f"# about\nkura.keystore.password=old\n{LIMITS}kura.name=ESF\n")
    setting = PropertySetting("kura.keystore.password", "new:1", ORIGIN, secret=True)
    (entry,) = framework.set_properties(a_vanilla(files), [setting]).entries
    assert isinstance(entry, FileEntry)
    assert entry.content == f"# about\nkura.keystore.password=new:1\n{LIMITS}kura.name=ESF\n".encode()
    assert (entry.path, entry.mode, entry.secret) == (f"{ESF}/kura/kura.properties", 0o600, True)
    assert ORIGIN in entry.origins
    assert "new:1" not in repr(entry)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("", ("100", "1024")),
        ("file.command.zip.max.size=50\nfile.command.zip.max.number=7\n", ("50", "7")),
        ("file.command.zip.max.size=101\nfile.command.zip.max.number=1025\n", ("100", "1024")),
        ("file.command.zip.max.size=-1\nfile.command.zip.max.number=0\n", ("100", "1024")),
        ("file.command.zip.max.size=many\nfile.command.zip.max.number=\n", ("100", "1024")),
    ],
)
def test_limits_of_archives(limits: str, expected: tuple[str, str]) -> None:
    (entry,) = framework.set_properties(a_vanilla(with_properties(limits)), []).files()
    found = Properties.parse(entry.content)
    assert (found.get("file.command.zip.max.size"), found.get("file.command.zip.max.number")) == expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({f"{ESF}/kura/kura_custom.properties": "a=other\n"}, "kura_custom.properties sets a, which wins"),
        ({BACKGROUND: "java -Da=other -jar x\n"}, r"start_kura_background.sh line 1 \(-D\) sets a, which wins"),
        ({BACKGROUND: "O='-Xmx1g -Da=other'\njava $O -jar x\n"}, r"line 1 \(-D\) sets a, which wins"),
        (
            {f"{ESF}/kura/kura_custom.properties": "file.command.zip.max.size=500\n"},
            r"something else than 1 to 100 \(B",
        ),
        ({BACKGROUND: "java -Dkura.configuration=file:/tmp/my.properties -jar x\n"}, "reads file:/tmp/my.properties"),
        ({f"{ESF}/kura/kura_custom.properties": "a=\\u12\n"}, "kura_custom.properties: line 1: malformed"),
        ({f"{ESF}/kura/kura.properties": None}, "kura.properties is missing"),
    ],
)
def test_what_would_silently_win_is_named(more: dict[str, str], said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        framework.set_properties(a_vanilla(with_properties(LIMITS) | more), [PropertySetting("a", "b", ORIGIN)])


def test_the_same_value_elsewhere_is_no_matter() -> None:
    files = with_properties(LIMITS) | {f"{ESF}/kura/kura_custom.properties": "a=b\n"}
    assert len(framework.set_properties(a_vanilla(files), [PropertySetting("a", "b", ORIGIN)])) == 1


def test_contradicting_settings_name_both_rules() -> None:
    other = PropertySetting("a", "c", Origin("other.rule", "elsewhere"))
    with pytest.raises(PipelineError, match=r"test\.rule \(the test\) and other\.rule \(elsewhere\)"):
        framework.set_properties(a_vanilla(with_properties("")), [PropertySetting("a", "b", ORIGIN), other])


def test_the_demo_installation_takes_settings() -> None:
    settings = [PropertySetting("kura.ssl.keyStorePassword", "own", ORIGIN, secret=True)]
    layer = framework.set_properties(a_vanilla(demo_files()), settings)
    (entry,) = layer.files()
    before = demo_files()[f"{ESF}/kura/kura.properties"]
    assert entry.content == before.replace(b"StorePassword=changeit", b"StorePassword=own")
    assert not any(isinstance(entry, Removal) for entry in layer.entries)
