"""Asks whoever runs a command."""


def answer(question: str) -> str:
    """Return what is typed, or nothing where nobody is there to answer."""
    try:
        return input(question)
    except EOFError:
        return ""
