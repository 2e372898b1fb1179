"""What keeps the service from starting: all of it at once, each with a sentence that says what to do."""


class SettingsError(Exception):
    """The service cannot start as it is set up. ``problems`` holds one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
