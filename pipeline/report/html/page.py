"""The page: template, style and script of this package around the data, with a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources

from pipeline.formats.canonical_json import Json
from pipeline.model.manifest import Manifest
from pipeline.model.verdict import Verdict
from pipeline.report.html.data import NO_VERDICT, Gathered, as_json, gather
from pipeline.report.text.plain import plain

_SCRIPTS = ("page.js", "pictures.js", "details.js", "gateways.js", "rules.js", "alone.js", "start.js")
_WORDS = {0: "verified", 1: "deviating", 2: "could not be looked at", NO_VERDICT: "not verified"}


def release_report(manifests: Iterable[Manifest], verdicts: Iterable[Verdict]) -> bytes:
    """One HTML file about a release; manifests may be read one by one, none is kept.

    Times are told relative to the release's epoch, never to the clock.

    Args:
        verdicts: one for each gateway, and any on the release as a whole; a gateway without one has not passed.
    """
    found = gather(manifests, verdicts)
    style = _resource("report.css")
    # One function around all parts: nothing of theirs is global.
    script = '(() => {\n"use strict";\n' + "".join(_resource(name) for name in _SCRIPTS) + "})();\n"
    overall = _overall(found)
    page = {
        "POLICY": _policy(style, script),
        "TITLE": html.escape(f"Release {plain(str(found.about.get('name', '')))}: {overall[1]}"),
        "NAME": html.escape(plain(str(found.about.get("name", "")))),
        "STATE": overall[0],
        "VERDICT": html.escape(overall[1]),
        "SUBTITLE": html.escape(_subtitle(found)),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": _embedded(as_json(found)),
    }
    # Cut at the marks once: what is put in is never looked at again.
    pieces = _resource("report.html").split("%%")
    return "".join(page[piece] if number % 2 else piece for number, piece in enumerate(pieces)).encode()


def _overall(found: Gathered) -> tuple[str, str]:
    """Class and words of the verdict on the whole."""
    counted = Counter(_status(gateway["v"]) for gateway in found.gateways)
    also = found.about["also"]
    wrong = sum(_status(verdict) != 0 for verdict in also) if isinstance(also, list) else 0
    total = len(found.gateways)
    if not total:
        return "bad", "no gateways"
    if counted[0] == total and not wrong and not found.failing:
        return "ok", f"all {total} gateways verified" if total > 1 else "the gateway is verified"
    parts = [f"{counted[status]} {_WORDS[status]}" for status in (1, 2, NO_VERDICT, 0) if counted[status]]
    if found.failing:
        parts.append(f"{found.failing} with failed rules")
    if wrong:
        parts.append("the release directory deviates")
    return "bad", ", ".join(parts)


def _status(verdict: Json) -> int:
    return verdict[1] if isinstance(verdict, list) and isinstance(verdict[1], int) else NO_VERDICT


def _subtitle(found: Gathered) -> str:
    epoch = found.about.get("epoch")
    day = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d") if isinstance(epoch, int) else "unknown"
    profile = found.about.get("profile")
    return f"Release of {day}" + (f" · rules of profile {plain(str(profile))}" if profile else "")


def _policy(style: str, script: str) -> str:
    """Content security policy: this style, this script, nothing from anywhere."""
    return f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'; " \
           "form-action 'none'"  # fmt: skip


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _embedded(data: dict[str, Json]) -> str:
    """JSON that cannot end the element it is in, whatever it holds."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _resource(name: str) -> str:
    return resources.files("pipeline.report.html").joinpath(name).read_text("utf-8")
