"""What child processes are given: nothing foreign, the user's own index, the right commands."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bootstrap
import environment

ROOT = Path(__file__).resolve().parent.parent


def test_foreign_settings_stay_out_and_the_users_index_and_proxy_stay():
    foreign = dict.fromkeys(environment.KEPT_OUT, "x")
    kept = {"PIP_INDEX_URL": "mirror", "HTTPS_PROXY": "proxy", "PIP_CERT": "c", "Path": "p"}
    env = environment.child_env({**foreign, **kept}, Path("v"), "Linux")
    assert not foreign.keys() & env.keys()
    assert env["PIP_INDEX_URL"] == "mirror"
    assert env["HTTPS_PROXY"] == "proxy"
    assert env["Path"].split(os.pathsep) == [str(Path("v") / "bin"), "p"]
    assert (env["PYTHONNOUSERSITE"], env["PYTHONUTF8"], env["PIP_USER"]) == ("1", "1", "0")
    windows = environment.child_env({}, Path("v"), "Windows")
    assert windows["PATH"] == str(Path("v") / "Scripts")


def test_from_a_stick_pip_looks_nowhere_else():
    env = environment.child_env(
        {"PIP_INDEX_URL": "mirror", "PIP_FIND_LINKS": "far"}, Path("v"), "Linux", sealed=True
    )
    assert env["PIP_CONFIG_FILE"] == os.devnull
    assert not {"PIP_INDEX_URL", "PIP_FIND_LINKS"} & env.keys()


def test_the_environments_kernel_wins_over_a_foreign_one(tmp_path):
    spec = tmp_path / "share" / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["foreign"], "display_name": "x", "language": "p"}')
    user = tmp_path / ".local" / "share" / "jupyter"
    user.parent.mkdir(parents=True)
    shutil.copytree(spec.parent.parent, user)
    planted = {"JUPYTER_PATH": str(spec.parent.parent), "HOME": str(tmp_path)}
    planted |= {"JUPYTER_DATA_DIR": str(user), "JUPYTER_PREFER_ENV_PATH": "0"}
    code = "from jupyter_client.kernelspec import KernelSpecManager as K;"
    code += "print(K().get_kernel_spec('python3').argv[0])"

    def kernel(env: dict[str, str]) -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=env, capture_output=True, text=True).stdout.strip()

    hostile = {**os.environ, **planted}
    assert kernel(hostile) == "foreign", "the trap must work"
    env = environment.child_env(hostile, Path(sys.prefix), platform.system())
    assert kernel(env).startswith("python")


def test_a_foreign_module_path_does_not_reach_children(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('foreign')")
    command = [
        sys.executable,
        "-c",
        "import sys; print(sys.flags.utf8_mode, sys.flags.no_user_site)",
    ]
    env = environment.child_env(
        {**os.environ, "PYTHONPATH": str(tmp_path)}, Path(sys.prefix), platform.system()
    )
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    assert run.stdout.split() == ["1", "1"]


def test_the_command_of_the_lab_and_what_the_pages_are_told(tmp_path):
    lab = bootstrap.lab_command(Path("py"), ROOT, as_root=True)
    assert lab[:3] == ["py", "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={ROOT}" in lab
    assert "--allow-root" in lab
    assert "--allow-root" not in bootstrap.lab_command(Path("py"), ROOT, as_root=False)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "index.ipynb").touch()
    assert "--LabApp.default_url=/lab/tree/notebooks/index.ipynb" in bootstrap.lab_command(
        Path("py"), tmp_path, as_root=False
    )
    bare = SimpleNamespace(env=dict)
    told = bootstrap.run_env(bare, "planted", None, False)  # type: ignore[arg-type]
    assert told == {bootstrap.DATASET: "planted"}
    told = bootstrap.run_env(bare, "ml-100k", Path("d"), True)  # type: ignore[arg-type]
    assert told["RECSYS_TUTORIAL_DATA"] == "d"
    assert told["RECSYS_TUTORIAL_OFFLINE"] == "1"
