"""Downloads from a server of our own: whole and verified, or one clear error and no leftovers."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import Handler, Server, answers
from sample_files import sha256

from recsys_tutorial.datasets import download as module
from recsys_tutorial.datasets.download import DownloadError, download, pip_download, sha256_of

CONTENT = bytes(range(256)) * 1_000
DIGEST = sha256(CONTENT)


def get(url: str, directory: Path, **options: Any) -> Path:
    options = {"sha256": DIGEST, "max_bytes": 10**6, "timeout": 5.0, **options}
    return download(url, directory / "file.bin", **options)


def refused(url: str, directory: Path, *words: str, **options: Any) -> str:
    """The message of the refusal: names the address and the words, and nothing is left behind."""
    before = sorted(directory.rglob("*"))
    with pytest.raises(DownloadError) as caught:
        get(url, directory, **options)
    message = str(caught.value)
    assert [w for w in (url, *words) if w not in message] == [], message
    assert "\n" not in message
    assert sorted(directory.rglob("*")) == before
    return message


def test_whole_and_verified(server: Server, tmp_path: Path) -> None:
    url = server.on("/file.bin", answers(CONTENT))
    target = get(url, tmp_path / "new" / "directory")
    assert target == tmp_path / "new" / "directory" / "file.bin"
    assert target.read_bytes() == CONTENT
    assert sha256_of(target) == DIGEST
    assert [p.name for p in target.parent.iterdir()] == ["file.bin"]
    umask = os.umask(0)
    os.umask(umask)
    if os.name == "posix":  # a class may share the directory
        assert target.stat().st_mode & 0o777 == 0o666 & ~umask


def test_without_a_declared_length(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT)

    assert get(server.on("/", answer), tmp_path).read_bytes() == CONTENT


def test_replaces_an_old_file_only_by_a_good_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    refused(server.on("/bad", answers(b"bad")), tmp_path, "checksum")
    assert (tmp_path / "file.bin").read_bytes() == b"old"
    get(server.on("/good", answers(CONTENT)), tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_wrong_checksum(server: Server, tmp_path: Path) -> None:
    bad = CONTENT[:-1] + b"?"
    url = server.on("/", answers(bad))
    refused(url, tmp_path, "wrong checksum", DIGEST, sha256(bad), "try again later")


@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_error_status(server: Server, tmp_path: Path, status: int) -> None:
    refused(server.on("/", answers(b"no", status)), tmp_path, str(status))


def test_success_that_is_not_the_file(server: Server, tmp_path: Path) -> None:
    refused(server.on("/", answers(CONTENT, 206)), tmp_path, "206 instead of 200")


def test_declared_too_large(server: Server, tmp_path: Path) -> None:
    url = server.on("/", answers(b"", Content_Length="999999999999"))
    refused(url, tmp_path, "999999999999", "1000000 bytes allowed")


def test_too_large_without_saying_so(server: Server, tmp_path: Path) -> None:
    sent = 0

    def answer(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        while sent < 200_000_000:
            handler.wfile.write(bytes(100_000))
            sent += 100_000

    refused(server.on("/", answer), tmp_path, "1000000 bytes allowed")
    assert sent < 100_000_000  # the client hung up


def test_broken_off(server: Server, tmp_path: Path) -> None:
    url = server.on("/", answers(CONTENT[:1000], Content_Length=str(len(CONTENT))))
    refused(url, tmp_path, "broke off", f"1000 of {len(CONTENT)}", "Try again")


def test_broken_off_in_a_chunk(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"ff\r\nshort")
        handler.close_connection = True

    refused(server.on("/", answer), tmp_path, "Check the connection")


def test_stalled_in_the_middle(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        answers(CONTENT[:1000], Content_Length=str(len(CONTENT)))(handler)
        handler.wfile.flush()
        server.stopped.wait(10)

    started = time.monotonic()
    refused(server.on("/", answer), tmp_path, "no answer within 0.2 s", timeout=0.2)
    assert time.monotonic() - started < 3


def test_stalled_before_the_answer(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        server.stopped.wait(10)

    refused(server.on("/", answer), tmp_path, "no answer within 0.2 s", timeout=0.2)


def test_trickle_ends_at_the_deadline(server: Server, tmp_path: Path) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        for n in range(len(CONTENT)):
            handler.wfile.write(CONTENT[n : n + 1])
            if server.stopped.wait(0.02):
                break

    started = time.monotonic()
    refused(server.on("/", answer), tmp_path, "not finished after 0.3 s", deadline=0.3)
    assert time.monotonic() - started < 3


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused(f"http://127.0.0.1:{port}/x", tmp_path, "refused", "Check the connection")


def test_no_http_at_all(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def chatter() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-nonsense\r\n\r\n")

        thread = threading.Thread(target=chatter)
        thread.start()
        refused(
            f"http://127.0.0.1:{listening.getsockname()[1]}/x", tmp_path, "Check the connection"
        )
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example.org/x.zip",
        "ftp://files.example.org/x.zip",
        "file:///etc/hostname",
        "http://127.0.0.1.example.org/x.zip",
    ],
)
def test_only_https_from_elsewhere(url: str, tmp_path: Path) -> None:
    refused(url, tmp_path, "only https")


@pytest.mark.parametrize("to", ["http://files.example.org/x", "file:///etc/hostname", "ftp://a/b"])
def test_no_redirect_away_from_https(server: Server, tmp_path: Path, to: str) -> None:
    url = server.on("/", answers(b"", 302, Location=to))
    assert "file.bin" not in refused(url, tmp_path)


def test_redirect_on_this_machine(server: Server, tmp_path: Path) -> None:
    server.on("/file", answers(CONTENT))
    url = server.on("/", answers(b"", 301, Location="/file"))
    assert get(url, tmp_path).read_bytes() == CONTENT


def test_redirects_in_a_circle(server: Server, tmp_path: Path) -> None:
    refused(server.on("/", answers(b"", 302, Location="/")), tmp_path, "302")


def test_a_secure_address_does_not_lead_to_a_plain_one() -> None:
    request = module.urllib.request.Request("https://files.example.org/x")
    handler = module._SafeRedirects()
    for to in ("http://127.0.0.1/x", "http://files.example.org/x"):
        with pytest.raises(DownloadError, match="refused the redirect"):
            handler.redirect_request(request, io.BytesIO(), 302, "", None, to)  # type: ignore[arg-type]


def test_a_proxy_is_not_asked_for_this_machine(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert get(server.on("/", answers(CONTENT)), tmp_path).exists()


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(*_: Any, **__: Any) -> None:
        error = module.ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "certificate has expired"
        raise error

    monkeypatch.setattr(module.http.client.HTTPSConnection, "connect", expired)
    refused("https://127.0.0.1/x", tmp_path, "certificate has expired")


# ---- nothing is left behind -----------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_nothing(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    def interrupt(*_: Any) -> None:
        assert list(tmp_path.rglob("*.part"))  # we are in the middle of it
        raise error

    monkeypatch.setattr(module._Meter, "update", interrupt)
    with pytest.raises(error):
        get(server.on("/", answers(CONTENT)), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_disk_full(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(DownloadError, match=r"No space left on device\. Make room"):
        get(server.on("/", answers(CONTENT)), tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_directory_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match=r"cannot write .*file\.bin.*another directory"):
        get(server.on("/", answers(CONTENT)), tmp_path / "file" / "below")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# ---- progress -------------------------------------------------------------------------------


def test_progress_is_quiet_in_the_first_second(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    get(server.on("/", answers(CONTENT)), tmp_path)
    assert capsys.readouterr() == ("", "")


def test_progress_is_plain_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    meter = module._Meter("a.zip", 4_000_000, enabled=True)
    for seconds in range(10):
        clock[0] = float(seconds)
        meter.update(seconds * 400_000)
    meter.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "downloading a.zip: 0.4 of 4.0 MB (10%)",
        "downloading a.zip: 2.4 of 4.0 MB (60%)",
    ]


# ---- pip ------------------------------------------------------------------------------------


def fake_pip(monkeypatch: pytest.MonkeyPatch, act: Callable[[list[str]], Any]) -> None:
    def run(command: list[str], **_: Any) -> Any:
        return act(command)

    monkeypatch.setattr(module.subprocess, "run", run)


def done(returncode: int = 0, stderr: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], returncode, stdout="", stderr=stderr)


def test_pip_is_asked_for_one_pinned_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def act(command: list[str]) -> Any:
        seen.extend(command)
        pins = Path(command[command.index("-r") + 1])
        assert pins.read_text() == f"thing==1.0 --hash=sha256:{DIGEST}\n"
        (Path(command[command.index("-d") + 1]) / "thing.whl").write_bytes(CONTENT)
        return done()

    fake_pip(monkeypatch, act)
    target = pip_download("thing==1.0", tmp_path / "data" / "thing.whl", sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert [p.name for p in target.parent.iterdir()] == ["thing.whl"]
    assert seen[:3] == [sys.executable, "-m", "pip"]
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(seen)
    assert not {"--index-url", "-i", "--isolated"} & set(seen)  # the user's settings hold


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (done(1, "WARNING: a\nERROR: no version\nERROR: No matching thing\n\nnote"), "No matching"),
        (done(1, "python3: No module named pip"), "python3: No module named pip"),
        (done(1), "pip failed without a message"),
        (done(0), r"expected thing\.whl, pip brought \[\]"),
    ],
)
def test_pip_failures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    result: subprocess.CompletedProcess[str],
    message: str,
) -> None:
    fake_pip(monkeypatch, lambda _: result)
    with pytest.raises(DownloadError, match=rf"pip download thing==1\.0: {message}"):
        pip_download("thing==1.0", tmp_path / "data" / "thing.whl", sha256=DIGEST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), subprocess.TimeoutExpired("pip", 3)])
def test_pip_that_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def act(_: list[str]) -> Any:
        raise error

    fake_pip(monkeypatch, act)
    with pytest.raises((KeyboardInterrupt, DownloadError)):
        pip_download("thing==1.0", tmp_path / "data" / "thing.whl", sha256=DIGEST)
    assert list(tmp_path.iterdir()) == []


def test_the_wheel_is_verified_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(command: list[str]) -> Any:
        (Path(command[command.index("-d") + 1]) / "thing.whl").write_bytes(b"other")
        return done()

    fake_pip(monkeypatch, act)
    with pytest.raises(DownloadError, match="wrong checksum"):
        pip_download("thing==1.0", tmp_path / "thing.whl", sha256=DIGEST)
    assert list(tmp_path.iterdir()) == []


def test_real_pip_finds_nothing_in_an_empty_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "wheels"
    empty.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty))
    with pytest.raises(DownloadError, match=r"pip download no-such-thing==1\.0: No matching"):
        pip_download("no-such-thing==1.0", tmp_path / "thing.whl", sha256=DIGEST)
    assert [p.name for p in tmp_path.iterdir()] == ["wheels"]
