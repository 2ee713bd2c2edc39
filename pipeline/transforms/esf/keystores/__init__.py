"""A gateway's keystores: the framework's two files, or, from Kura 5 on, the services of its snapshot."""

from pipeline.transforms.esf.keystores.files import install

__all__ = ["install"]
