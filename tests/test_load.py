"""The service under load and under hostile requests: bounded in number, on this machine alone."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from service import exported, film_model, films, fitted, ranker, served  # noqa: F401

sys.path.insert(0, str(Path(__file__).parents[1]))

import recsys_tutorial as rt
from benchmarks import serving as measure

pytestmark = pytest.mark.slow

MB_A_THOUSAND = 1.0
"""What memory may grow by a thousand requests: a leak of a kilobyte each would be seen."""


@pytest.fixture
def service(exported, tmp_path):  # noqa: F811
    folder = Path(shutil.copytree(exported, tmp_path / "live"))
    with measure.Service(folder) as started:
        started.folder = folder
        yield started


def test_gates_can_fail():
    slow = {"per_second": 299, "p99_ms": 50, "errors": 1, "memory_growth_mb": 8}
    held = [holds for _, holds in measure.gates({**slow, "server_cpu_ms_per_request": 1})]
    assert held == [False] * 4


def test_sixteen_connections_get_answers_and_memory_stays(service, films):  # noqa: F811
    content = measure.bodies(films)
    warm = measure.client(service.port, 1_000, content)
    before = service.memory()
    result = measure.client(service.port, 4_000, content)
    assert (warm["errors"], result["errors"]) == (0, 0)
    assert result["requests"] == 4_000
    assert service.memory() - before < 4 * MB_A_THOUSAND
    text = httpx.get(f"http://127.0.0.1:{service.port}/metrics").text
    assert 'requests_total{method="POST",route="/recommend",status="200"} 5000.0' in text


def test_new_models_under_load_drop_no_request(service, films):  # noqa: F811
    models = [fitted(films, epochs=1, seed=seed) for seed in range(3)]
    content, result = measure.bodies(films), {}
    thread = threading.Thread(
        target=lambda: result.update(measure.client(service.port, 4_000, content))
    )
    thread.start()
    for model in models:
        rt.serving.export(model, films, service.folder)
        wanted = json.loads((service.folder / "card.json").read_text())["weights"]["sha256"][:12]
        end = time.monotonic() + 30
        while httpx.get(f"http://127.0.0.1:{service.port}/ready").json()["model"] != wanted:
            assert time.monotonic() < end, "the new model was not taken over"
            time.sleep(0.05)
    thread.join()
    assert result["errors"] == 0
    assert result["requests"] == 4_000


def test_hostile_requests_made_from_its_own_openapi(served):  # noqa: F811
    """Schemathesis sends what the description allows, and what it does not: never a 5xx, and every
    status is as described."""
    import hypothesis
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

    schema = schemathesis.openapi.from_url(f"{served.url}openapi.json")
    checks = [not_a_server_error, status_code_conformance, content_type_conformance]
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 7
    asked = {operation.label: 0 for operation in operations}
    for operation in operations:
        takes_nothing = not list(operation.iter_parameters()) and not operation.body
        for mode in schemathesis.GenerationMode:
            if takes_nothing and mode.is_negative:
                continue  # there is nothing that could be wrong

            def call(case) -> None:
                asked[case.operation.label] += 1
                case.call_and_validate(checks=checks, timeout=10)

            strategy = operation.as_strategy(generation_mode=mode)
            hypothesis.settings(
                max_examples=60,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )(hypothesis.given(strategy)(call))()
    assert all(asked.values()), asked
    assert asked["POST /recommend"] >= 80
    assert httpx.get(f"{served.url}ready").status_code == 200
