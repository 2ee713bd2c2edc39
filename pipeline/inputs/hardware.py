"""What is printed on a gateway's hardware, as people and spreadsheets write it: addresses, modem and SIM numbers."""

from __future__ import annotations

import re

from pipeline.inputs.toml_table import Table

_MAC = r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2}"
_IMEI = r"[0-9]{2}[- ]?[0-9]{6}[- ]?[0-9]{6}[- ]?[0-9]"
_ICCID = r"89[0-9 ]{16,23}[Ff]?"
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*E\+[0-9]+", re.IGNORECASE)  # 3,56789E+14
# An MQTT client id of Kura is a level of topics: it replaces these, and two gateways could become one.
CLIENT_ID = r"[^\s/+#.\0-\x1f\x7f\"'<>&\\$]{1,128}"


def read_mac(table: Table, key: str) -> str:
    """A hardware address in lower case with colons; empty when there is none."""
    text = _text(table, key, _MAC, "a hardware address such as 00:60:0c:81:01:02")
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if len(digits) != 12:
        return ""
    if int(digits[1], 16) & 1:
        table.wrong(key, "is a group's address, not an interface's", "read it off the label again")
    elif digits == "0" * 12:
        table.wrong(key, "is not an address: it is all zeros", "read it off the label again")
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def read_imei(table: Table, key: str) -> str:
    """A modem's number: 15 digits, the last a check digit (3GPP TS 23.003, annex B)."""
    digits = re.sub(r"\D", "", _text(table, key, _IMEI, "the number of a modem, 15 digits"))
    if digits and not is_luhn(digits):
        table.wrong(key, "its check digit does not fit", "read it off the label again")
    return digits


def read_iccid(table: Table, key: str) -> str:
    """A SIM card's number: 19 or 20 digits that begin with 89, with a check digit (ITU-T E.118); F fills up."""
    digits = re.sub(
        r"\D", "", _text(table, key, _ICCID, "the number of a SIM card, 19 or 20 digits that begin with 89")
    )
    if not digits:
        return ""
    if not 18 <= len(digits) <= 20:
        table.wrong(key, f"has {len(digits)} digits, not 19 or 20", "read it off the card again")
    elif len(digits) > 18 and not (is_luhn(digits) or is_luhn(digits[:19])):
        # some cards have 18 digits and no check digit, some a further digit behind it
        table.wrong(key, "its check digit does not fit", "read it off the card again")
    return digits


def is_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _text(table: Table, key: str, form: str, meaning: str) -> str:
    """A text of a form; a number that a spreadsheet has rounded gets its own words."""
    text = table.text(key, "", form=rf"{form}|{_ROUNDED.pattern.replace('E', '[Ee]')}", meaning=meaning, shown=True)
    if _ROUNDED.fullmatch(text):
        remedy = "format the column as text, and type the number again: its last digits are lost"
        table.wrong(key, f"{text} is what a spreadsheet makes of a long number", remedy)
        return ""
    return text
