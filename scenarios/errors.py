"""Errors that a person can do something about."""


class LabError(Exception):
    """Something the user can put right. Its message is one line and says what to do next; the CLI prints it
    and exits with 2."""
