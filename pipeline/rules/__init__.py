"""Hardening rules: each a small unit that looks at an image and says pass, fail, not applicable, or cannot tell.

The rules know nothing of the transforms that enforce them; all they share are the parsers in `pipeline.formats`.
"""
