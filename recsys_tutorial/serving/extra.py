"""The extra `serve`: what to say where it is missing."""

from __future__ import annotations

import importlib.util

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


class ServeExtraMissing(ImportError):
    """FastAPI or uvicorn is not installed; the message says how to get them."""


def require() -> None:
    """Raises ServeExtraMissing unless everything that the service imports can be found."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ServeExtraMissing(
            f"the service needs the extra `serve`, and {' and '.join(missing)} is not installed: "
            'run  pip install "recsys-tutorial[serve]"  or, in a checkout,  '
            'pip install -e ".[serve]"',
            name=missing[0],
        )
