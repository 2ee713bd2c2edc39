"""Which value a key really has: kura.properties < kura_custom.properties < -D; one that silently wins is an error."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.model.layer import Origin
from pipeline.model.setting import PropertySetting
from pipeline.transforms.esf import framework
from pipeline.transforms.esf.framework.properties import effective
from tests.support.kura import KURA, a_kura
from tests.support.vanilla import ESF, a_vanilla

INIT = f"#!/bin/sh\n/bin/sh {ESF}/bin/start_kura_background.sh\n"
ORIGIN = Origin("test.rule", "the test")
OURS, CUSTOM, START = "kura.properties", "kura_custom.properties", "start_kura_background.sh"


def files(ours: str = "", custom: str | None = None, start: str = "java -jar x\n") -> dict[str, str | bytes | None]:
    return {
        "/etc/init.d/kura": INIT,
        f"{ESF}/kura/{OURS}": ours,
        f"{ESF}/kura/{CUSTOM}": custom,
        f"{ESF}/bin/{START}": start,
        f"{ESF}/bin/start_kura.sh": "java -jar x\n",
    }


@pytest.mark.parametrize(
    ("ours", "custom", "start", "value"),
    [
        ("", None, "java -jar x\n", None),
        ("k=1\n", None, "java -jar x\n", "1"),
        ("k=1\nk=2\n", None, "java -jar x\n", "2"),  # Properties.load: the last one
        ("k=1\n", "", "java -jar x\n", "1"),
        ("k=1\n", "k=2\n", "java -jar x\n", "2"),
        ("k=1\n", "k : 2\\\n 3\n", "java -jar x\n", "23"),
        ("k=1\n", "#k=2\n", "java -jar x\n", "1"),
        ("k=1\n", "k=\n", "java -jar x\n", ""),
        ("", "k=2\n", "java -jar x\n", "2"),
        ("k=1\n", None, "java -Dk=3 -jar x\n", "3"),
        ("k=1\n", "k=2\n", "java -Dk=3 -jar x\n", "3"),
        ("k=1\n", "k=2\n", "java -Dk=3 -Dk=4 -jar x\n", "4"),
        ("k=1\n", "k=2\n", "java '-Dk=3 4' -jar x\n", "3 4"),
        ("k=1\n", "k=2\n", "java -Dk -jar x\n", ""),
        ("k=1\n", "k=2\n", "java -Dkk=3 -jar x\n", "2"),
        ("k=1\n", "k=2\n", "java -jar x -Dk=3\n", "2"),  # an argument of the program, not of the virtual machine
        ("k=1\n", "k=2\n", "# java -Dk=3\njava -jar x\n", "2"),
        ("k=1\n", "k=2\n", "JAVA_OPTS='-Xmx1g -Dk=5'\njava $JAVA_OPTS -jar x\n", "5"),
    ],
)
def test_precedence(ours: str, custom: str | None, start: str, value: str | None) -> None:
    image = a_vanilla(files(ours, custom, start))
    assert effective(image, "k") == value
    setting = PropertySetting("k", "ours", ORIGIN)
    if value is None or effective(a_vanilla(files("k=ours\n", custom, start)), "k") == "ours":
        (entry,) = framework.set_properties(image, [setting]).files()
        assert b"k=ours\n" in entry.content
    else:
        with pytest.raises(PipelineError, match=r"sets k, which wins over the value wanted by test\.rule"):
            framework.set_properties(image, [setting])


def test_every_key_and_every_place_is_named_at_once() -> None:
    image = a_vanilla(files("a=1\nb=1\n", "a=2\n", "java -Db=3 -jar x\n"))
    wanted = [PropertySetting("a", "x", ORIGIN), PropertySetting("b", "x", ORIGIN)]
    with pytest.raises(PipelineError) as caught:
        framework.set_properties(image, wanted)
    said = [problem.what for problem in caught.value.problems]
    assert any(CUSTOM in what and "sets a," in what for what in said)
    assert any(START in what and "sets b," in what for what in said)


def test_generation_c_has_its_files_elsewhere() -> None:
    image = a_kura({f"{KURA}/user/{CUSTOM}": "kura.primary.network.interface=eth7\n"})
    assert effective(image, "kura.primary.network.interface") == "eth7"
    assert effective(image, "kura.version") == "KURA_5.6.0"
    with pytest.raises(PipelineError, match=r"/opt/eclipse/kura/user/kura_custom\.properties sets kura\.primary"):
        framework.set_properties(image, [PropertySetting("kura.primary.network.interface", "eth0", ORIGIN)])


def test_the_file_belongs_to_the_process_that_has_to_read_it() -> None:
    (entry,) = framework.set_properties(a_kura(), []).files()
    assert (entry.mode, entry.uid, entry.gid) == (0o600, 990, 991)
    (entry,) = framework.set_properties(a_vanilla(files()), []).files()
    assert (entry.mode, entry.uid, entry.gid) == (0o600, 0, 0)
    with pytest.raises(PipelineError, match="no user kurad, as whom Kura runs"):
        framework.set_properties(a_kura({"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"}), [])
