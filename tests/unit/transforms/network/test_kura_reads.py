"""Wi-Fi names and passphrases that Kura's own readers would change at the next save."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.formats.java import java_properties
from pipeline.formats.network import hostapd_conf, wpa_supplicant_conf
from pipeline.transforms import network
from pipeline.transforms.network import kura_reads
from tests.support.network import AS_GOLDEN, a_golden, an_image
from tests.support.release import a_release, some_secrets

LOST = ["back\\slash-in-it", " begins-with-blank", '"quoted-passphrase"', "ends-with-back\\"]
KEPT = ["plain-passphrase", 'half-"quoted', "blank at the end ", "a=b:c#d!e{f}", "=begins", ":begins", "#begins"]


@pytest.mark.parametrize("value", LOST)
def test_what_kura_s_reader_loses(value: str) -> None:
    assert kura_reads.lost_in_properties(value)


@pytest.mark.parametrize("value", KEPT)
def test_what_it_keeps_is_what_java_keeps(value: str) -> None:
    assert not kura_reads.lost_in_properties(value)
    assert java_properties.Properties.parse(f"wpa_passphrase={value}\n".encode(), "f").get("wpa_passphrase") == value


@pytest.mark.parametrize("passphrase", [value.ljust(20, "x") for value in LOST[:2]] + ['"quoted-passphrase"'])
def test_a_gateway_s_own_passphrase_is_refused_and_not_quoted(passphrase: str) -> None:
    with pytest.raises(PipelineError) as caught:
        network.restore(a_golden(), an_image(), a_release(), AS_GOLDEN, some_secrets(wifi_passphrase=passphrase))
    told = [problem.what for problem in caught.value.problems]
    assert any("its Wi-Fi passphrase has" in what for what in told)
    assert not any(passphrase in what for what in told)


def test_the_golden_sample_s_access_point() -> None:
    file = hostapd_conf.parse("interface=wlan0\nssid=a\\b\n", "f")
    (found,) = kura_reads.access_point_problems("f", file)
    assert found.what.startswith("f: line 2: ssid has a backslash")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('network={\n    ssid="site"\n    psk="with}brace"\n}\n', "f: line 3 has a '}'"),
        ('# a } in a comment\nnetwork={\n    ssid="site"\n}\n', "f: line 1 has a '}'"),
        ('network={\n    ssid="site"\n    psk="back\\\\slash"\n}\n', "f: line 3: psk has a backslash"),
    ],
)
def test_a_network_that_is_joined(text: str, told: str) -> None:
    (found,) = kura_reads.station_problems("f", wpa_supplicant_conf.parse(text, "f"))
    assert found.what.startswith(told)
    assert "with}brace" not in found.what


@pytest.mark.parametrize("value", [" leading", '"inner"', "a=b"])
def test_values_in_quotation_marks_are_kept(value: str) -> None:
    text = f'network={{\n    ssid="site"\n    psk="{value}"\n}}\nnetwork={{\n    psk="other}}"\n}}\n'
    assert list(kura_reads.station_problems("f", wpa_supplicant_conf.parse(text, "f"))) == []
