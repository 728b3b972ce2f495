"""The service as a process: operations, a new model, ratings to keep, and its end."""
# ruff: noqa: F811

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
from service import exported, film_model, films, fitted, ranker, served  # noqa: F401

import recsys_tutorial as rt
from recsys_tutorial.serving import app as app_module
from recsys_tutorial.serving import server as server_module
from recsys_tutorial.serving.__main__ import main
from recsys_tutorial.serving.engine import Engine

ME = [{"item": 3, "rating": 5}, {"item": 10, "rating": 1}, {"item": 25, "rating": 4}]


@pytest.fixture
def client(served):
    with httpx.Client(base_url=served.url, timeout=10) as made:
        yield made


# ---- operations ---------------------------------------------------------------------------------


def test_health_readiness_and_card(client, exported):
    assert client.get("/health").json()["status"] == "alive"
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
    for path in ("/", "/page/app.js", "/page/server.js", "/page/style.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert not re.search(r"https?://|//\w+\.\w+/", answer.text)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    page = sum(len(client.get(f"/{p}").content) for p in ("", "page/app.js", "page/server.js"))
    assert page < 40_000  # bytes: a light page


# ---- starting, changing, ending -----------------------------------------------------------------


def test_only_this_machine_unless_told_otherwise(exported):
    with rt.serving.serve(exported) as service:
        assert service.url.startswith("http://127.0.0.1:")
        assert httpx.get(service.url).status_code == 200
        (bound,) = {s.getsockname()[0] for s in service._server.servers[0].sockets}
        assert bound == "127.0.0.1"
    assert server_module.is_loopback("::1")
    assert server_module.is_loopback("localhost")
    assert not server_module.is_loopback("0.0.0.0")
    assert not server_module.is_loopback("example.org")


def test_stopping_twice_frees_the_port_and_a_second_service_stops_the_first(exported):
    first = rt.serving.serve(exported)
    assert repr(first).endswith("running>")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: .*in use"):
            rt.serving.serve(exported, port=port)
    assert not first.running
    first = rt.serving.serve(exported)
    second = rt.serving.serve(exported, port=first.port)  # the first gave it free
    assert not first.running
    assert httpx.get(f"{second.url}health").status_code == 200
    second.stop()
    second.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(second.url)
    socket.create_server(("127.0.0.1", second.port)).close()


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


def test_a_new_export_is_taken_over_and_a_bad_one_is_not(exported, films, tmp_path, caplog):
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


def test_a_new_model_drops_no_request(exported, films, tmp_path, monkeypatch):
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
            wanted = json.loads((folder / "card.json").read_text())["weights"]["sha256"][:12]
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
def test_a_signal_ends_it(exported, number):
    process, port = start(exported)
    assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert err == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/ready")


@pytest.mark.slow
def test_killed_and_started_again_it_answers_the_same(exported):
    answers = []
    for _ in range(2):
        process, port = start(exported)
        answer = httpx.post(f"http://127.0.0.1:{port}/recommend", json={"ratings": ME})
        answers.append(answer.json())
        process.kill()
        process.communicate()
    assert answers[0] == answers[1]


def test_the_command_line_says_in_one_line_what_is_wrong(exported, tmp_path, capsys):
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
    assert "recall@10 0." in out
    assert (tmp_path / "out" / "index.html").is_file()
    metrics = rt.serving.load(tmp_path / "model").card["metrics"]
    assert 0.4 < metrics["rmse"] < 1.2
    assert metrics["ndcg@10"] > 0
