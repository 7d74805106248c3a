"""The sandbox, from inside: what student code can see, reach, leave behind and forge. Nothing here is mocked."""

import os
import secrets
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gancourse.authoring.project import ROOT
from gancourse.errors import GradingError
from gancourse.grading import grade, pool, sandbox
from gancourse.grading.pool import ForgedMessage, SessionEnded, WarmParent
from gancourse.grading.sandbox import Limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(sandbox.available()), reason=f"STUDENT CODE CANNOT BE ISOLATED HERE: {sandbox.available()}"
    ),
]
LIMITS = Limits(3, 60, memory_in_all=64 << 30, processes=40, disk=32 << 20, output=100_000)
CHECK = 'check("01.sample_noise", sample_noise)\ncheck("01.sample_noise", sample_noise, hidden=True)'
RIGHT = (
    "import torch\ndef sample_noise(n, latent_dim, device='cpu'):\n    return torch.randn(n, latent_dim, device=device)"
)


@pytest.fixture(scope="module")
def parent():
    parent = WarmParent(["matplotlib.pyplot", "gancourse.show"], LIMITS)
    assert parent.start() == {"walled": True, "threads": 1}
    yield parent
    parent.close()


def printed(answer):
    return "".join(o["text"] for o in answer["outputs"] if o["output_type"] == "stream")


def errors(answer):
    return [o["ename"] for o in answer["outputs"] if o["output_type"] == "error"]


def run(parent, *cells, files=None):
    """What the last of these cells prints, in a submission of its own."""
    with parent.session(files or {}, checks=False) as session:
        for cell in cells:
            answer = session.run(do="cell", source=cell)
    assert not errors(answer), errors(answer)
    return printed(answer)


def checked(parent, *cells):
    """The answer of the check after these cells."""
    with parent.session({}, checks=True) as session:
        for cell in cells:
            session.run(do="cell", source=cell)
        return session.run(do="check", source=CHECK, seed="77")


def test_cells_run_as_in_a_kernel(parent):
    with parent.session({}, checks=False) as session:
        one = session.run(do="cell", source="x = 20\nx + 1")["outputs"]
        shown = session.run(do="cell", source="display(x); print('a'); get_ipython().run_line_magic('pwd', '')")[
            "outputs"
        ]
        plot = session.run(do="cell", source="import matplotlib.pyplot as plt\nplt.plot([1, 2]);")["outputs"]
        failed = session.run(do="cell", source="1 / 0")["outputs"]
        waited = session.run(do="cell", source="import asyncio\nawait asyncio.sleep(0)\nIn[1], Out[1]")["outputs"]
    assert [(o["output_type"], o["data"]["text/plain"]) for o in one] == [("execute_result", "21")]
    assert [o["output_type"] for o in shown] == ["display_data", "stream", "execute_result"][: len(shown)]
    assert "image/png" in plot[-1]["data"]
    assert failed[0]["ename"] == "ZeroDivisionError" and "1 / 0" in "".join(failed[0]["traceback"])
    assert waited[0]["data"]["text/plain"] == "('x = 20\\nx + 1', 21)"


LEAVE = """
import builtins, os, sys, torch, gancourse.checks.core as core
os.environ["LEFT"] = "1"
for place in ("/tmp/left", "/dev/shm/left", "left"): open(place, "w").write("x")
builtins.left = torch.left = core.left = sys.left = 1
torch.set_default_dtype(torch.float64); torch.manual_seed(1); sys.path.append("left"); left = 1
"""
LOOK = """
import builtins, os, sys, torch, gancourse.checks.core as core
print([hasattr(m, "left") for m in (builtins, torch, core, sys)], "left" in globals(), "LEFT" in os.environ,
      torch.get_default_dtype(), "left" in sys.path, torch.initial_seed(),
      [os.path.exists(p) for p in ("/tmp/left", "/dev/shm/left", "left")])
"""


def test_nothing_passes_from_one_submission_to_the_next(parent):
    before = run(parent, LOOK)
    assert "True" not in before
    assert run(parent, LEAVE, LOOK) != before
    assert run(parent, LOOK) == before


def test_no_process_survives(parent):
    token = secrets.token_hex(8)
    leave = f"""
import os, subprocess
for detached in (False, True):
    subprocess.Popen(["sh", "-c", "while :; do sleep 1; done; : {token}"], start_new_session=detached)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sh", ["sh", "-c", "while :; do sleep 1; done; : {token}"])
    os._exit(0)
print("started")"""
    with parent.session({}, checks=False) as session:
        assert "started" in printed(session.run(do="cell", source=leave))
        time.sleep(0.3)
        assert len(_processes_with(token)) == 3
    assert _processes_with(token) == []


def _processes_with(token):
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in command and int(folder.name) != os.getpid():
            found.append(folder.name)
    return found


def test_the_network_is_closed(parent):
    tries = """
import socket
def fails(f):
    try: f()
    except OSError: return True
    return False
def tcp(host, port): return lambda: socket.create_connection((host, port), 2)
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.sendto(b"x", ("8.8.8.8", 53)); s.recv(1)
def dns(): socket.getaddrinfo("python.org", 80)
print(fails(tcp("1.1.1.1", 80)), fails(tcp("127.0.0.1", PORT)), fails(udp), fails(dns))"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:  # the machine's own services are out of reach too
        said = run(parent, tries.replace("PORT", str(server.getsockname()[1])))
    assert said.split() == ["True"] * 4


def test_files_and_variables_of_the_instructor_are_not_there(parent, tmp_path, monkeypatch):
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret")
    places = [
        str(secret),
        str(Path.home() / "x"),
        str(ROOT / "solutions"),
        str(ROOT / "nbgrader_config.py"),
        str(ROOT / ".git"),
        "/etc/passwd",
        "/etc/shadow",
        "/root/.ssh",
        "/sys",
    ]
    look = f"import os\nprint([p for p in {places!r} if os.path.exists(p)], sorted(os.environ))"
    said = run(parent, look)
    assert said.startswith("[]") and not set(os.environ) & {"GANCOURSE_HIDDEN_SEED"} & set(said.split("'"))
    assert "SSH" not in said and "TOKEN" not in said


def test_only_its_own_tmp_can_be_written(parent):
    write = """
import os, gancourse, sys
def can(place):
    try: open(os.path.join(place, "x"), "w").write("x")
    except OSError: return False
    return True
places = ["/", "/etc", "/usr", "/root", "/opt", "/dev", sys.prefix, os.path.dirname(gancourse.__file__), "/proc"]
print([p for p in places if can(p)], can("."), can("/tmp"))"""
    assert run(parent, write).strip() == "[] True True"


def test_what_was_handed_in_beside_the_notebook_is_there(parent):
    files = {"helper.py": b"answer = 42", "data/points.csv": b"1,2\n"}
    assert run(parent, "import helper\nprint(helper.answer, open('data/points.csv').read())", files=files).split() == [
        "42",
        "1,2",
    ]


@pytest.mark.parametrize(
    "code, name",
    [
        ("x = bytearray(20 << 30)", "MemoryError"),
        ("open('hog', 'wb').write(bytes(100 << 20))", "OSError"),
        (
            "import threading, time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(99,)).start()",
            "RuntimeError",
        ),
        (
            "import os\nfor _ in range(500):\n    if os.fork() == 0:\n        import time; time.sleep(99)",
            "BlockingIOError",
        ),
    ],
)
def test_limits_end_in_an_error_of_the_cell(parent, code, name):
    with parent.session({}, checks=False) as session:
        assert errors(session.run(do="cell", source=code)) == [name]
        assert not errors(session.run(do="cell", source="1"))


def test_the_memory_of_all_processes_together_is_limited():
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        hog = bytearray(os.urandom(1 << 20)) * 2048
        time.sleep(99)
time.sleep(99)"""
    strict = WarmParent([], replace(LIMITS, cell_seconds=20, memory_in_all=5 << 30))
    try:
        with pytest.raises(SessionEnded, match="5 GiB of memory together"), strict.session({}, checks=False) as session:
            session.run(do="cell", source=code)
    finally:
        strict.close()


def test_output_is_cut(parent):
    said = run(parent, "for _ in range(1000): print('x' * 1000)")
    assert len(said) < 101_000 and "left out" in said


def test_a_cell_that_hangs_is_interrupted_and_the_next_one_runs(parent):
    started = time.monotonic()
    with parent.session({}, checks=False) as session:
        answer = session.run(do="cell", source="while True: pass")
        assert answer["timed_out"] == "3 s" and errors(answer) == ["KeyboardInterrupt"]
        assert printed(session.run(do="cell", source="print('on')")) == "on\n"
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "code, why",
    [
        ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", "could not be interrupted"),
        ("import os\nos._exit(3)", "exit code 3"),
        ("import os\nos.kill(os.getpid(), 9)", "signal 9"),
        ("import ctypes\nctypes.string_at(0)", "signal 11"),
    ],
)
def test_a_process_that_is_lost_is_one_submission_s_loss(parent, code, why):
    with pytest.raises(SessionEnded, match=why), parent.session({}, checks=False) as session:
        session.run(do="cell", source=code)
    assert run(parent, "print('next')") == "next\n"


def test_signals_reach_nobody_else(parent):
    assert run(parent, "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\nprint('still here')") == "still here\n"
    with pytest.raises(SessionEnded), parent.session({}, checks=False) as session:
        session.run(
            do="cell", source="import os\nfor n in range(2, 32768):\n    try: os.kill(n, 9)\n    except OSError: pass"
        )
    assert parent._process.poll() is None


def test_a_parent_that_is_lost_is_replaced():
    parent = WarmParent([], LIMITS)
    try:
        parent.start()
        parent._process.kill()
        parent._process.wait()
        assert run(parent, "print('again')") == "again\n"
    finally:
        parent.close()


# The check


def inside(code):
    """The right answer, which does this when it is asked."""
    return RIGHT.replace("    return", f"    {code}\n    return")


def test_a_right_answer_gets_its_points_without_any_evidence(parent):
    answer = checked(parent, RIGHT)
    assert (answer["points"], answer["evidence"]) == (1.0, [])
    assert "5 of 5 passed" in printed(answer) and "(other sizes and numbers)" in printed(answer)


def test_the_hidden_numbers_come_from_the_seed_which_the_answer_cannot_read(parent):
    spy = "import os\nseen = []\n" + inside("seen.append(os.environ.get('GANCOURSE_HIDDEN_SEED'))")
    with parent.session({}, checks=True) as session:
        session.run(do="cell", source=spy)
        texts = {printed(session.run(do="check", source=CHECK, seed=seed)) for seed in ("1", "2")}
        assert len(texts) == 2  # other sizes
        assert printed(session.run(do="cell", source="print(set(seen))")) == "{None}\n"


def test_the_text_of_a_check_is_nowhere_to_be_read(parent):
    look = inside("found.append([i for i in In if 'hidden' + '=True' in i])")
    with parent.session({}, checks=True) as session:
        session.run(do="cell", source="found = []\n" + look)
        session.run(do="check", source=CHECK, seed="1")
        names = "[n for n in dir() if 'hidden' + '=True' in str(globals()[n])]"
        assert printed(session.run(do="cell", source=f"print(found[0], {names})")) == "[] []\n"


TAMPERING = {
    "patched helper": ("import gancourse.checks.core as c\nc.near = lambda *a: True", "near"),
    "patched method": ("import gancourse.checks.core as c\nc.Exercise.score = lambda *a: 1.0", "Exercise.score"),
    "patched code": ("import gancourse.checks.core as c\nc.check.__code__ = (lambda *a, **k: 1.0).__code__", "check"),
    "patched default": ("import gancourse.checks.core as c\nc.near.__defaults__ = (1e9,)", "near"),
    "patched torch": ("import torch\ntorch.equal = lambda *a: True", "torch.equal"),
    "patched builtin": ("import builtins\nbuiltins.abs = lambda x: 0", "builtins.abs"),
    "shadowed builtin": ("import gancourse.checks.core as c\nc.abs = lambda x: 0", "core.abs"),
    "emptied exercise": ("import gancourse.checks as c\nc.EXERCISES['01.sample_noise'].aspects.clear()", "EXERCISES"),
    "false module": ("import sys, types\nsys.modules['gancourse.checks.core'] = types.ModuleType('x')", "checks.core"),
    "torch mode": (
        "from torch.overrides import TorchFunctionMode\nclass M(TorchFunctionMode):\n"
        "    def __torch_function__(self, f, t, a=(), k=None): return f(*a, **(k or {}))\nM().__enter__()",
        "torch function mode",
    ),
    "reads frames": (inside("import sys; sys._getframe(1)"), "sys._getframe"),
    "inspects": (inside("import inspect; inspect.stack()"), "sys._getframe"),
    "scans the heap": (inside("import gc; gc.get_objects()"), "gc.get_objects"),
    "traceback's frame": (inside("try: 1 / 0\n    except Exception as e: e.__traceback__.tb_frame"), "tb_frame"),
    "calls C": (inside("import ctypes; ctypes.string_at(id(n))"), "ctypes"),
    "pretends to be a library": (
        inside("import torch\n    exec(compile('import sys; sys._getframe(2)', torch.__file__, 'exec'))"),
        "compile",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_seen(parent, how):
    code, trace = TAMPERING[how]
    evidence = checked(parent, RIGHT, code)["evidence"]
    assert any(trace in words for words in evidence), evidence


def test_the_shell_does_not_decide_about_a_check(parent):
    """Transformers, handlers of errors and a display hook of the student's are not asked."""
    wrong = "def sample_noise(n, latent_dim, device='cpu'):\n    get_ipython().displayhook(1.0)\n    return 1"
    shell = """
ip = get_ipython()
ip.input_transformers_cleanup.append(lambda lines: ["pass\\n"])
ip.run_cell = ip.displayhook = None"""
    answer = checked(parent, wrong, shell)
    assert answer["points"] == 0.0 and "0 of 5 passed" in printed(answer)


def test_a_message_in_the_channel_of_the_results_is_not_believed(parent):
    forge = """
import os
line = b'{"number": 3, "points": 1.0, "outputs": [], "evidence": []}\\n'
for descriptor in range(3, 64):
    try: os.write(descriptor, b"0" * 64 + b" " + line)
    except OSError: pass"""
    with pytest.raises(ForgedMessage, match="channel"), parent.session({}, checks=True) as session:
        session.run(do="cell", source=forge)


def test_without_a_sandbox_nothing_runs_unasked(monkeypatch):
    monkeypatch.setattr(sandbox, "available", lambda: "bubblewrap is not installed")
    with pytest.raises(GradingError, match="--unsafe"):
        grade._require_sandbox(unsafe=False)
    grade._require_sandbox(unsafe=True)


def test_a_missing_bubblewrap_is_explained(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert "apt install bubblewrap" in sandbox.available.__wrapped__()


def test_forbidden_namespaces_are_explained(monkeypatch):
    refusal = subprocess.CompletedProcess([], 1, "", "bwrap: No permissions to create new namespace")
    monkeypatch.setattr(sandbox.subprocess, "run", lambda *_, **__: refusal)
    assert "No permissions" in sandbox.available.__wrapped__() and "Containerfile" in sandbox.available.__wrapped__()


def test_the_machine_s_own_failure_is_not_a_student_s(monkeypatch):
    parent = WarmParent([], LIMITS)
    monkeypatch.setattr(pool.sandbox, "command", lambda *_: ["/bin/sh", "-c", "echo broken >&2; exit 1"])
    with pytest.raises(GradingError, match="broken"):
        parent.start()
    parent.close()
