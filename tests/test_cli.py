"""The command line: every option, every output, every refusal.

Error text is an interface: it is compared in full, or by a pattern that leaves little room.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from commands import ROOT, SCRIPTS, Outcome, environment, process, run, shell
from drawn import apart, pairs

from backprop_symbolic import __version__
from backprop_symbolic.activations import activations
from backprop_symbolic.cli import cli, derive_main, main
from backprop_symbolic.cli import derive as derive_command
from backprop_symbolic.losses import losses
from backprop_symbolic.render import formats

WEIGHTS_222 = "w11 w12 w21 w22 w31 w32 w41 w42"
ACTIVATIONS = " ".join(activations.names())
LOSSES = " ".join(losses.names())
FORMATS = " ".join(formats.names())
PERCEPTRON = "net1 = w11*x1 + w12*x2 + b1\nh1 = sigmoid(net1)\nE = 1/2*(t1 - h1)**2\n"


@pytest.fixture
def call(capsysbinary):
    """The command in this process: fast, and the same code from the first argument on."""

    def call(*args: str | Path, entry=derive_main) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            entry([str(a) for a in args])
        out, err = capsysbinary.readouterr()
        return Outcome(int(stop.value.code or 0), out.decode(), err.decode())

    return call


def succeeded(outcome: Outcome) -> str:
    """What was printed by a command that had nothing to complain about."""
    assert outcome.err == ""
    assert outcome.code == 0
    return outcome.out


def refused(outcome: Outcome, message: str = "", *, pattern: str = "") -> None:
    """One line on stderr that begins with `Error: `, exit code 2, nothing on stdout."""
    assert "Traceback" not in outcome.err, outcome.err
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.endswith("\n")
    assert len(outcome.err.splitlines()) == 1, outcome.err
    said = outcome.err[len("Error: ") : -1]
    assert len(said) < 400, "one clear line is not a page"
    if message:
        assert said == message
    if pattern:
        assert re.fullmatch(pattern, said), f"{said!r} is not {pattern!r}"


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """Writes a graph file g.txt into a new current directory."""
    monkeypatch.chdir(tmp_path)

    def write(content: str | bytes, name: str = "g.txt") -> str:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


# ---------------------------------------------------------------- what is printed


def test_derive_prints_latex_of_the_lecture_network():
    """`derive --weight w31` needs no other option and prints a LaTeX fragment for \\input."""
    out = succeeded(run("--weight", "w31"))
    assert out.startswith("% For \\input into a document that loads amsmath")
    assert r"\frac{\partial E}{\partial w_{31}}" in out
    assert r"w_{31}(t) - \eta \cdot \delta_{o1} \cdot y_{h1}" in out
    assert "\\documentclass" not in out


@pytest.mark.parametrize(
    "args",
    [
        ["--weight", "w31"],
        ["--weight", "w11", "--lang", "ko", "--format", "text"],
        ["--weight", "all", "--network", "2-3-2", "--format", "json"],
        ["--weight", "w51"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_both_entry_points_give_the_same_bytes(args):
    """`derive …` and `backprop derive …` and `python -m backprop_symbolic derive …` are one command."""
    short = run(*args, fresh=True)
    long = run("derive", *args, command="backprop", fresh=True)
    module = process([sys.executable, "-m", "backprop_symbolic", "derive", *args])
    if args == ["--help"]:  # the usage line names the command as it was called
        short, long, module = (
            Outcome(o.code, re.sub(r"^Usage: .*?\[OPTIONS\]", "", o.out), o.err)
            for o in (short, long, module)
        )
    assert short == long == module


@pytest.mark.parametrize("first", ["latex", "markdown", "text", "json"])
@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
@pytest.mark.parametrize("weight", ["w31", "w11"])
def test_every_format_language_and_detail(call, first, lang, detail, weight):
    """Each combination prints something of its own, the same each time."""
    args = ["--weight", weight, "--format", first, "--lang", lang, "--detail", detail]
    out = succeeded(call(*args))
    assert out == succeeded(call(*args))
    hangul = re.search("[가-힣]", out) is not None
    assert hangul == (lang == "ko")
    if first == "json":
        assert json.loads(out)["language"] == lang


@pytest.mark.parametrize("name", ["latex", "markdown", "text", "json"])
def test_every_format_ends_with_one_newline(call, name):
    """A file that ends as text files do."""
    out = succeeded(call("--weight", "w31", "--format", name))
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def test_a_detail_shows_more_than_the_one_before(call):
    """brief < normal < full, in every format."""
    for name in ("latex", "markdown", "text"):
        sizes = [
            len(succeeded(call("--weight", "w11", "--format", name, "--detail", detail)))
            for detail in ("brief", "normal", "full")
        ]
        assert sizes[0] < sizes[1] < sizes[2]


def test_formats_are_found_in_any_usual_spelling(call):
    """Case, `-`, `_` and blanks do not count."""
    assert succeeded(call("--weight", "w31", "--format", "LaTeX")) == succeeded(call("--weight", "w31"))
    assert "LeakyReLU" in succeeded(call("--weight", "w31", "--activation", "Leaky-ReLU"))


def test_standalone_is_a_whole_document(call):
    """--standalone adds what xelatex and lualatex need around the same mathematics."""
    out = succeeded(call("--weight", "w31", "--standalone"))
    assert out.count("\\documentclass") == out.count("\\begin{document}") == out.count("\\end{document}") == 1
    assert "kotex" not in out
    assert "\\usepackage{kotex}" in succeeded(call("--weight", "w31", "--standalone", "--lang", "ko"))


@pytest.mark.parametrize(
    ("notation", "weight", "expected"),
    [
        ("lecture", "w31", r"\frac{\partial E}{\partial w_{31}}"),
        ("layered", "w2_11", r"\frac{\partial E}{\partial w^{(2)}_{11}}"),
        ("layered", "w^{(2)}_{11}", r"\frac{\partial E}{\partial w^{(2)}_{11}}"),
        ("mazur", "w5", r"\frac{\partial E_{\mathit{total}}}{\partial w_{5}}"),
    ],
)
def test_notations(call, notation, weight, expected):
    """The weight is named, and written, as the notation does."""
    assert expected in succeeded(call("--notation", notation, "--weight", weight))


def test_a_notation_of_ones_own(call, graph):
    """A TOML file names every quantity."""
    source = (ROOT / "backprop_symbolic" / "notations" / "lecture.toml").read_text(encoding="utf-8")
    ours = source.replace('weight = "w<node><,><from_node>"', 'weight = "v<node>_<from_node>"')
    ours = ours.replace("weight = 'w_{<node><,><from_node>}'", r"weight = '\theta_{<node>,<from_node>}'")
    assert ours.count("v<node>") == ours.count(r"\theta") == 1
    graph(ours, "mine.toml")
    out = succeeded(call("--notation", "mine.toml", "--weight", "v3_1"))
    assert r"\frac{\partial E}{\partial \theta_{3,1}}" in out


@pytest.mark.parametrize(
    ("bias", "parameters"),
    [
        ("1", WEIGHTS_222),
        ("none", WEIGHTS_222),
        ("layer", "w11 w12 b1 w21 w22 w31 w32 b2 w41 w42"),
        ("node", "w11 w12 b1 w21 w22 b2 w31 w32 b3 w41 w42 b4"),
        ("fixed", WEIGHTS_222),
    ],
)
def test_bias_modes(call, bias, parameters):
    """`--weight all` derives the weights and the biases that are trained, and no others."""
    out = succeeded(call("--weight", "all", "--bias", bias, "--format", "json"))
    assert sorted(json.loads(out)["results"]) == sorted(parameters.split())


@pytest.mark.parametrize("bias", ["layer", "node"])
def test_a_trainable_bias_is_derived_like_a_weight(call, bias):
    """`--weight b1` works where b1 is trained."""
    assert r"b_{1}(t+1)" in succeeded(call("--weight", "b1", "--bias", bias))


@pytest.mark.parametrize(("activation", "loss"), pairs(meeting=False))
def test_every_activation_with_every_loss(call, activation, loss):
    """Each pair is derived, verified and printed, for an output weight and for a hidden one.

    Where the outputs never lie where the loss is defined, nothing is printed but one line that says so.
    """
    found = call("--weight", "w31 w11", "--activation", activation, "--loss", loss, "--format", "text")
    if apart(activation, loss) and found.code:
        assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
        assert "point" in found.err
        return
    out = succeeded(found)
    assert "w₃₁(t+1)" in out
    assert "w₁₁(t+1)" in out


def test_one_activation_for_each_layer(call):
    """`tanh,sigmoid`: tanh in the hidden layer, σ in the output layer; blanks do not matter."""
    out = succeeded(call("--weight", "w11", "--activation", "tanh, sigmoid"))
    assert r"y_{h1} &= \tanh(\mathit{net}_{1})" in out or r"y_{h1} = \tanh(\mathit{net}_{1})" in out
    assert r"\sigma(\mathit{net}_{3})" in out


def test_several_weights_and_all(call):
    """Weights between blanks come in the order given; `all` is every one of them."""
    out = json.loads(succeeded(call("--weight", "w11 w31", "--format", "json")))
    assert list(out["results"]) == ["w11", "w31"]
    out = json.loads(succeeded(call("--weight", "all", "--format", "json")))
    assert sorted(out["results"]) == WEIGHTS_222.split()
    once = succeeded(call("--weight", "w31"))
    assert succeeded(call("--weight", "w31 w31")) == once
    assert succeeded(call("--weight", " w31 ")) == once


def test_weights_with_two_digits_get_a_comma(call):
    """w10,3 in a network with ten nodes; written w_{10,3}."""
    out = succeeded(call("--network", "2-9-2", "--weight", "w10,3"))
    assert r"\frac{\partial E}{\partial w_{10,3}}" in out
    assert succeeded(call("--network", "2-9-2", "--weight", "w_{10,3}")) == out
    assert succeeded(call("--network", "2-9-2", "--weight", "w103")) == out


def test_strict_adds_exact_cancellation(call):
    """--strict decides every step a second way and says so in the evidence."""
    loose = json.loads(succeeded(call("--weight", "w31", "--format", "json")))
    strict = json.loads(succeeded(call("--weight", "w31", "--format", "json", "--strict")))
    assert set(methods(loose)) == {"prime_field"}
    assert set(methods(strict)) == {"prime_field+cancellation"}
    assert succeeded(call("--weight", "w31", "--strict")) == succeeded(call("--weight", "w31"))


def methods(data: object) -> list[str]:
    """The method in every evidence of a JSON document."""
    if isinstance(data, dict):
        found = [data["evidence"]["method"]] if "rhs" in data and data.get("evidence") else []
        return found + [m for key, value in data.items() if key != "evidence" for m in methods(value)]
    if isinstance(data, list):
        return [m for item in data for m in methods(item)]
    return []


# ---------------------------------------------------------------- graphs


def test_a_graph_from_a_file_and_from_stdin(graph):
    """`--graph FILE` and `--graph -` read the same language."""
    graph(PERCEPTRON)
    from_file = succeeded(run("--graph", "g.txt", "--weight", "w11"))
    from_stdin = succeeded(run("--graph", "-", "--weight", "w11", stdin=PERCEPTRON.encode()))
    assert from_file == from_stdin
    assert r"\frac{\partial E}{\partial w_{11}}" in from_file


def test_shared_weights_sum_over_their_uses(call, graph):
    """The same w used twice: ∂E/∂w is the sum over both uses."""
    graph("a = w*x1 + 1\nh = tanh(a)\no = w*h + 1\nE = 1/2*(t1 - o)**2\n")
    out = succeeded(call("--graph", "g.txt", "--weight", "w", "--format", "text"))
    assert re.search(r"∂o.*·.*∂o", out) or "2 times" in out


def test_a_graph_in_windows_clothing(call, graph):
    """A byte order mark, CRLF, tabs, comments and blank lines do not matter."""
    graph(PERCEPTRON)
    plain = succeeded(call("--graph", "g.txt", "--weight", "w11", "--format", "json"))
    dressed = "\ufeff# a perceptron\r\n\r\n" + PERCEPTRON.replace("\n", "\t# so\r\n").replace(" = ", "\t=  ")
    graph(dressed)
    assert succeeded(call("--graph", "g.txt", "--weight", "w11", "--format", "json")) == plain


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--network", "2-2-2"), ("--activation", "tanh"), ("--loss", "mse"), ("--bias", "none"),
        ("--notation", "mazur"),
    ],
)  # fmt: skip
def test_options_of_networks_do_not_go_with_a_graph(call, graph, option, value):
    """An option that would have no effect is refused by name."""
    graph(PERCEPTRON)
    refused(
        call("--graph", "g.txt", "--weight", "w11", option, value),
        f"{option} is for networks and does not go with --graph",
    )


# ---------------------------------------------------------------- -o


def test_output_file_holds_what_stdout_would(tmp_path):
    """-o FILE and --output FILE write the same bytes and print nothing."""
    printed = succeeded(run("--weight", "w31", "--lang", "ko"))
    for option in ("-o", "--output"):
        target = tmp_path / f"w31{option}.tex"
        assert succeeded(run("--weight", "w31", "--lang", "ko", option, target)) == ""
        assert target.read_bytes() == printed.encode()


def test_output_is_written_only_as_named(call, tmp_path):
    """The file is replaced, its neighbours are left alone, nothing else appears."""
    target, neighbour = tmp_path / "w31.tex", tmp_path / "w31.tex.bak"
    target.write_text("old and much longer " * 10_000)
    neighbour.write_text("keep")
    succeeded(call("--weight", "w31", "-o", target))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w31.tex", "w31.tex.bak"]
    assert target.read_text(encoding="utf-8") == succeeded(call("--weight", "w31"))
    assert neighbour.read_text() == "keep"


def test_output_is_replaced_in_one_move(call, tmp_path):
    """Who has the old file open goes on reading the old one: it was not written into."""
    target = tmp_path / "w31.tex"
    target.write_text("old")
    with target.open() as reader:
        succeeded(call("--weight", "w31", "-o", target))
        assert reader.read() == "old"
    assert target.read_text(encoding="utf-8") != "old"


def test_a_failure_leaves_the_old_file_and_no_partial_one(call, tmp_path):
    """An error after -o was given changes nothing on disk."""
    target = tmp_path / "w31.tex"
    target.write_text("old")
    for args in (
        ["--weight", "w51"],
        ["--weight", "w31", "--format", "docx"],
        ["--weight", "w31", "--lang", "xx"],
    ):
        refused(call(*args, "-o", target))
        refused(call(*args, "-o", tmp_path / "new.tex"))
    assert [p.name for p in tmp_path.iterdir()] == ["w31.tex"]
    assert target.read_text() == "old"


def test_a_full_disk_leaves_no_partial_file(call, tmp_path, monkeypatch):
    """Where writing fails half-way the old file stands and the temporary one is gone."""
    target = tmp_path / "w31.tex"
    target.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    refused(call("--weight", "w31", "-o", target), pattern=r"cannot write '.*': No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["w31.tex"]
    assert target.read_text() == "old"


def test_permissions_are_kept_and_new_files_follow_the_umask(tmp_path):
    """chmod 640 stays 640; a new file is as the umask says."""
    target = tmp_path / "w31.tex"
    target.write_text("old")
    target.chmod(0o640)
    succeeded(run("--weight", "w31", "-o", target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh.tex"
    assert shell(f"umask 027; derive --weight w31 -o '{fresh}'").code == 0
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640


def test_a_symlink_stays_and_its_target_is_written(call, tmp_path):
    """-o through a symbolic link writes the file it points to, also one that does not exist yet."""
    (tmp_path / "real").mkdir()
    for name, exists in (("old.tex", True), ("new.tex", False)):
        target, link = tmp_path / "real" / name, tmp_path / name
        if exists:
            target.write_text("old")
        link.symlink_to(target)
        succeeded(call("--weight", "w31", "-o", link))
        assert link.is_symlink()
        assert target.read_text(encoding="utf-8").startswith("% For")


def test_devices_and_pipes_are_written_to_not_replaced(tmp_path):
    """/dev/null stays a device; a FIFO hands everything to its reader."""
    before = os.stat("/dev/null")
    succeeded(run("--weight", "w31", "-o", "/dev/null"))
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    fifo, received = tmp_path / "pipe", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()), daemon=True)
    reader.start()
    succeeded(run("--weight", "w31", "-o", fifo))
    reader.join(20)
    assert received == [run("--weight", "w31").out.encode()]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device(call):
    refused(call("--weight", "w31", "-o", "/dev/full"), "cannot write '/dev/full': No space left on device")


def test_output_that_cannot_be_written(call, tmp_path, monkeypatch):
    """A directory, a missing folder, a file as a folder: refused before any work is done."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    refused(call("--weight", "w31", "-o", "folder"), "cannot write 'folder': it is a directory")
    refused(call("--weight", "w31", "-o", "no/x.tex"), "cannot write 'no/x.tex': there is no directory 'no'")
    refused(
        call("--weight", "w31", "-o", "file/x.tex"),
        pattern=r"cannot write 'file/x\.tex': there is no directory 'file'",
    )
    refused(call("--weight", "w31", "-o", "x" * 300), pattern=r"cannot write 'x{60}…': File name too long")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_an_output_name_that_ends_in_a_slash_is_a_directory(call, tmp_path, monkeypatch):
    """`-o new/` names a directory; no file `new` appears."""
    monkeypatch.chdir(tmp_path)
    refused(call("--weight", "w31", "-o", "new/"), pattern=r"cannot write 'new/': .*directory.*")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_output_name(call):
    refused(call("--weight", "w31", "-o", ""), pattern=r"cannot write '': .+|-o needs a file name.*")


def test_read_only_output(call, tmp_path, monkeypatch):
    """A read-only folder is refused. Permissions do not bind root, who is told by the system's answers."""
    folder = tmp_path / "ro"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() == 0:
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
    refused(
        call("--weight", "w31", "-o", folder / "w31.tex"), pattern=r"cannot write '.*': [Pp]ermission denied"
    )
    assert list(folder.iterdir()) == []


def test_a_folder_that_turns_read_only(call, tmp_path, monkeypatch):
    """Permission lost between the check and the writing is one line too."""

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", denied)
    refused(
        call("--weight", "w31", "-o", tmp_path / "w31.tex"), pattern=r"cannot write '.*': Permission denied"
    )


# ---------------------------------------------------------------- stdout


@pytest.mark.parametrize("unbuffered", [None, "1"], ids=["buffered", "PYTHONUNBUFFERED"])
def test_a_closed_pipe_is_one_line(unbuffered):
    """`derive … | head -c 1` ends with one line on stderr, no traceback, and says that it failed."""
    line = "set -o pipefail; derive --weight all --network 8-8-8 --format json | head -c 1 >/dev/null"
    outcome = shell(line, env=environment(PYTHONUNBUFFERED=unbuffered))
    refused(outcome, "standard output was closed before everything was written")


def test_no_stdout_at_all():
    """`derive … >&-`."""
    refused(shell("derive --weight w31 >&-", fresh=True), "there is no standard output to write to")


def test_no_stdin_at_all():
    """`derive --graph - <&-`."""
    refused(shell("derive --weight w31 --graph - <&-", fresh=True), pattern=r".*standard input.*|.*stdin.*")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("what", ["--weight w31", "--help", "--version"])
def test_stdout_on_a_full_device(what):
    """Help and version are written with the same care as a derivation."""
    refused(
        shell(f"derive {what} >/dev/full", fresh=True),
        "cannot write to standard output: No space left on device",
    )


def test_no_stderr_at_all():
    """With stderr closed the exit code still tells."""
    assert shell("derive --weight w51 2>&-", fresh=True).code == 2


@pytest.mark.parametrize("lang", ["C", "POSIX", "en_US.UTF-8", "ko_KR.EUC-KR"])
def test_output_is_utf8_whatever_the_locale(lang):
    """LANG=C, PYTHONIOENCODING=ascii: Hangul comes out as UTF-8 bytes all the same."""
    args = ["--weight", "w31", "--lang", "ko", "--format", "text"]
    poor = environment(
        LANG=lang, LC_ALL=lang, PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert succeeded(run(*args, env=poor)) == succeeded(run(*args))


def test_errors_and_help_in_a_poor_locale():
    """What cannot be encoded does not end in a traceback."""
    poor = environment(LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    refused(run("--weight", "가중치", env=poor))
    assert succeeded(run("--help", env=poor)).startswith("Usage: derive")
    for args in (
        ["--weight", b"\xff"],
        ["--weight", "w1", "--graph", b"\xff.txt"],
        ["--weight", "w31", "-o", b"/no\xff/a"],
    ):
        done = subprocess.run([SCRIPTS / "derive", *args], capture_output=True, env=poor)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"Error: ")
        assert done.stderr.count(b"\n") == 1


# ---------------------------------------------------------------- refusals: options


def test_missing_weight(call):
    refused(call(), pattern=r"[Mm]issing option '--weight'.*")
    refused(call("--network", "2-2"), pattern=r"[Mm]issing option '--weight'.*")
    refused(call("--weight"), pattern=r"Option '--weight' requires an argument\.?")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--weigth", "w31"], "no option '--weigth'. See derive --help. Did you mean '--weight'?"),
        (["--weight", "w31", "--lan", "ko"], "no option '--lan'. See derive --help. Did you mean '--lang'?"),
        (["--weight", "w31", "--zzz"], "no option '--zzz'. See derive --help."),
        (["--weight", "w31", "-x"], "no option '-x'. See derive --help."),
    ],
)
def test_unknown_option(call, args, message):
    """The nearest option is named, and where to read about all."""
    refused(call(*args), message)


def test_an_argument_too_many(call):
    refused(call("--weight", "w31", "w11"), pattern=r"Got unexpected extra argument \(w11\)")


def test_unknown_command(call):
    refused(
        call("derve", "--weight", "w31", entry=main),
        pattern=r"No such command 'derve'\. \(Did you mean one of: 'derive', 'prove'\?\)",
    )


def test_no_command_shows_what_there_is(call):
    """`backprop` alone prints its help as help, not as an error squeezed into one line."""
    outcome = call(entry=main)
    if outcome.code == 2 and not outcome.out and outcome.err.count("\n") == 1:
        refused(outcome, pattern=r"(?!Usage).*(command|--help).*")
        return
    shown = outcome.out + outcome.err
    assert outcome.code in (0, 2)
    assert not shown.startswith("Error")
    assert "\n  derive" in shown


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("w51", f"no weight 'w51' in a 2-2-2 network. Its weights: {WEIGHTS_222}. Did you mean 'w41'?"),
        ("w33", f"no weight 'w33' in a 2-2-2 network. Its weights: {WEIGHTS_222}. Did you mean 'w32'?"),
        ("W31", f"no weight 'W31' in a 2-2-2 network. Its weights: {WEIGHTS_222}. Did you mean 'w31'?"),
        ("w31 w99", f"no weight 'w99' in a 2-2-2 network. Its weights: {WEIGHTS_222}. Did you mean 'w11'?"),
        ("b1", f"no weight 'b1' in a 2-2-2 network. Its weights: {WEIGHTS_222}. Did you mean 'w11'?"),
    ],
)
def test_unknown_weight(call, weight, message):
    """The whole list where it is short, and the nearest."""
    said = call("--weight", weight)
    if weight in ("w31 w99", "b1"):  # nothing is near; any weight may serve as an example
        message = re.escape(message).replace("'w11'", r"'w\d\d'")
        refused(said, pattern=message)
    else:
        refused(said, message)


def test_unknown_weight_in_a_large_network(call):
    """A long list is cut short and counted."""
    refused(
        call("--weight", "w99,99", "--network", "30-30-2"),
        pattern=r"no weight 'w99,99' in a 30-30-2 network\. Its weights: (w\d,?\d+ ){5,24}… \(960 in all\)\. "
        r"Did you mean 'w\d+,\d+'\?",
    )


@pytest.mark.parametrize("weight", ["", "  "])
def test_empty_weight(call, weight):
    """Nothing was named: that is what the message says, with the list."""
    refused(call("--weight", weight), pattern=rf".*weight.*{WEIGHTS_222}.*")


@pytest.mark.parametrize("weight", ["x1", "y_h1", "net_3", "E", "eta", "delta_o1"])
def test_only_parameters_are_derived(call, weight):
    """An input, a net, the error are no weights."""
    refused(call("--weight", weight), pattern=rf"no weight '{weight}' in a 2-2-2 network\. Its weights: .*")


def test_ambiguous_weight(call):
    """w111 may be w1,11 or w11,1: both are named."""
    refused(
        call("--weight", "w111", "--network", "12-12-2"),
        "weight 'w111' is ambiguous in a 12-12-2 network: write 'w1,11' or 'w11,1'",
    )


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--activation", "sigmod", f"no activation 'sigmod'. Known: {ACTIVATIONS}. Did you mean 'sigmoid'?"),
        ("--activation", "tanh,relo", f"no activation 'relo'. Known: {ACTIVATIONS}. Did you mean 'relu'?"),
        ("--activation", "", f"no activation ''. Known: {ACTIVATIONS}."),
        ("--activation", "tanh,", f"no activation ''. Known: {ACTIVATIONS}."),
        ("--loss", "half-ssee", f"no loss 'half-ssee'. Known: {LOSSES}. Did you mean 'half_sse'?"),
        ("--loss", "qqqq", f"no loss 'qqqq'. Known: {LOSSES}."),
        ("--bias", "nod", "no bias mode 'nod'. Known: 1 none layer node fixed. Did you mean 'node'?"),
        ("--lang", "kr", "no language 'kr'. Known: en ko. Did you mean 'ko'?"),
        ("--lang", "../en", "no language '../en'. Known: en ko. Did you mean 'en'?"),
        ("--format", "markdwn", f"no format 'markdwn'. Known: {FORMATS}. Did you mean 'markdown'?"),
        ("--format", "docx", f"no format 'docx'. Known: {FORMATS}."),
        ("--detail", "ful", "no detail 'ful'. Known: brief normal full. Did you mean 'full'?"),
        (
            "--notation", "lectur",
            "no notation 'lectur' (a file of your own ends in .toml). Known: lecture layered mazur. Did you mean 'lecture'?",
        ),
        ("--notation", "none.toml", "notation file 'none.toml': No such file or directory"),
    ],
)  # fmt: skip
def test_unknown_names(call, option, value, message):
    """Each says what kind of name it was, which there are, and the nearest."""
    refused(call("--weight", "w31", option, value), message)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", r"notation file 'mine\.toml' has no table \[typed\]"),
        ("[typed]\n[latex]\n", r"notation file 'mine\.toml': \[typed\] names no 'input'"),
        ("[typed\n", r"notation file 'mine\.toml' is not TOML: .*line 1.*"),
        (b"\xff\xfe", r"notation file 'mine\.toml' is not TOML: .*"),
    ],
)
def test_broken_notation_files(call, graph, text, pattern):
    graph(text, "mine.toml")
    refused(run("--weight", "w31", "--notation", "mine.toml"), pattern=pattern)


@pytest.mark.parametrize(
    ("before", "after", "pattern"),
    [
        ("'x_{<index>}'", r"'\input{x}'", r".*\[latex\] input = .* uses \\input, which a name may not"),
        ("'x_{<index>}'", "'x_{<index>'", r".*\[latex\] input = .* has braces that do not match"),
        (
            "'x_{<index>}'",
            "'x_{<place>}'",
            r".*\[latex\] input = .* has the unknown field <place>; known: .*",
        ),
        ('"x<index>"', '"x<index> y"', r".*\[typed\] input = .* is not a name of letters, digits and '_'"),
        (
            '"x<index>"',
            '"x"',
            r"notation 'lecture' gives two quantities of a 2-2-2 network the same name 'x'",
        ),
    ],
)
def test_hostile_notation_files(call, graph, before, after, pattern):
    """A notation cannot smuggle commands into LaTeX nor give two quantities one name."""
    source = (ROOT / "backprop_symbolic" / "notations" / "lecture.toml").read_text(encoding="utf-8")
    assert source.count(before) == 1
    graph(source.replace(before, after), "mine.toml")
    refused(run("--weight", "w31", "--notation", "mine.toml"), pattern=pattern)


def test_a_notation_file_is_read_each_time(call, graph):
    """Edited between two derivations in one process (a notebook), it is read anew."""
    source = (ROOT / "backprop_symbolic" / "notations" / "lecture.toml").read_text(encoding="utf-8")
    for letter in ("u", "v"):
        graph(source.replace("weight = 'w_{", f"weight = '{letter}_{{"), "changing.toml")
        out = succeeded(call("--notation", "changing.toml", "--weight", "w31"))
        assert rf"\frac{{\partial E}}{{\partial {letter}_{{31}}}}" in out


NOT_A_LIST = "network {0!r} is not a list of layer sizes joined by '-', e.g. 2-2-2"


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("2-0-2", "network '2-0-2': a layer needs at least 1 unit, not 0"),
        ("2", "network '2' has no weights: name at least an input and an output layer, e.g. 2-2-2"),
        ("a-b", NOT_A_LIST.format("a-b")),
        ("", NOT_A_LIST.format("")),
        ("2--2", NOT_A_LIST.format("2--2")),
        ("2-2-", NOT_A_LIST.format("2-2-")),
        ("-2-2", NOT_A_LIST.format("-2-2")),
        ("2,2", NOT_A_LIST.format("2,2")),
        ("2.5-2", NOT_A_LIST.format("2.5-2")),
        ("2 - 2", NOT_A_LIST.format("2 - 2")),
        ("+2-2", NOT_A_LIST.format("+2-2")),
        ("1_0-2", NOT_A_LIST.format("1_0-2")),
        ("2e3-2", NOT_A_LIST.format("2e3-2")),
        ("١-٢", NOT_A_LIST.format("١-٢")),
        ("2–2", NOT_A_LIST.format("2–2")),
        ("1000000", "a layer of 1000000 units is too large; at most 100000 are allowed"),
        ("2-1000000-2", "a layer of 1000000 units is too large; at most 100000 are allowed"),
        (
            "99999-99999",
            "network '99999-99999' has 9999800001 weights; a written derivation carries at most 20000",
        ),
        ("-".join(["1"] * 5000), "a network of 5000 layers; at most 1000 are allowed"),
    ],
)
def test_malformed_networks(call, sizes, message):
    refused(call("--weight", "w11", f"--network={sizes}"), message)


def test_a_number_in_an_error_is_the_number_typed(call):
    """A long number may be cut, but not silently into another number."""
    outcome = call("--weight", "w11", "--network", "9999999999999-2")
    refused(
        outcome, pattern=r"a layer of (9999999999999|'?9+…'?) units is too large; at most 100000 are allowed"
    )


@pytest.mark.parametrize(("activation", "count"), [("tanh,sigmoid,relu", 3), ("tanh,tanh,tanh,tanh", 4)])
def test_wrong_number_of_activations(call, activation, count):
    refused(
        call("--weight", "w31", "--activation", activation),
        f"{count} activations for 2 layers with weights; give one for all or one for each, e.g. sigmoid,sigmoid",
    )


def test_standalone_goes_with_latex_only(call):
    refused(
        call("--weight", "w31", "--standalone", "--format", "text"),
        "--standalone goes with --format latex, not text",
    )


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mred", "\u202eevil", "x" * 5000, "{0}", "%s", "<script>"])
def test_hostile_names_are_quoted_in_one_short_line(call, text):
    """Control characters are shown as such; a long name is cut."""
    for option in (
        "--activation",
        "--loss",
        "--lang",
        "--format",
        "--notation",
        "--detail",
        "--bias",
        "--network",
    ):
        outcome = call("--weight", "w31", option, text)
        refused(outcome)
        assert "\x1b" not in outcome.err
        assert "\u202e" not in outcome.err
    outcome = call("--weight", text)
    refused(outcome)
    assert "\x1b" not in outcome.err


# ---------------------------------------------------------------- refusals: graph files


GRAPHS = [
    ("missing operand", "a = w1*x1\nE = a +", r"g\.txt, line 2, column [78]: the formula ends too early"),
    ("stray sign", "a = w1*x1\nE = a $ 2", r"g\.txt, line 2, column 7: syntax error near '\$'"),
    ("two operands", "E = w1 x1", r"g\.txt, line 1, column [58]: syntax error near '\w+'"),
    ("open parenthesis", "E = (w1", r"g\.txt, line 1, column [58]: .*"),
    ("no equals sign", "a w1", r"g\.txt, line 1, column 1: 'a w1' is not 'name = formula'"),
    ("no formula", "E =", r"g\.txt, line 1, column 4: a formula is missing"),
    ("two equals signs", "E = w1 = 3", r"g\.txt, line 1, column 8: '=' belongs between a name and its one formula only"),
    ("comparison", "E = w1 == 3", r"g\.txt, line 1, column 5: 'w1 == 3' is not arithmetic"),
    ("caret", "E = w1^2", r"g\.txt, line 1, column 5: 'w1\^2' is not arithmetic: a power is written \*\*"),
    ("cycle", "a = b + w1\nb = a\nE = b", r"g\.txt, line [12], column 1: the definitions form a cycle: (a → b → a|b → a → b)"),
    ("self", "E = E + w1", r"g\.txt, line 1, column 1: the definitions form a cycle: E → E"),
    (
        "undefined", "a = w1*x1\nE = a + q",
        r"g\.txt, line 2, column 9: 'q' is used but defined nowhere; define it, or declare it with "
        r"'input q' or 'parameter q'\.",
    ),
    (
        "misspelt", "hidden = w1*x1\nE = hiden + 1",
        r"g\.txt, line 2, column 5: 'hiden' is used but defined nowhere; .* Did you mean 'hidden'\?",
    ),
    ("redefinition", "a = w1*x1\na = w1\nE = a", r"g\.txt, line 2, column 1: 'a' is already defined in line 1"),
    ("declared twice", "parameter a a\nE = a", r"g\.txt, line 1, column 13: 'a' is already declared"),
    ("declared and defined", "input a\na = w1\nE = a", r"g\.txt, line 2, column 1: 'a' is already declared"),
    ("function as name", "exp = w1", r"g\.txt, line 1, column 1: 'exp' is the name of a function or constant"),
    ("digit first", "3x = w1", r"g\.txt, line 1, column 1: '3x' is not a name"),
    ("unknown function", "E = sigmod(w1)", r"no function 'sigmod' \(g\.txt, line 1, column 5\)\. Known: .*\. Did you mean 'sigmoid'\?"),
    ("two arguments", "E = exp(w1, w1)", r"g\.txt, line 1, column 5: exp takes one argument"),
    ("division by zero", "E = w1/0", r"g\.txt, line 1, column 8: division by zero"),
    ("several ends", "a = w1*x1\nb = w1 + x1", r"g\.txt[,:] 2 quantities feed no other \('a', 'b'\); one of them must be the error: call it E"),
    ("no parameters", "E = x1 + x2", r"no weight 'w1': the graph g\.txt has no parameters"),
    ("other weights", "E = w2*x1 + w3", r"no weight 'w1' in the graph g\.txt\. Its weights: w2 w3\. Did you mean 'w[23]'\?"),
    ("empty", "", r"g\.txt[,:] no definition found; write one a line: h1 = sigmoid\(net1\)"),
    ("only comments", "# nothing\n\n", r"g\.txt[,:] no definition found; write one a line: h1 = sigmoid\(net1\)"),
    ("not UTF-8", b"E = w1*\xff\xfe", r"graph file 'g\.txt' is not UTF-8 text \(byte 7\)"),
    ("UTF-16", "E = w1".encode("utf-16"), r"graph file 'g\.txt' is not UTF-8 text \(byte 0\)"),
    ("binary", b"\x7fELF\x02\x01\x01\x00\x00", r"g\.txt, line 1, column 1: '.*' is not .*"),
    ("NUL", "E = w1\0 + 2", r"g\.txt, line 1, column 7: .*"),
    ("too large", "E = w1 + 1\n" + "#" * 1_000_001, r"g\.txt[,:] the graph has more than 1000000 characters"),
    ("too many lines", "\n" * 5_001, r"g\.txt[,:] the graph has more than 5000 lines"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "pattern"), [g[1:] for g in GRAPHS], ids=[g[0] for g in GRAPHS])
def test_broken_graphs(call, graph, content, pattern):
    """Each is told by file, line and column."""
    graph(content)
    refused(call("--graph", "g.txt", "--weight", "w1"), pattern=pattern)


HOSTILE = [
    ("import", "E = w1*__import__('os').system('touch owned')", r".*column 8: .* is not arithmetic"),
    ("import call", "E = __import__('os')*w1", r"no function '__import__' \(g\.txt, line 1, column 5\)\. Known: .*"),
    ("attribute", "E = w1.__class__.__mro__", r"g\.txt, line 1, column 5: '.*' is not arithmetic"),
    ("index", "E = w1[0]", r"g\.txt, line 1, column 5: 'w1\[0\]' is not arithmetic"),
    ("lambda", "E = (lambda: w1)()", r"g\.txt, line 1, column 5: '.*' is not arithmetic"),
    ("walrus", "E = (w1 := 3)", r"g\.txt, line 1, column [56]: .*"),
    ("comprehension", "E = [w1 for w1 in x1]", r"g\.txt, line 1, column 5: '.*' is not arithmetic"),
    ("text", "E = 'a'*w1", r"g\.txt, line 1, column 5: \"?'.*'\"? is not a number"),
    ("f-string", "E = f'{w1}'", r"g\.txt, line 1, column 5: .* is not arithmetic"),
    ("open", "E = open('/etc/passwd')*w1", r"no function 'open' \(g\.txt, line 1, column 5\)\. Known: .*"),
    ("eval", "E = eval('w1')", r"no function 'eval' \(g\.txt, line 1, column 5\)\. Known: .*"),
    ("parentheses", f"E = {'(' * 10**5}w1{')' * 10**5}", r"g\.txt, line 1, column \d+: .*"),
    ("fewer parentheses", f"E = {'(' * 100}w1{')' * 100}", r"g\.txt, line 1, column 65: more than 60 parentheses are nested"),
    ("tower", "E = 9**9**9**9*w1", r"g\.txt, line 1, column \d+: .* is a tower of numbers|.*exponent.*"),
    ("tower in brackets", "E = ((9**9)**9)**9*w1", r"g\.txt, line 1, column \d+: .*|"),
    ("tower above a weight", "E = w1**9**9**9**9", r"g\.txt, line 1, column \d+: .* is a tower of numbers|.*exponent.*"),
    ("big exponent", "E = 10**1000*w1", r"g\.txt, line 1, column 9: an exponent is beyond 64: '1000'"),
    ("big float", "E = w1*1e999", r"g\.txt, line 1, column 8: the number '1e999' is out of range"),
    ("long number", f"E = w1*{'9' * 10**4}", r"g\.txt, line 1, column 8: a number has more than 40 digits"),
    ("minuses", f"E = {'-' * 3000}w1", r"g\.txt, line 1, column \d+: .*too (deep|long).*|.*more than.*"),
    ("many terms", "E = " + "+".join(["w1"] * 5000), r"g\.txt, line 1, column \d+: the formula has more than 4000 parts"),
    ("powers in a row", "E = " + "**".join(["w1"] * 1000), r"g\.txt, line 1, column \d+: .*(too (deep|long)|more than).*|"),
    ("quotients in a row", "E = " + "/".join(["w1"] * 1000), r"g\.txt, line 1, column \d+: .*(too (deep|long)|more than).*|"),
    ("cases in a row", "E = " + "w1 if x1 > 0 else " * 400 + "w1", r"g\.txt, line 1, column \d+: .*(too (deep|long)|more than).*|"),
    ("carriage return", "E = w1\rF = w1", r".*|"),
    ("template", "E = {{ w1 }}", r"g\.txt, line 1, column 5: .*"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "pattern"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_hostile_graphs_are_refused_quickly(call, graph, tmp_path, content, pattern):
    """Nothing runs, nothing grows: the answer comes in under two seconds.

    A few are long but honest arithmetic; these may be derived instead of refused.
    """
    graph(content)
    start = time.perf_counter()
    outcome = call("--graph", "g.txt", "--weight", "w1")
    assert time.perf_counter() - start < 2
    assert "Traceback" not in outcome.err
    if outcome.code != 0 or not pattern.endswith("|"):
        refused(outcome, pattern=pattern)
    assert [p.name for p in tmp_path.iterdir()] == ["g.txt"]


@pytest.mark.parametrize(
    "text", ["__import__('os')", f"{'(' * 10**5}w1{')' * 10**5}", "9**9**9**9"], ids=lambda t: t[:12]
)
def test_hostile_text_as_whole_process(graph, text):
    """The same through the real command, import included."""
    graph(f"E = {text}\n")
    start = time.perf_counter()
    outcome = run("--graph", "g.txt", "--weight", "w1", timeout=60)
    took = time.perf_counter() - start
    refused(outcome)
    start = time.perf_counter()
    run("--weight", "w51")
    assert took < time.perf_counter() - start + 2


def test_graph_files_that_cannot_be_read(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(call("--graph", "none.txt", "--weight", "w1"), "graph file 'none.txt': No such file or directory")
    refused(call("--graph", tmp_path, "--weight", "w1"), pattern=r"graph file '.*': Is a directory")
    refused(call("--graph", "", "--weight", "w1"), pattern=r"graph file '.*': .+")
    refused(
        run("--graph", "/dev/zero", "--weight", "w1", timeout=30),
        pattern=r".*/dev/zero.* more than 1000000 characters",
    )
    refused(run("--graph", "-", "--weight", "w1", stdin=b""), pattern=r"stdin[,:] no definition found; .*")


# ---------------------------------------------------------------- help


def options_of(command) -> set[str]:
    """Every option as it is typed."""
    return {name for param in command.params for name in param.opts} | {"--help", "-h"}


def test_help_names_every_option(call):
    """--help and -h list all; so does the group its commands."""
    shown = succeeded(call("--help"))
    assert shown == succeeded(call("-h"))
    assert {
        o for o in options_of(derive_command) if not re.search(rf"(?<![\w-]){o}(?![\w-])", shown)
    } == set()
    whole = succeeded(call("--help", entry=main))
    assert {name for name in cli.commands if not re.search(rf"^  {name} ", whole, re.MULTILINE)} == set()
    assert max(map(len, shown.splitlines())) <= 100


def test_help_names_every_value(call):
    """What can be chosen is said: formats, languages, details, bias modes, notations."""
    from backprop_symbolic.derivation import DETAILS
    from backprop_symbolic.notation import builtin_names
    from backprop_symbolic.render import formats, languages
    from backprop_symbolic.spec import BIAS_MODES

    shown = succeeded(call("--help"))
    values = [*formats.names(), *languages(), *DETAILS, *BIAS_MODES, *builtin_names(), "half_sse", "sigmoid"]
    assert [v for v in values if not re.search(rf"(?<!\w){v}(?!\w)", shown)] == []


@pytest.mark.parametrize("args", [["--help"], ["--version"], []], ids=["help", "version", "nothing"])
def test_help_imports_nothing_heavy(args):
    """--help, --version and a missing --weight do not wait for SymPy, Jinja or NumPy."""
    code = (
        "import sys\nfrom backprop_symbolic.cli import derive_main\n"
        f"try:\n    derive_main({args!r})\nexcept SystemExit:\n    pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sympy', 'jinja2', 'numpy', 'mpmath'}), file=sys.stderr)\n"
    )
    outcome = process([sys.executable, "-c", code])
    assert outcome.err.splitlines()[-1] == "[]"


def test_help_of_the_console_script_imports_no_sympy():
    """The same with -X importtime on the script itself, entry point included."""
    outcome = process([sys.executable, "-X", "importtime", SCRIPTS / "derive", "--help"])
    assert outcome.out.startswith("Usage: derive")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in outcome.err.splitlines()}
    assert "click" in imported
    assert not imported & {"sympy", "jinja2", "numpy", "mpmath"}


def test_version(call):
    for entry in (derive_main, main):
        assert succeeded(call("--version", entry=entry)) == f"backprop-symbolic, version {__version__}\n"
