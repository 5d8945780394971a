"""Runs users' functions for dsbench's engine, in a process of their own.

Requests come over the socket that is standard input, one after the other, and each has one answer. A message is the length of its
header (four bytes), the length of its rows (eight bytes), the header as JSON, and the rows as an Arrow IPC stream.
"""

import collections
import functools
import json
import os
import pickle
import signal
import socket
import struct
import sys
import time
import types

LENGTHS = struct.Struct("<IQ")
# How much is shown of the arguments of a call that failed.
SHOWN = 300


def receive(connection):
    """The next message; nothing if the engine is gone."""
    lengths = receive_exactly(connection, LENGTHS.size)
    if lengths is None:
        return None
    header, rows = LENGTHS.unpack(lengths)
    return json.loads(bytes(receive_exactly(connection, header))), receive_exactly(connection, rows)


def receive_exactly(connection, length):
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        received = connection.recv_into(view)
        if received == 0:
            return None
        view = view[received:]
    return buffer


def send(connection, header, rows=b""):
    header = json.dumps(header).encode()
    connection.sendall(LENGTHS.pack(len(header), len(rows)) + header)
    if len(rows):
        connection.sendall(rows)


def end_with(parent):
    """Ends this process with the engine's, even in the middle of a function."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def limit_memory(limit):
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class Refused(Exception):
    """What is wrong with a function or with its result, without a traceback that would help."""


def udf(function=None, *, name=None, parameters=None, returns=None, vectorized=False):
    """Makes a function of a file one of SQL: `@udf`, or `@udf(returns="decimal(7, 2)", …)` where its hints do not say its types."""

    def mark(function):
        function.udf = {"name": name or function.__name__, "parameters": parameters, "returns": returns, "vectorized": vectorized}
        return function

    return mark if function is None else mark(function)


def provide_decorator():
    """Lets functions' code say `from dsbench import udf`."""
    module = types.ModuleType("dsbench")
    module.udf = udf
    sys.modules["dsbench"] = module


def statements(path, code):
    """A `CREATE FUNCTION` for each function of a file that is marked."""
    module = {"__name__": "<functions>", "__file__": path}
    exec(compile(code, path, "exec"), module)
    marked = {value.udf["name"]: value for value in module.values() if callable(value) and isinstance(getattr(value, "udf", None), dict)}
    if not marked:
        raise Refused("it has no function that is marked: write `from dsbench import udf` and `@udf` above each function")
    return [statement(name, function, code) for name, function in marked.items()]


def statement(name, function, code):
    import inspect

    # Of an aggregate, `accumulate` takes the arguments after `self`, and `finish` returns the result.
    is_class = isinstance(function, type)
    takes, gives = (function.accumulate, function.finish) if is_class else (function, function)
    hints = {**type_hints(takes), "return": type_hints(gives).get("return")}
    names = list(inspect.signature(takes).parameters)[is_class:]
    given = function.udf["parameters"]
    if given is not None and len(given) != len(names):
        raise Refused(f"{name} has {len(names)} parameters, and @udf names types for {len(given)}")
    types = given if given is not None else [sql_type(name, parameter, hints.get(parameter)) for parameter in names]
    returns = function.udf["returns"] or sql_type(name, None, hints.get("return"))
    parameters = ", ".join(f"{quoted(parameter)} {type_}" for parameter, type_ in zip(names, types))
    language = "python_vectorized" if function.udf["vectorized"] else "python"
    body = code.replace("'", "''")
    return f"create or replace function {quoted(name)}({parameters}) returns {returns} language {language} as '{body}'"


def type_hints(function):
    import typing

    try:
        return typing.get_type_hints(function)
    except Exception:
        # They are SQL types, written as texts.
        return function.__annotations__


def quoted(name):
    return '"' + name.lower().replace('"', '""') + '"'


def sql_type(function, parameter, hint):
    import datetime
    import decimal
    import typing

    if isinstance(hint, str):
        return hint
    if typing.get_origin(hint) is list:
        return sql_type(function, parameter, *typing.get_args(hint)) + "[]"
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    if len(options) == 1:
        # Optional[int]: any value may be NULL.
        return sql_type(function, parameter, options[0])
    known = {
        bool: "boolean",
        int: "bigint",
        float: "double",
        str: "string",
        bytes: "bytea",
        decimal.Decimal: "decimal(38, 10)",
        datetime.date: "date",
        datetime.datetime: "timestamp",
        datetime.time: "time",
    }
    if hint in known:
        return known[hint]
    what, argument = ("its result", "returns") if parameter is None else (f"its parameter {parameter}", "parameters")
    said = "has no type hint" if hint is None else f"has a type hint that is no SQL type, {hint}"
    raise Refused(f"{function}: {what} {said}: write one, such as `int` or `\"decimal(7, 2)\"`, or name the SQL types in @udf({argument}=…)")


class Stopwatch:
    """Tells the time in a function from all else; and has what runs there counted, if there is a profiler."""

    def __init__(self, profiler):
        self.profiler = profiler
        self.function_ns = 0
        self.begun = time.perf_counter_ns()

    def __enter__(self):
        self.called = time.perf_counter_ns()
        if self.profiler:
            self.profiler.enable()

    def __exit__(self, *_):
        if self.profiler:
            self.profiler.disable()
        self.function_ns += time.perf_counter_ns() - self.called

    def times(self):
        return {"function_ns": self.function_ns, "convert_ns": time.perf_counter_ns() - self.begun - self.function_ns}


class Counter:
    """Has cProfile count what runs in a function, for one place that calls it and one thing that is asked there.

    cProfile takes time for each call within the function, and a batch may have thousands: all batches are counted where that costs next to nothing,
    else as many as a share of their time allows. What was counted then stands for the others.
    """

    # Of the time that calls take, so much may go into counting.
    SHARE = 0.005
    # What cProfile takes to be turned on and off, and for a call, where other programs had the caches in between (AMD EPYC, Python 3.11:
    # a batch that is counted takes 40 microseconds more with 6 calls, and 330 with 200).
    TURN_NS = 30000
    CALL_NS = 1500

    def __init__(self):
        self.cost_ns = 0
        self.begin()

    def begin(self):
        """Forgets what was counted, but not what it costs."""
        self.first = self.others = None
        self.batches = self.units = self.counted_batches = self.counted_units = self.left_out = 0

    def profiler(self, units):
        """What counts in the next batch, of so many rows or of one call, which is not left out."""
        import cProfile

        self.counted_batches += 1
        if not self.cost_ns and self.first is None:
            # It loads what the function needs, and says nothing of the others.
            self.units = 0
            self.first = cProfile.Profile()
            return self.first
        self.counted_units += units
        self.others = self.others or cProfile.Profile()
        return self.others

    def learn(self, profiler, took_ns):
        """How many batches to leave out after one that was counted."""
        if profiler is self.first:
            return
        if not self.cost_ns:
            calls = sum(entry.callcount for entry in profiler.getstats())
            self.cost_ns = self.TURN_NS + self.CALL_NS * calls
        # So many batches more take the time of which this is the share.
        self.left_out = int(self.cost_ns / (self.SHARE * took_ns))

    def told(self):
        """How many batches were counted, of how many, and the functions that ran in all, each with its callers."""
        functions = {}
        if self.first:
            self.collect(functions, self.first, 1)
        if self.others:
            self.collect(functions, self.others, self.units / self.counted_units if self.counted_units else 1)
        told = [
            [place, times, [[by, times] for by, times in callers.items() if by in functions]]
            for place, (times, callers) in functions.items()
        ]
        return self.counted_batches, self.batches, told

    def collect(self, functions, profiler, weight):
        profiler.create_stats()
        for place, (primitive, calls, own, total, callers) in profiler.stats.items():
            if is_theirs(place, callers):
                times, by_caller = functions.setdefault(place, ([0, 0, 0.0, 0.0], {}))
                add_times(times, (calls, primitive, own, total), weight)
                # Of callers, cProfile has the two counts the other way round.
                for by, by_times in callers.items():
                    add_times(by_caller.setdefault(by, [0, 0, 0.0, 0.0]), by_times, weight)


def add_times(sums, times, weight):
    calls, primitive, own, total = times
    for index, value in enumerate((round(calls * weight), round(primitive * weight), own * weight, total * weight)):
        sums[index] += value


def taken(counters):
    """What was counted since the last time."""
    profiles = [[caller, *counter.told()] for (caller, *_), counter in counters.items() if counter.batches]
    for counter in counters.values():
        counter.begin()
    return profiles


def is_theirs(place, callers):
    """Whether what ran belongs to the function that is profiled, and not to this program: to its loops, or to what these call."""
    if place[0] == "~":
        return any(by[0] != "<string>" for by in callers)
    return place[0] != "<string>"


def pstats_of(functions):
    """A profile as pstats reads it from a file."""
    import marshal

    stats = {}
    for (place, (calls, primitive, own, total)), callers in functions:
        by = {tuple(caller): tuple(times) for caller, times in callers}
        stats[tuple(place)] = (primitive, calls, own, total, by)
    return marshal.dumps(stats)


class Function:
    """A function as `CREATE FUNCTION` defined it."""

    def __init__(self, definition, schema):
        self.name = definition["name"]
        self.parameters = definition["parameters"]
        self.filename = f"<function {self.name}>"
        self.returns = schema.field(len(schema) - 1).type
        self.sql_type = definition["returns"]
        self.module = f"{self.filename} {definition['function']}"
        self.callable = self.compiled(definition["code"])
        self.style = "table" if definition["table"] else self.style_of(definition["vectorized"])
        self.takes_rows = self.style in ("rows", "aggregate")

    def compiled(self, code):
        import ast
        import linecache
        import textwrap

        code = textwrap.dedent(code)
        linecache.cache[self.filename] = (len(code), None, code.splitlines(True), self.filename)
        tree = ast.parse(code, self.filename)
        has_end = any(ends(statement) for statement in tree.body)
        name = self.named(tree, has_end)
        is_endless = not name and not has_end
        name = name or self.wrap(tree)
        # Known to Python under its name, so that objects of its classes can be pickled.
        module = sys.modules[self.module] = types.ModuleType(self.module)
        exec(compile(tree, self.filename, "exec"), module.__dict__)
        function = getattr(module, name)
        return endless(function) if is_endless else function

    def named(self, tree, has_end):
        """What the function is called in a module; nothing if the code is statements."""
        import ast

        functions = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
        renamed = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and udf_name(node) == self.name.lower()]
        named = renamed or [name for name in functions if name.lower() == self.name.lower()]
        if not named and not has_end:
            named = [name for name in names_in(tree) if name.lower() == self.name.lower()] or functions
            if len(set(named)) > 1 or not tree.body:
                parameters = ", ".join(parameter or "…" for parameter in self.parameters)
                raise Refused(
                    f"its code defines no function of that name: write `def {self.name}({parameters}):`, or statements with a `return`"
                )
        return named[-1] if named else None

    def wrap(self, tree):
        """Makes statements with a `return` the body of a function with the names of the parameters."""
        import ast

        for parameter in self.parameters:
            if not parameter.isidentifier():
                raise Refused(
                    f"{parameter!r} is no name in Python: give each parameter one, or write the function with `def`"
                    if parameter
                    else "a parameter has no name: give it one, or write the function with `def`"
                )
        wrapper = ast.parse(f"def wrapper({', '.join(self.parameters)}): pass")
        function = wrapper.body[0]
        function.name, function.body, tree.body = self.name, tree.body, wrapper.body
        ast.fix_missing_locations(tree)
        return self.name

    def style_of(self, vectorized):
        if isinstance(self.callable, type):
            missing = [method for method in ("accumulate", "merge", "finish") if not hasattr(self.callable, method)]
            if missing:
                raise Refused(f"its class has no method {missing[0]}: an aggregate function has accumulate(self, …), merge(self, other) and finish(self)")
            if not self.parameters:
                raise Refused("an aggregate function needs a parameter")
            if vectorized:
                raise Refused("an aggregate function takes a row at a time: write LANGUAGE PYTHON")
            return "aggregate"
        if not vectorized:
            return "rows"
        if not self.parameters:
            raise Refused("a vectorized function needs a parameter, which says how many rows there are")
        annotations = getattr(self.callable, "__annotations__", {}).values()
        return "pandas" if any("Series" in str(annotation) for annotation in annotations) else "arrow"

    def do(self, request, batch, watch):
        """The type and the values of an answer."""
        what = request["do"]
        if what == "call":
            return self.returns, (self.call_rows if self.style == "rows" else self.call_columns)(batch, watch)
        if what == "rows":
            return self.returns, self.rows(batch, watch)
        if what == "finish":
            return self.returns, self.finish(batch, watch)
        return pa.binary(), self.update(request, batch, watch)

    def rows(self, batch, watch):
        """What a table function yields for its arguments."""
        names = [field.name for field in self.returns]
        arguments = [to_python(column)[0] for column in batch.columns]
        try:
            with watch:
                rows = list(self.callable(*arguments))
        except BaseException as error:
            error.arguments = arguments
            raise
        return from_python([as_row(row, names) for row in rows], self.returns, self.sql_type)

    def state(self, pickled, new):
        return new() if pickled is None else pickle.loads(pickled)

    def update(self, request, batch, watch):
        """The states of groups after some rows. The last column but one says of which group each row is, the last has the groups' states before."""
        *columns, groups, states = batch.columns
        groups = groups.to_pylist()
        states = states.slice(0, max(groups) + 1).to_pylist()
        merges, selection = request["do"] == "merge", request.get("selection")
        new = functools.partial(Selected, **selection) if selection else self.callable
        if merges:
            rows = columns[0].to_pylist()
        elif selection:
            arguments = columns[: len(columns) - len(selection["order"])]
            rows = zip(zip(*map(to_python, arguments)), zip(*map(exactly, columns)))
        else:
            rows = zip(*map(to_python, columns))
        with watch:
            states = [self.state(state, new) for state in states]
            if merges:
                for group, other in zip(groups, rows):
                    if other is not None:
                        states[group].merge(pickle.loads(other))
            else:
                accumulate(zip([states[group] for group in groups], rows))
            pickled = [pickle.dumps(state, pickle.HIGHEST_PROTOCOL) for state in states]
        return pa.array(pickled, pa.binary())

    def finish(self, batch, watch):
        """The results of groups."""
        states = batch.column(0).to_pylist()
        with watch:
            results = [self.result(self.state(state, self.callable)) for state in states]
        return from_python(results, self.returns, self.sql_type)

    def result(self, state):
        if not isinstance(state, Selected):
            return state.finish()
        aggregate = self.callable()
        accumulate((aggregate, arguments) for arguments in state.arguments())
        return aggregate.finish()

    def call_rows(self, batch, watch):
        columns = [to_python(column) for column in batch.columns]
        results = []
        try:
            with watch:
                if columns:
                    results.extend(map(self.callable, *columns))
                else:
                    results.extend(self.callable() for _ in range(batch.num_rows))
        except BaseException as error:
            # `extend` keeps what came before the error.
            error.arguments = [column[len(results)] for column in columns]
            raise
        return from_python(results, self.returns, self.sql_type)

    def call_columns(self, batch, watch):
        columns = [column.to_pandas() for column in batch.columns] if self.style == "pandas" else batch.columns
        with watch:
            result = self.callable(*columns)
        array = self.column(result)
        if len(array) != batch.num_rows:
            raise Refused(f"it returned {counted(len(array), 'value')} for {counted(batch.num_rows, 'row')}")
        return array

    def column(self, result):
        if isinstance(result, pa.ChunkedArray):
            result = result.combine_chunks()
        if isinstance(result, pa.Array):
            return result if result.type == self.returns else result.cast(self.returns)
        if not hasattr(result, "__len__") or isinstance(result, (str, bytes, dict)):
            raise Refused(f"it returned {with_type(result)}, which is no array and no series")
        return pa.array(result, self.returns, from_pandas=True)


class Selected:
    """The state of an aggregate of distinct or ordered rows: these, until it is finished."""

    def __init__(self, distinct, order):
        self.distinct, self.order = distinct, order
        # The arguments of each row, and what it is ordered by.
        self.rows = {}

    def accumulate(self, arguments, exact):
        """Takes a row: its arguments in Python's types, and they and what it is ordered by with all digits."""
        order = exact[len(arguments) :]
        key = distinct(exact[: len(arguments)]) if self.distinct else len(self.rows)
        self.rows.setdefault(key, (arguments, order))

    def merge(self, other):
        for key, row in other.rows.items():
            self.rows.setdefault(key if self.distinct else len(self.rows), row)

    def arguments(self):
        rows = list(self.rows.values())
        # What comes first in ORDER BY is sorted by last, and keeps the order before where it is equal.
        for place, (descending, nulls_first) in reversed(list(enumerate(self.order))):
            rows.sort(key=lambda row: order_key(row[1][place], descending != nulls_first), reverse=descending)
        return [arguments for arguments, _ in rows]


def order_key(value, none_is_least):
    """What Python orders as SQL does: NaN is greater than all numbers."""
    if value is None:
        return (0 if none_is_least else 3, 0)
    if isinstance(value, dict):
        value = tuple(value.values())
    return (1, value) if value == value else (2, 0)


def distinct(value):
    """The same for values that are the same in SQL, also where Python tells them apart."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return tuple(distinct(part) for part in value)
    return value if value == value else "NaN"


def accumulate(rows):
    """Has each row's state take its arguments."""
    arguments = None
    try:
        for state, arguments in rows:
            state.accumulate(*arguments)
    except BaseException as error:
        error.arguments = arguments
        raise


def udf_name(function):
    """The name that `@udf(name="…")` gives a function."""
    import ast

    calls = [decorator for decorator in function.decorator_list if isinstance(decorator, ast.Call)]
    names = [keyword.value.value for call in calls for keyword in call.keywords if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)]
    return str(names[0]).lower() if names else None


def names_in(tree):
    """What a module names without defining it there."""
    import ast

    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in statement.names)


def endless(function):
    """Statements without a `return`, which may loop, exit or raise errors, but not come to their end."""

    def ended(*arguments):
        function(*arguments)
        raise Refused("its statements came to their end without a `return`")

    return ended


def ends(statement):
    """Whether a statement has a `return`, a `yield` or a `raise` that is of no function in it."""
    import ast

    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    return isinstance(statement, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom)) or any(ends(child) for child in ast.iter_child_nodes(statement))


def as_row(row, names):
    if isinstance(row, dict):
        unknown = [name for name in row if name not in names]
        if unknown:
            raise Refused(f"it yielded {shown(row)}, and has no column {unknown[0]}")
        return row
    if len(names) == 1 and not isinstance(row, (tuple, list)):
        return {names[0]: row}
    if not isinstance(row, (tuple, list)) or len(row) != len(names):
        raise Refused(f"it yielded {shown(row)}, and its rows have {len(names)} columns: yield a tuple or a dict of them")
    return dict(zip(names, row))


def to_python(column):
    """Values of Python's own types, whose times have microseconds."""
    return converted(column, in_microseconds).to_pylist()


def exactly(column):
    """What tells values apart and orders them: the same, but whole numbers for times with nanoseconds."""
    return converted(column, lambda _: pa.int64()).to_pylist()


def converted(column, other):
    data_type = with_nanoseconds_as(other, column.type)
    return column if data_type == column.type else column.cast(data_type, safe=False)


def with_nanoseconds_as(other, data_type):
    """The type that has another one wherever this one has nanoseconds."""
    if getattr(data_type, "unit", None) == "ns":
        return other(data_type)
    if pa.types.is_list(data_type):
        field = data_type.value_field
        return pa.list_(field.with_type(with_nanoseconds_as(other, field.type)))
    if pa.types.is_struct(data_type):
        return pa.struct([field.with_type(with_nanoseconds_as(other, field.type)) for field in data_type])
    return data_type


def in_microseconds(data_type):
    if pa.types.is_timestamp(data_type):
        return pa.timestamp("us", data_type.tz)
    return pa.time64("us") if pa.types.is_time(data_type) else pa.duration("us")


def from_python(values, data_type, sql_type):
    try:
        return pa.array(values, data_type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        if "decimal" in str(data_type):
            rounded = [rounded_as(value, data_type) for value in values]
            if rounded != values:
                return from_python(rounded, data_type, sql_type)
        raise Refused(wrong_value(values, data_type, sql_type, error)) from None


def rounded_as(value, data_type):
    """A value whose numbers have no more decimals than the decimals of a type."""
    if pa.types.is_decimal(data_type):
        return rounded_to(value, data_type.scale)
    if pa.types.is_list(data_type) and isinstance(value, (list, tuple)):
        return [rounded_as(part, data_type.value_type) for part in value]
    if pa.types.is_struct(data_type) and isinstance(value, dict):
        types = {field.name: field.type for field in data_type}
        return {name: rounded_as(part, types[name]) if name in types else part for name, part in value.items()}
    return value


def rounded_to(value, scale):
    import decimal

    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = decimal.Decimal(str(value))
    if not isinstance(value, decimal.Decimal) or not value.is_finite() or -value.as_tuple().exponent <= scale:
        return value
    with decimal.localcontext() as context:
        context.prec = 100
        return value.quantize(decimal.Decimal(1).scaleb(-scale), decimal.ROUND_HALF_UP)


def wrong_value(values, data_type, sql_type, error):
    for value in values:
        try:
            pa.array([value], data_type)
        except Exception as reason:
            return f"it returned {with_type(value)}, which is no {sql_type}: {reason}"
    return f"what it returned is no {sql_type}: {error}"


def with_type(value):
    return f"{shown(value)} ({type(value).__name__})"


def counted(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def shown(value):
    try:
        text = repr(value)
    except Exception as error:
        text = f"a value whose repr() raised {type(error).__name__}"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def failure(error, function):
    """What is said of an error: its traceback, from the function's own code on."""
    import traceback

    if isinstance(error, Refused):
        return {"message": str(error)}
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == "<string>":
        own = own.tb_next
    if isinstance(error, SyntaxError):
        own = None
    lines = traceback.format_exception(type(error), error, own) if own else traceback.format_exception_only(type(error), error)
    described = {"raised": type(error).__name__, "message": str(error)[:10000], "traceback": "".join(lines)[-10000:].rstrip()}
    arguments = getattr(error, "arguments", None)
    if arguments is not None and function is not None:
        names = [name or f"${place}" for place, name in enumerate(function.parameters, 1)]
        described["arguments"] = [f"{name} = {shown(value)}" for name, value in zip(names, arguments)]
    return described


def answer(functions, counters, request, rows):
    function = None
    try:
        if request["do"] == "list":
            return {"statements": statements(request["path"], request["code"])}, b""
        if request["do"] == "profiles":
            return {"profiles": taken(counters)}, b""
        if request["do"] == "pstats":
            return {}, pstats_of(request["profile"])
        with pa.ipc.open_stream(pa.py_buffer(rows)) as reader:
            if request["do"] == "define":
                function = functions[request["function"]] = Function(request, reader.schema)
                return {"style": function.style}, b""
            function = functions[request["function"]]
            batch, caller, profiler = reader.read_next_batch(), request.get("profile"), None
            if caller is not None:
                # Here and not in functions of their own, whose calls would be most of what batches that are left out take.
                counter = counters[caller, request["function"], request["do"]]
                units = batch.num_rows if function.takes_rows else 1
                counter.batches += 1
                counter.units += units
                if counter.left_out:
                    counter.left_out -= 1
                else:
                    profiler = counter.profiler(units)
            watch = Stopwatch(profiler)
            data_type, array = function.do(request, batch, watch)
        times = watch.times()
        if profiler:
            counter.learn(profiler, sum(times.values()))
        schema = pa.schema([pa.field("result", data_type)])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            writer.write_batch(pa.record_batch([array], schema=schema))
        return {"times": times}, sink.getvalue()
    except BaseException as error:
        return {"error": failure(error, function)}, b""


def main():
    global pa
    parent, memory = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    connection = socket.socket(fileno=os.dup(0))
    # What a function reads is empty, and what it prints goes where errors go.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        send(connection, {"python": version, "missing": str(error)})
        return
    pa = pyarrow
    if memory:
        limit_memory(memory)
    send(connection, {"python": version, "pyarrow": pa.__version__})
    # Of what runs in functions: for each place that calls one, each function, and each thing that is asked of it.
    functions, counters = {}, collections.defaultdict(Counter)
    provide_decorator()
    while True:
        request = receive(connection)
        if request is None:
            return
        send(connection, *answer(functions, counters, *request))


main()
