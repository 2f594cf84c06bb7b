"""`backprop train` and `backprop optimizer`: what they print, the files they leave, every refusal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import tomllib

import pytest
from commands import SCRIPTS, Outcome, run
from tools import require

from backprop_symbolic.cli import main

EXAMPLE = ("train", "--example", "mazur")


@pytest.fixture
def call(capsysbinary, tmp_path, monkeypatch):
    """The command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*args) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in args])
        out, err = capsysbinary.readouterr()
        return Outcome(int(stop.value.code or 0), out.decode(), err.decode())

    return call


def succeeded(outcome):
    assert outcome.err == ""
    assert outcome.code == 0
    return outcome.out


@pytest.fixture
def xor(tmp_path):
    (tmp_path / "xor.csv").write_text("x1,x2,y_t1\n0,0,0.1\n0,1,0.9\n1,0,0.9\n1,1,0.1\n")
    return "xor.csv"


# ---------------------------------------------------------------- what is printed


def test_text(call):
    """The error before and after, the reason, the weights."""
    out = succeeded(call(*EXAMPLE))
    assert "Training of 2-2-2 by sgd, learning rate 0.5" in out
    assert re.search(r"^ +0 +0\.2983711088$", out, re.M)
    assert re.search(r"^ +10000 +3\.510187783e-05$", out, re.M)
    assert "Stopped at iteration 10000, as --iterations says." in out
    assert "    w5 = -3.892977199\n" in out


def test_korean(call):
    out = succeeded(call(*EXAMPLE, "--iterations", 3, "--lang", "ko"))
    assert "2-2-2 학습하기: 최적화 방법 sgd, 학습률 0.5" in out
    assert "멈춘 까닭: 정한 횟수 3번을 모두 반복했다" in out
    lines = [line for line in out.splitlines() if re.fullmatch(r" +\S+ +\S+", line)]
    assert len(lines) == 3


def test_markdown_is_two_tables(call):
    from markdown_it import MarkdownIt

    out = succeeded(call(*EXAMPLE, "--iterations", 3, "--format", "markdown"))
    html = MarkdownIt().enable("table").render(out)
    assert html.count("<table>") == 2
    assert html.count("<td") == 2 * 2 + 2 * 8


def test_json_has_every_digit(call):
    data = json.loads(succeeded(call(*EXAMPLE, "--iterations", 1, "--format", "json")))
    assert data["rows"][-1] == {"iteration": 1, "error": 0.29102777369359933}
    assert data["parameters"]["w5"] == 0.35891647971788465
    assert (data["reason"], data["iterations"], data["optimizer"]) == ("iterations", 1, "sgd")


def test_a_table_of_weights(call):
    """Every N iterations, the first and the last always."""
    data = json.loads(succeeded(call(*EXAMPLE, "--iterations", 7, "--table", 3, "--format", "json")))
    assert [row["iteration"] for row in data["rows"]] == [0, 3, 6, 7]
    assert data["rows"][0]["parameters"]["w1"] == 0.15
    assert data["rows"][-1]["parameters"] == data["parameters"]
    out = succeeded(call(*EXAMPLE, "--iterations", 7, "--table", 3, "--digits", 4))
    assert re.search(r"^    iteration +error +w1 +w2", out, re.M)
    assert re.search(r"^ +0 +0\.2984 +0\.15 +0\.2 ", out, re.M)


def test_rounded_numbers_are_not_fed_on(call):
    """What is shown with one digit is trained with all."""
    a, b = (
        json.loads(
            succeeded(call(*EXAMPLE, "--iterations", 9, "--table", 1, "--digits", d, "--format", "json"))
        )
        for d in (1, 17)
    )
    assert a == b


def test_sequential_reproduces_the_post(call):
    out = succeeded(call(*EXAMPLE, "--sequential", "--iterations", 1))
    assert "the output layer updated first" in out
    assert "0.2910279239" in out


@pytest.mark.parametrize("form", ["scalar", "matrix"])
def test_samples_from_a_file(call, xor, form):
    """XOR, in batches, shuffled, by Adam, until the error is small."""
    if form == "matrix":
        require("numpy")
    args = ("train", "--network", "2-3-1", "--bias", "node", "--data", xor, "--batch", 4, "--seed", 7, "--shuffle",
            "--optimizer", "adam", "--rate", 0.05, "--until-error", 1e-4, "--form", form)  # fmt: skip
    out = succeeded(call(*args))
    assert "Samples: 4; for one update: 4." in out
    assert re.search(
        r"^Stopped at iteration \d+: the error is at most 0.0001 \(--until-error\)\.$", out, re.M
    )
    assert succeeded(call(*args)) == out


def test_patience(call):
    (out, err) = (o := call("train", "--example", "mazur", "--rate", 1e-300, "--patience", 5)).out, o.err
    assert err == ""
    assert "Stopped at iteration 6: epochs in a row without a lower error: 5 (--patience)." in out


def test_the_same_command_gives_the_same_bytes():
    """In processes of their own, with other hash seeds."""
    import os

    args = ("train", "--seed", "4", "--rate", "0.3", "--iterations", "50", "--optimizer", "nesterov")
    first, second = (
        run(*args, command="backprop", env={**os.environ, "PYTHONHASHSEED": str(seed)}) for seed in (1, 2)
    )
    assert first.code == 0
    assert first == second


# ---------------------------------------------------------------- files


def test_nothing_is_written_unless_named(call, tmp_path):
    succeeded(call(*EXAMPLE, "--iterations", 5))
    assert list(tmp_path.iterdir()) == []


def test_a_log_of_every_iteration(call, tmp_path):
    """A line for each: CSV and JSON say the same, and the last line is the end."""
    succeeded(call(*EXAMPLE, "--iterations", 4, "--log", "a.csv"))
    succeeded(call(*EXAMPLE, "--iterations", 4, "--log", "a.json"))
    head, *rows = (tmp_path / "a.csv").read_text().splitlines()
    assert head == "iteration,error,w1,w2,w3,w4,w5,w6,w7,w8"
    listed = json.loads((tmp_path / "a.json").read_text())
    assert [list(map(float, row.split(","))) for row in rows] == [
        list(map(float, r.values())) for r in listed
    ]
    assert [r["iteration"] for r in listed] == [0, 1, 2, 3, 4]
    assert listed[1]["error"] == 0.29102777369359933


def test_saved_weights_are_values(call, tmp_path):
    """What --save writes is read by --values: training goes on from the same error."""
    for name in ("a.toml", "a.json"):
        succeeded(call(*EXAMPLE, "--iterations", 40, "--save", name))
    tables = tomllib.loads((tmp_path / "a.toml").read_text()), json.loads((tmp_path / "a.json").read_text())
    assert tables[0] == tables[1]
    through = json.loads(succeeded(call(*EXAMPLE, "--iterations", 50, "--format", "json")))
    for name in ("a.toml", "a.json"):
        on = json.loads(succeeded(call("train", "--values", name, "--iterations", 10, "--format", "json")))
        assert on["parameters"] == through["parameters"]


def test_saved_weights_of_arrays_and_of_a_graph(call, tmp_path, xor):
    require("numpy")
    args = ("train", "--network", "2-2-1", "--bias", "layer", "--data", xor, "--seed", 1, "--rate", 0.5)
    succeeded(call(*args, "--form", "matrix", "--iterations", 9, "--save", "m.toml"))
    on = json.loads(
        succeeded(call("train", "--values", "m.toml", "--data", xor, "--iterations", 1, "--format", "json"))
    )
    through = json.loads(succeeded(call(*args, "--iterations", 9, "--format", "json")))
    assert on["rows"][0]["error"] == pytest.approx(through["rows"][-1]["error"], rel=1e-12)
    (tmp_path / "g.txt").write_text("input a\nparameter v\nnet = v*a + 1/2\nE = (t - net)**2\n")
    graph = ("train", "--graph", "g.txt", "--set", "v=1", "--set", "a=2", "--set", "t=0", "--rate", 0.01)
    succeeded(call(*graph, "--iterations", 5, "--save", "g.toml"))
    on = json.loads(succeeded(call("train", "--values", "g.toml", "--iterations", 5, "--format", "json")))
    assert (
        on["parameters"]
        == json.loads(succeeded(call(*graph, "--iterations", 10, "--format", "json")))["parameters"]
    )


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_an_svg_is_the_same_bytes_again(call, tmp_path, lang):
    """No date, no random names."""
    require("matplotlib")
    for name in ("a.svg", "b.svg"):
        succeeded(call(*EXAMPLE, "--iterations", 30, "--plot", name, "--lang", lang))
    one, other = ((tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == other
    text = one.decode()
    assert "<svg" in text
    assert "<dc:date>" not in text


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_a_plot_as_png_and_pdf(call, tmp_path, name, begins):
    require("matplotlib")
    succeeded(call(*EXAMPLE, "--iterations", 30, "--plot", name))
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_file_that_exists_is_replaced_as_named(call, tmp_path):
    (tmp_path / "a.toml").write_text("before")
    succeeded(call(*EXAMPLE, "--iterations", 1, "--save", "a.toml"))
    assert "before" not in (tmp_path / "a.toml").read_text()


# ---------------------------------------------------------------- Ctrl-C, checkpoints


def test_a_checkpoint_goes_on(call, tmp_path):
    """--every writes it on the way, the end too; --resume gives what one long training gives."""
    succeeded(
        call(*EXAMPLE, "--iterations", 20, "--optimizer", "adam", "--checkpoint", "c.json", "--every", 7)
    )
    on = call(*EXAMPLE, "--iterations", 50, "--optimizer", "adam", "--resume", "c.json", "--format", "json")
    through = call(*EXAMPLE, "--iterations", 50, "--optimizer", "adam", "--format", "json")
    one, other = json.loads(succeeded(on)), json.loads(succeeded(through))
    assert one["parameters"] == other["parameters"]
    assert one["rows"] == [{"iteration": 20, "error": one["rows"][0]["error"]}, other["rows"][-1]]


@pytest.mark.parametrize("named", [True, False])
def test_an_interrupt_leaves_a_usable_checkpoint(tmp_path, named):
    """Ctrl-C in the middle: exit code 130, one line, a checkpoint from which the numbers are the same."""
    path = tmp_path / "c.json"
    kept = ["--checkpoint", str(path), "--every", "1000"] if named else []
    args = [
        SCRIPTS / "backprop",
        *EXAMPLE,
        "--iterations",
        "100000000",
        "--patience",
        "0",
        "--log",
        "log.csv",
    ]
    process = subprocess.Popen([*args, *kept], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    deadline = time.monotonic() + 60
    begun = path.exists if named else lambda: any(p.stat().st_size > 0 for p in tmp_path.glob(".log.csv.*"))
    while not begun() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    found = re.fullmatch(
        rb"Error: interrupted after iteration (\d+); "
        + (rb"go on with --resume '.*c\.json'" if named else rb"nothing was kept: there is no --checkpoint")
        + rb"\n",
        err,
    )
    assert found, err
    assert [p.name for p in tmp_path.iterdir()] == (["c.json"] if named else [])
    if named:
        done = int(found[1])
        assert json.loads(path.read_text())["iteration"] == done
        more = [*EXAMPLE, "--patience", "0", "--iterations", str(done + 5), "--format", "json"]
        on = run(*more, "--resume", path, command="backprop")
        through = run(*more, command="backprop", timeout=300)
        assert json.loads(on.out)["parameters"] == json.loads(through.out)["parameters"]


# ---------------------------------------------------------------- refusals


REFUSED = [
    ((*EXAMPLE, "--optimizer", "adamw"),
     "no optimizer 'adamw'. Known: sgd momentum nesterov adagrad rmsprop adam. Did you mean 'adam'?"),
    ((*EXAMPLE, "--momentum", 0.5), "--momentum is no hyperparameter of sgd: it has none"),
    ((*EXAMPLE, "--optimizer", "adam", "--alpha", 0.5),
     "--alpha is no hyperparameter of adam: it has --beta1 --beta2 --epsilon"),
    ((*EXAMPLE, "--optimizer", "adam", "--beta2", 1), "--beta2 1: it must be at least 0 and below 1"),
    ((*EXAMPLE, "--rate", 0), "learning rate '0.0': it must be a positive number"),
    ((*EXAMPLE, "--sample", 2), "no sample 2: there are 1, counted from 1"),
    (("train", "--network", "2-2-1", "--data", "a.csv", "--sample", 1),
     "--sample chooses among the samples of --values; --data trains on all of its own"),
    ((*EXAMPLE, "--iterations", 0), "--iterations 0: it must be at least 1"),
    ((*EXAMPLE, "--batch", 0), "--batch 0: it must be at least 1"),
    ((*EXAMPLE, "--table", 0), "--table 0: it must be at least 1"),
    ((*EXAMPLE, "--every", 5), "--every says how often a checkpoint is written: name its file with --checkpoint"),
    ((*EXAMPLE, "--every", 0, "--checkpoint", "c.json"), "--every 0: it must be at least 1"),
    ((*EXAMPLE, "--shuffle"), "--shuffle needs a --seed: the order must be one that can be had again"),
    ((*EXAMPLE, "--sequential", "--optimizer", "adam"),
     "--sequential goes with --optimizer sgd and --batch 1: one sample, one update"),
    ((*EXAMPLE, "--sequential", "--form", "matrix"), "--sequential goes with --form scalar"),
    ((*EXAMPLE, "--dtype", "float32"), "--dtype float32 goes with --form matrix; numbers are float64"),
    ((*EXAMPLE, "--form", "vector"), "no form 'vector'. Known: scalar matrix."),
    ((*EXAMPLE, "--format", "latex"), "no format 'latex'. Known: text markdown json. Did you mean 'text'?"),
    ((*EXAMPLE, "--lang", "fr"), "no language 'fr'. Known: en ko."),
    ((*EXAMPLE, "--log", "a.txt"), "--log 'a.txt': its name must end in .csv, .json"),
    ((*EXAMPLE, "--save", "a.yaml"), "--save 'a.yaml': its name must end in .toml, .json"),
    ((*EXAMPLE, "--plot", "a.gif"), "--plot 'a.gif': a plot is written as .svg, .png or .pdf"),
    ((*EXAMPLE, "--save", "no/a.toml"), "cannot write 'no/a.toml': there is no directory 'no'"),
    ((*EXAMPLE, "--checkpoint", "no/c.json"), "cannot write 'no/c.json': there is no directory 'no'"),
    ((*EXAMPLE, "--resume", "c.json"), "checkpoint 'c.json': No such file or directory"),
    (("train", "--seed", 1), "no learning rate: give --rate, e.g. 0.5, or learning_rate in the values"),
    (("train", "--network", "2-2-1", "--data", "no.csv", "--seed", 1, "--rate", 1),
     "samples 'no.csv': No such file or directory"),
    (("train", "--network", "2-2-1", "--data", ".", "--seed", 1, "--rate", 1), "samples '.': not a file"),
    (("train", "--network", "500-100-10", "--rate", 1, "--seed", 1),
     "a network of 51000 weights is trained with --form matrix, samples from --data, and weights drawn by --seed"),
    (("optimizer", "adm"), "no optimizer 'adm'. Known: sgd momentum nesterov adagrad rmsprop adam. Did you mean 'adam'?"),
    (("optimizer", "adam", "--format", "text", "--standalone"), "--standalone goes with --format latex, not text"),
    (("optimizer",), "Missing argument 'NAME'."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "message"), REFUSED, ids=lambda v: " ".join(map(str, v)) if isinstance(v, tuple) else ""
)
def test_a_refusal_is_one_line(call, tmp_path, args, message):
    """Exit code 2, nothing printed, nothing written."""
    outcome = call(*args)
    assert outcome == Outcome(2, "", f"Error: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_diverges_writes_nothing(call, tmp_path):
    """The iteration and the quantity; no log, no weights, no report."""
    (tmp_path / "g.txt").write_text("a = exp(w*x)\nE = (t - a)**2\n")
    outcome = call("train", "--graph", "g.txt", "--set", "w=-3", "--set", "x=1", "--set", "t=5", "--rate", 1e5,
                   "--log", "l.csv", "--save", "s.toml", "-o", "out.txt")  # fmt: skip
    assert outcome == Outcome(
        2,
        "",
        "Error: iteration 2: a is no longer a finite number (math range error); "
        "a learning rate below 100000 may help\n",
    )
    assert [p.name for p in tmp_path.iterdir()] == ["g.txt"]


def test_without_matplotlib_one_line(call, monkeypatch):
    """Said before anything is trained."""
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "matplotlib" else real(n, *a))
    outcome = call(*EXAMPLE, "--plot", "a.svg")
    assert outcome.err == "Error: plots need matplotlib: pip install 'backprop-symbolic[plot]'\n"


def test_without_a_hangul_font_one_line(call, monkeypatch):
    require("matplotlib")
    from backprop_symbolic import plots

    monkeypatch.setattr(plots, "hangul_font", lambda: None)
    assert call(*EXAMPLE, "--plot", "a.png", "--lang", "ko").err == (
        "Error: plots in 'ko' need a font with Hangul: pip install koreanize-matplotlib, or install "
        "fonts-nanum, or use --lang en\n"
    )


def test_the_bar_is_for_a_terminal_only(tmp_path):
    """On a pseudo-terminal a bar is drawn on stderr; through a pipe nothing is."""
    import os
    import pty

    lead, follow = pty.openpty()
    process = subprocess.Popen(
        [SCRIPTS / "backprop", *EXAMPLE, "--iterations", "2000"],
        stdout=subprocess.PIPE,
        stderr=follow,
        cwd=tmp_path,
    )
    os.close(follow)
    shown = b""
    try:
        while piece := os.read(lead, 65536):
            shown += piece
    except OSError:
        pass  # the other end was closed
    os.close(lead)
    out, _ = process.communicate(timeout=60)
    assert b"100%" in shown
    assert b"%" not in out
    assert run(*EXAMPLE, "--iterations", "2000", command="backprop").err == ""
