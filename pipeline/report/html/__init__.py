"""A release as one HTML file that needs no server, network or fonts; the same bytes for the same input."""

from pipeline.report.html.page import release_report

__all__ = ["release_report"]
