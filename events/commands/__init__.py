"""What can be asked for. Support tooling asks under the name of the event that it wants to see recorded."""

from events.commands.command import Command
from events.commands.emission import COMMANDS, EMITTABLE, parse_command

__all__ = ["COMMANDS", "EMITTABLE", "Command", "parse_command"]
