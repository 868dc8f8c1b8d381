"""What makes outside text safe for the eye, by its short name: the services write with it too."""

from ..services.visible import one_line, visible

__all__ = ["one_line", "visible"]
