"""The page of a live process list: header with histories, one line of status, the rows."""

import time

from guardpost.cli.cells import fit, width_of
from guardpost.cli.process_columns import command
from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.cli.screen import Text
from guardpost.cli.sparkline import sparkline
from guardpost.cli.top_model import HostFigures, Shown, TopModel
from guardpost.cli.top_view import Asking, TopView
from guardpost.termsafe import safe_text

__all__ = ["HEAD_ROWS", "as_text", "heading", "page"]

HEAD_ROWS = 5
"""Before the rows: host, processors, memory, status, headings."""
_KEYS = "q quit  h help  / filter  s sort  t tree  k kill  n nice  p pause"
_HELP = """\
up, down, PgUp, PgDn, Home, End   choose a process
/ or f      only with this text in command or user, or this pid; Esc: all
s, <, >     the next order (its heading in small letters), the one before
r           the other way round
P M T N U C by processor, memory, time, number, user, command
t           children under their parents
k           signal the chosen process; asks which signal
n           give it a nice value; asks which
p or space  pause, and go on
+ -         more often, less often
Ctrl-L      paint everything again
q, Ctrl-C   quit

Any key goes back."""
# Heading, columns, whether at the right; a narrow page goes without the first ones of _DROPPED.
_COLUMNS = (
    ("PID", 7, True),
    ("USER", 9, False),
    ("NI", 3, True),
    ("S", 1, False),
    ("%CPU", 5, True),
    ("TIME", 8, True),
    ("RSS", 5, True),
)
_DROPPED = ("NI", "TIME", "USER", "S", "RSS")
_COMMAND_COLUMNS = 20
_SORTED = {"cpu": "%CPU", "rss": "RSS", "time": "TIME", "pid": "PID", "user": "USER"}


def page(
    name: str,
    model: TopModel,
    view: TopView,
    status: str,
    size: tuple[int, int],
    *,
    unicode: bool,
) -> list[Text]:
    """As many lines as `size` (columns, rows) has; tells `view` how long a page is."""
    columns, rows = size
    view.page = max(1, rows - HEAD_ROWS - 1)
    if view.helping:
        return [Text("guardpost top", "bold"), Text(""), *map(Text, _HELP.split("\n"))][:rows]
    view.arrange(model.shown)
    lines = [
        *head(name, model, columns, unicode=unicode),
        Text(_question(view) or status, "bold"),
        Text(heading(columns, view.sort), "reverse"),
    ]
    for place in range(view.offset, min(view.offset + view.page, len(view.rows))):
        before, each = view.rows[place]
        lines.append(Text(row(each, columns, before), "reverse" if place == view.place else ""))
    lines += [Text("")] * (rows - 1 - len(lines))
    return [*lines[: rows - 1], Text(_KEYS, "dim")]


def head(name: str, model: TopModel, columns: int, *, unicode: bool) -> list[Text]:
    host = model.host
    running = sum(1 for each in model.shown if each.process.state == "running")
    uptime = "-" if host.uptime is None else duration_text(max(0, host.uptime))
    loads = " ".join("-" if each is None else f"{each:.2f}" for each in host.loads)
    counts = f"{len(model.shown)} processes, {running} running"
    room = max(10, columns // 2)
    graph = max(0, columns - room - 1)
    histories = (model.cpu_history, model.memory_history)
    texts = (_processors(host), _memory(host))
    return [
        Text(f"{safe_text(name)}  up {uptime}  load {loads}  {counts}", "bold"),
        *(
            Text(f"{fit(text, room)} {sparkline([*history], graph, unicode=unicode)}")
            for text, history in zip(texts, histories, strict=True)
        ),
    ]


def _processors(host: HostFigures) -> str:
    share = "-" if host.cpu is None else f"{host.cpu:.0%}"
    return f"CPU {share:>5}  of {host.cpus if host.cpus is not None else '-'}"


def _memory(host: HostFigures) -> str:
    share = "-" if host.memory is None else f"{host.memory:.0%}"
    text = f"MEM {share:>5}  {_bytes(host.memory_used)} of {_bytes(host.memory_total)}"
    if host.swap_total:
        text += f"  swap {_bytes(host.swap_used)} of {_bytes(host.swap_total)}"
    return text


def _bytes(count: int | None) -> str:
    return "-" if count is None else bytes_text(count)


def _question(view: TopView) -> str:
    if view.asking is Asking.NOTHING:
        return ""
    if view.asking is Asking.FILTER:
        return f"filter: {safe_text(view.typed)}_   (Enter; Esc: leave it)"
    who = view.target
    whom = f"{who.process.pid} ({safe_text(who.process.name or '-')})" if who else "-"
    return f"{view.asking.value} for {whom}: {view.typed}_   (Enter does it; Esc: no)"


def _kept(columns: int) -> list[tuple[str, int, bool]]:
    kept = list(_COLUMNS)
    for name in _DROPPED:
        if sum(size + 1 for _, size, _ in kept) + _COMMAND_COLUMNS <= columns:
            break
        kept = [each for each in kept if each[0] != name]
    return kept


def heading(columns: int, sort: str = "") -> str:
    """The headings that `columns` have room for; the one that is sorted by has a mark."""
    texts = [fit(name, size, right=right) for name, size, right in _kept(columns)]
    line = " ".join([*texts, "COMMAND"])
    marked = _SORTED.get(sort, "COMMAND" if sort == "command" else "")
    return line.replace(marked, marked.lower(), 1) if marked else line


def row(each: Shown, columns: int, before: str = "") -> str:
    texts = _texts(each)
    cells = [fit(texts[name], size, right=right) for name, size, right in _kept(columns)]
    line = " ".join([*cells, before + safe_text(command(each.process))])
    return line if width_of(line) <= columns else fit(line, columns, fill=False)


def _texts(each: Shown) -> dict[str, str]:
    process = each.process
    cpu = process.cpu_seconds
    return {
        "PID": str(process.pid),
        "USER": safe_text(process.user or "-"),
        "NI": "-" if process.nice is None else str(process.nice),
        "S": _letter(process.state),
        "%CPU": "-" if each.percent is None else f"{each.percent:.1f}",
        "TIME": "-" if cpu is None else duration_text(cpu),
        "RSS": _bytes(process.rss_bytes),
    }


def _letter(state: str | None) -> str:
    """As ps and top of the system have it."""
    if state is None:
        return "-"
    if state == "disk-sleep":
        return "D"
    return "t" if state == "tracing-stop" else state[:1].upper()


def as_text(name: str, model: TopModel, view: TopView, columns: int | None) -> str:
    """The same for a pipe or a terminal that can only print: everything, once."""
    view.arrange(model.shown)
    width = columns or 1 << 16
    lines = [each.text.rstrip() for each in head(name, model, 80, unicode=False)]
    lines += ["", heading(width, view.sort)]
    lines += (row(each, width, before) for before, each in view.rows)
    return "\n".join([time.strftime("%H:%M:%S"), *lines, ""])
