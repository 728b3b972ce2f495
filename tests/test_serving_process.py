"""The service as a process: operations, a new model, ratings to keep, and its end."""
# ruff: noqa: F811

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from service import exported, film_model, films, fitted, ranker, served  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial.serving import app as app_module
from recsys_tutorial.serving.__main__ import main

ME = [{"item": 3, "rating": 5}, {"item": 10, "rating": 1}, {"item": 25, "rating": 4}]


@pytest.fixture
def client(served):
    with httpx.Client(base_url=served.url, timeout=10) as made:
        yield made


# ---- operations ---------------------------------------------------------------------------------


def test_readiness_and_card(client, exported):
    card = client.get("/card").json()
    ready = client.get("/ready").json()
    assert ready == {"status": "ready", "model": card["weights"]["sha256"][:12]}
    assert card["n_items"] == 90
    assert (card["model"]["for"], card["stars"]["for"]) == ("lists", "stars")
    assert card["metrics"] == {"ndcg@10": 0.4}
    assert card["popularity"] == {"ndcg@10": 0.2}
    assert '"ids"' not in json.dumps(card)
    assert str(exported) not in json.dumps(card)


def test_metrics_count_requests_and_never_take_paths_as_names(exported):
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


def test_openapi_names_every_address_and_what_is_refused(client):
    api = client.get("/openapi.json").json()
    for path, methods in api["paths"].items():
        for what in methods.values():
            assert what["description"], path
            assert "4XX" in what["responses"], path
    assert {"/recommend", "/explain", "/search", "/ready", "/metrics"} <= api["paths"].keys()
    assert api["components"]["schemas"]["Rating"]["required"] == ["item", "rating"]


def test_nothing_of_the_page_comes_from_elsewhere(client):
    for path in ("/", "/page/app.js", "/page/server.js", "/page/style.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not re.search(r"https?://|//\w+\.\w+/", answer.text)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    page = sum(len(client.get(f"/{p}").content) for p in ("", "page/app.js", "page/server.js"))
    assert page < 40_000  # bytes: a light page


# ---- starting, changing, ending -----------------------------------------------------------------


def test_a_second_service_stops_the_first_and_a_taken_port_is_named(exported, capfd):
    first = rt.serving.serve(exported)
    assert repr(first).endswith("running>")
    (bound,) = {s.getsockname()[0] for s in first._server.servers[0].sockets}
    assert bound == "127.0.0.1"  # only this machine unless told otherwise
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}"):
            rt.serving.serve(exported, port=port)
    assert "in use" in capfd.readouterr().err
    assert not first.running
    second = rt.serving.serve(exported, port=first.port)  # the first gave it free
    assert httpx.get(f"{second.url}ready").status_code == 200
    second.stop()
    second.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(second.url)


def test_ratings_are_kept_through_the_notebook_on_this_machine_only(exported):
    kept = []
    with rt.serving.serve(exported, keep=kept.append) as service:
        assert httpx.get(f"{service.url}card").json()["page"]["keeps"] is True
        assert httpx.post(f"{service.url}keep", json={"ratings": ME}).json() == {"kept": 3}
        assert httpx.post(f"{service.url}keep", json={"ratings": [{"item": 3}]}).status_code == 422
    assert kept == [{3: 5.0, 10: 1.0, 25: 4.0}]
    with pytest.raises(ValueError, match=r"0\.0\.0\.0.*could overwrite your ratings"):
        rt.serving.serve(exported, host="0.0.0.0", keep=kept.append)
    with rt.serving.serve(exported) as service:
        assert httpx.post(f"{service.url}keep", json={"ratings": ME}).status_code == 404


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_new_export_is_taken_over_and_a_bad_one_is_not(
    exported, films, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(app_module, "LOOK_SECONDS", 0.02)
    folder = Path(shutil.copytree(exported, tmp_path / "live"))
    with rt.serving.serve(folder) as service:
        ask = lambda path: httpx.get(f"{service.url}{path}").text  # noqa: E731
        rt.serving.export(fitted(films, epochs=1, seed=9), films, folder)
        new = rt.serving.load(folder).card["weights"]["sha256"][:12]
        until(lambda: new in ask("ready"))
        (folder / "card.json").write_text("{")
        until(lambda: 'result="refused"} 1.0' in ask("metrics"))
        assert new in ask("ready")
        assert 'recsys_model_loads_total{result="taken"} 1.0' in ask("metrics")
        assert ask("metrics").count("recsys_model_info{") == 1
    assert "new model refused, the old one stays" in caplog.text


def test_a_new_model_drops_no_request(exported, films, tmp_path, monkeypatch):
    """Clients keep asking while models change under them: each answer is whole and of one model."""
    monkeypatch.setattr(app_module, "LOOK_SECONDS", 0.02)
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
            wanted = json.loads((folder / "card.json").read_text())["weights"]["sha256"][:12]
            until(lambda wanted=wanted: wanted in by_model)
        stop.set()
        for one in clients:
            one.join()
    assert wrong == []
    assert len(by_model) == 4
    assert all(len(answers) == 1 for answers in by_model.values())


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The service as a process, from its command line; and its port."""
    command = [sys.executable, "-m", "recsys_tutorial.serving", "serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if found := re.search(r"running on http://.*:(\d+)", line):
            return process, int(found[1])
    raise AssertionError("the service did not start")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(exported, number):
    process, port = start(exported)
    assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/ready")


def test_the_command_line_says_in_one_line_what_is_wrong(tmp_path, capsys):
    assert main(["serve", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"serve: {tmp_path}: there is no card.json")
