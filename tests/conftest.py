"""What all tests share: hypothesis asks for outcomes, not for time, which on a loaded machine says nothing."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("outcomes", deadline=None)
settings.load_profile("outcomes")
