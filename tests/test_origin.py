import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shno import origin
from shno.threads import thread_count


def test_the_machine_is_named_with_its_threads():
    assert origin.machine().endswith(f"cores, {thread_count()} threads") and "\n" not in origin.machine()


def copied(folder):
    """The commit that a copy of the module in a package of its own tells; its folder."""
    package = folder / "shno"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    for name in ("origin.py", "threads.py"):
        shutil.copy(Path(origin.__file__).with_name(name), package / name)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from shno import origin; print(origin.commit())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_that_of_the_source_and_not_of_the_folder_around_an_installation(tmp_path):
    assert copied(tmp_path) == "None"
    git(tmp_path, "init")
    (tmp_path / "mine").write_text("")
    git(tmp_path, "add", "mine")
    git(tmp_path, "commit", "-m", "a project of one's own")
    assert copied(tmp_path) == "None"
    git(tmp_path, "add", "shno/origin.py")
    git(tmp_path, "commit", "-m", "the source")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD").strip()
    assert copied(tmp_path) == commit
    (tmp_path / "mine").write_text("changed")
    assert copied(tmp_path) == f"{commit}-dirty"


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert origin.commit() is None
