"""`ws.check`: exercises that say at once whether the answer is right, and what is off if not."""

from recsys_workshop.checks.registry import check, names, progress, register, use

__all__ = ["check", "names", "progress", "register", "use"]
