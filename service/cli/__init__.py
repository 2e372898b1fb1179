"""The command line: a third skin over the same commands, for people and scripts."""

from service.cli.application import main

__all__ = ["main"]
