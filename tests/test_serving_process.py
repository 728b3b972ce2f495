"""The service as a process: slow clients, operations, a new model, and its end."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from service import exported, film_model, films, fitted, served  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial.serving import app as app_module
from recsys_tutorial.serving import server as server_module
from recsys_tutorial.serving.__main__ import main
from recsys_tutorial.serving.engine import Engine
from recsys_tutorial.serving.guard import Limits

ME = [{"item": 3, "rating": 5}, {"item": 10, "rating": 1}, {"item": 25, "rating": 4}]


@pytest.fixture
def client(served):  # noqa: F811
    with httpx.Client(base_url=served.url, timeout=10) as made:
        yield made


# ---- slow clients -------------------------------------------------------------------------------


def raw(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def received(connection: socket.socket) -> bytes:
    parts = []
    while piece := connection.recv(65536):
        parts.append(piece)
    return b"".join(parts)


HEAD = b"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_body_that_does_not_arrive_is_not_waited_for(exported):  # noqa: F811
    with (
        rt.serving.serve(exported, limits=Limits(body_seconds=0.2)) as service,
        closing(raw(service.port)) as connection,
    ):
        connection.sendall(HEAD + b'Content-Length: 20\r\n\r\n{"rat')
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer


@pytest.mark.parametrize("before", [b"", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"])
@pytest.mark.parametrize("beginning", [b"G", b"GET /health HTTP/1.1\r\nHost:"])
def test_a_head_that_does_not_arrive_is_not_waited_for(exported, before, beginning, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server_module._Protocol, "head_seconds", 0.2)
    with rt.serving.serve(exported) as service, closing(raw(service.port)) as connection:
        if before:  # a connection that has been of use is no different
            connection.sendall(before)
            answer = b""
            while not answer.endswith(b"}"):  # head and body may come in pieces
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
        connection.sendall(beginning)
        assert received(connection) == b""  # returns when the service closes
        assert httpx.get(f"{service.url}health").status_code == 200


def test_an_answer_in_two_pieces_is_not_held_back():
    """asyncio sets TCP_NODELAY on what such a socket accepts, and on no other."""
    with closing(server_module._listen("127.0.0.1", 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with socket.create_connection(listening.getsockname()):
            listening.setblocking(True)
            accepted, _ = listening.accept()
            with closing(accepted):
                assert accepted.proto == socket.IPPROTO_TCP


def test_a_connection_that_asks_nothing_is_closed(exported, monkeypatch):  # noqa: F811
    monkeypatch.setattr(server_module._Protocol, "head_seconds", 0.2)
    with rt.serving.serve(exported) as service, closing(raw(service.port)) as connection:
        assert received(connection) == b""


def test_a_client_that_hangs_up_harms_nobody(exported):  # noqa: F811
    with rt.serving.serve(exported) as service:
        for content in (HEAD + b'Content-Length: 20\r\n\r\n{"rat', b"\x00\xff\r\n\r\n", b"GET"):
            with closing(raw(service.port)) as connection:
                connection.sendall(content)
        assert httpx.get(f"{service.url}health").status_code == 200


# ---- operations ---------------------------------------------------------------------------------


def test_health_readiness_and_card(client, exported):  # noqa: F811
    assert client.get("/health").json()["status"] == "alive"
    card = client.get("/card").json()
    ready = client.get("/ready").json()
    assert ready == {"status": "ready", "model": card["sha256"][:12]}
    assert card["n_items"] == 90
    assert "ids" not in json.dumps(card)
    assert str(exported) not in json.dumps(card)


def test_metrics_count_requests_and_never_take_paths_as_names(exported):  # noqa: F811
    with rt.serving.serve(exported) as service:
        for number in range(3):
            httpx.post(f"{service.url}recommend", json={"ratings": ME})
            httpx.get(f"{service.url}secret-{number}")
        text = httpx.get(f"{service.url}metrics").text
    assert 'requests_total{method="POST",route="/recommend",status="200"} 3.0' in text
    assert 'requests_total{method="GET",route="other",status="404"} 3.0' in text
    assert 'request_seconds_count{route="/recommend"} 3.0' in text
    assert 'recsys_model_info{data="planted",model="' in text
    assert "secret" not in text


def test_openapi_names_every_address_and_its_problems(client):
    api = client.get("/openapi.json").json()
    for path, methods in api["paths"].items():
        for what in methods.values():
            assert what["description"], path
            schema = what["responses"].get("422", {}).get("content", {}).get("application/json")
            assert schema is None or schema["schema"]["$ref"].endswith("/Problem")
    assert {"/recommend", "/explain", "/search", "/ready", "/metrics"} <= api["paths"].keys()
    assert "413" in api["paths"]["/recommend"]["post"]["responses"]


def test_nothing_of_the_page_comes_from_elsewhere(client):
    for path in ("/", "/docs", "/page/app.js", "/page/server.js", "/page/style.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not re.search(r"https?://|//\w+\.\w+/", answer.text)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        tag = {"if-none-match": answer.headers["etag"]}
        assert client.get(path, headers=tag).status_code == 304
    page = sum(len(client.get(f"/{p}").content) for p in ("", "page/app.js", "page/server.js"))
    assert page < 40_000  # bytes: a light page


# ---- starting, changing, ending -----------------------------------------------------------------


def test_only_this_machine_unless_told_otherwise(exported):  # noqa: F811
    with rt.serving.serve(exported) as service:
        assert service.url.startswith("http://127.0.0.1:")
        assert httpx.get(service.url).status_code == 200
        (bound,) = {s.getsockname()[0] for s in service._server.servers[0].sockets}
        assert bound == "127.0.0.1"
    assert server_module.is_loopback("::1")
    assert server_module.is_loopback("localhost")
    assert not server_module.is_loopback("0.0.0.0")
    assert not server_module.is_loopback("example.org")


def test_stopping_twice_and_port_taken(exported):  # noqa: F811
    service = rt.serving.serve(exported)
    assert service.running
    assert repr(service).endswith("running>")
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {service.port}: .*in use"):
        rt.serving.serve(exported, port=service.port)
    service.stop()
    service.stop()
    assert not service.running
    with pytest.raises(httpx.ConnectError):
        httpx.get(service.url)


def test_a_new_export_is_taken_over_and_a_bad_one_is_not(exported, films, tmp_path, caplog):  # noqa: F811
    folder = Path(shutil.copytree(exported, tmp_path / "live"))
    holder = app_module.Holder(Engine(rt.serving.load(folder)))
    watch = server_module.Watch(folder, holder)
    old = holder.engine
    assert asyncio.run(watch.look()) is False
    rt.serving.export(fitted(films, epochs=1, seed=9), films, folder)
    assert asyncio.run(watch.look()) is True
    new = holder.engine
    assert new is not old
    assert asyncio.run(watch.look()) is False
    (folder / "card.json").write_text("{")
    assert asyncio.run(watch.look()) is False
    assert holder.engine is new
    assert "new model refused, the old one stays" in caplog.text
    text = app_module.generate_latest(holder.metrics.registry).decode()
    assert 'recsys_model_loads_total{result="taken"} 1.0' in text
    assert 'recsys_model_loads_total{result="refused"} 1.0' in text
    assert text.count("recsys_model_info{") == 1


def test_a_new_model_drops_no_request(exported, films, tmp_path, monkeypatch):  # noqa: F811
    """Clients keep asking while models change under them: each answer is whole and of one model."""
    monkeypatch.setattr(server_module, "LOOK_SECONDS", 0.02)
    folder = Path(shutil.copytree(exported, tmp_path / "live"))
    by_model: dict[str, set[tuple[str, ...]]] = {}
    stop = threading.Event()
    wrong: list[str] = []

    def ask(url: str) -> None:
        with httpx.Client(base_url=url) as client:
            while not stop.is_set():
                answer = client.post("/recommend", json={"ratings": ME})
                if answer.status_code != 200:
                    wrong.append(answer.text)
                content = answer.json()
                best = tuple(one["title"] for one in content["recommendations"])
                by_model.setdefault(content["model"], set()).add(best)

    with rt.serving.serve(folder) as service:
        clients = [threading.Thread(target=ask, args=(service.url,)) for _ in range(3)]
        for one in clients:
            one.start()
        for seed in range(3):
            rt.serving.export(fitted(films, epochs=1, seed=seed), films, folder)
            wanted = json.loads((folder / "card.json").read_text())["sha256"][:12]
            end = time.monotonic() + 20
            while wanted not in by_model and time.monotonic() < end:
                time.sleep(0.01)
        stop.set()
        for one in clients:
            one.join()
    assert wrong == []
    assert len(by_model) == 4
    assert all(len(answers) == 1 for answers in by_model.values())


def start(folder: Path, *more: str) -> tuple[subprocess.Popen[str], int]:
    """The service as a process, from its command line; and its port."""
    command = [sys.executable, "-m", "recsys_tutorial.serving", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("http"):
            return process, int(re.search(r":(\d+)/", line).group(1))
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_in_flight_finish(exported, number):  # noqa: F811
    process, port = start(exported)
    body = json.dumps({"ratings": ME}).encode()
    with closing(raw(port)) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
        while b"in_flight 2.0" not in httpx.get(f"http://127.0.0.1:{port}/metrics").content:
            time.sleep(0.01)
        process.send_signal(number)
        end = time.monotonic() + 10
        while time.monotonic() < end:  # no new ones from now on
            try:
                raw(port).close()
                time.sleep(0.02)
            except OSError:
                break
        connection.sendall(body[10:])
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"recommendations":[{' in answer
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out.endswith("Stopped.\n")
    assert err == ""


@pytest.mark.slow
def test_killed_and_started_again_it_answers_the_same(exported):  # noqa: F811
    answers = []
    for _ in range(2):
        process, port = start(exported)
        answer = httpx.post(f"http://127.0.0.1:{port}/recommend", json={"ratings": ME})
        answers.append(answer.json())
        process.kill()
        process.communicate()
    assert answers[0] == answers[1]


def test_the_command_line_says_in_one_line_what_is_wrong(exported, tmp_path, capsys):  # noqa: F811
    assert main(["serve", str(tmp_path)]) == 1
    assert main(["site", str(tmp_path), str(tmp_path / "out")]) == 1
    assert main(["export", str(tmp_path), "--dataset", "nonsense"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["serve", "site", "export"]
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        assert main(["serve", str(exported), "--port", str(taken.getsockname()[1])]) == 1
    assert "Choose another port" in capsys.readouterr().err


def test_export_and_site_from_the_command_line(tmp_path, capsys):
    assert main(["export", str(tmp_path / "model"), "--dataset", "planted"]) == 0
    assert main(["site", str(tmp_path / "model"), str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "RMSE 0." in out
    assert (tmp_path / "out" / "index.html").is_file()
    metrics = rt.serving.load(tmp_path / "model").card["metrics"]
    assert 0.4 < metrics["rmse"] < 1.2


def test_importing_the_library_needs_no_web_framework():
    code = (
        "import sys; sys.modules['fastapi'] = sys.modules['uvicorn'] = None\n"
        "from recsys_tutorial.serving import Engine, build_site, export, load\n"
        "assert 'recsys_tutorial.serving.app' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
