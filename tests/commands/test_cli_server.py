"""`nmt translate --server`, against stand-ins: lines in, lines out, as with a model."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stand_in
from command_line import hear_ctrl_c, installed, nmt, refused
from stand_in import RestStandIn, answer, english, fine, sleep, status

from nmt.signatures import ADDED_OUTPUTS


@pytest.fixture
def server() -> Iterator[RestStandIn]:
    with stand_in.rest() as found:
        yield found


LINES = [
    "나는 밥을 먹었다",
    "",
    "   ",
    "word " * 500,
    "\x00\x07",
    "a\u2028b",
    *(f"line {i}" for i in range(150)),
    "last",
]


def test_a_line_in_is_a_line_out_in_order(server: RestStandIn, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(LINES), encoding="utf-8")
    from_file = installed("translate", "--server", server.url, file)
    from_pipe = installed("translate", "--server", server.url, stdin=file.read_bytes())
    dash = installed("translate", "-", "--server", server.url, stdin=file.read_bytes())
    assert from_file.returncode == 0, from_file.stderr.decode()
    assert from_file.stdout == from_pipe.stdout == dash.stdout
    assert from_file.stdout.decode().split("\n") == [*map(english, LINES), ""]
    assert all(len(body["inputs"]["text"]) <= 64 for body in server.bodies)
    assert len(server.bodies) == 3 * 3
    # The fourth line has 500 words, and 30 are read.
    assert from_file.stderr.decode() == "Line 4 is longer than the model reads: the rest was left out.\n"


def test_lines_that_were_cut_are_numbered_through_all_requests(server: RestStandIn) -> None:
    lines = ["fine"] * 70 + ["no end…"] + ["word " * 31]
    result = nmt("translate", "--server", server.url, stdin="\n".join(lines).encode())
    first, second = result.stderr.decode().splitlines()
    assert first.startswith("Line 71: what was written has no end, because it reached its maximum length.")
    assert second == "Line 72 is longer than the model reads: the rest was left out."


def old(handler: stand_in.Handler) -> None:
    """Answer as an export of an earlier version does."""
    outputs = answer("serving_default", json.loads(handler.server.seen[-1][3])["inputs"])
    handler.send(200, {"outputs": {name: rows for name, rows in outputs.items() if name not in ADDED_OUTPUTS}})


@pytest.mark.parametrize("options", [[], ["--document"]])
def test_a_model_that_does_not_tell_cuts_is_named_once(server: RestStandIn, options: list[str]) -> None:
    server.faults = [old, old]
    result = nmt("translate", "--server", server.url, *options, stdin=b"a b\n" * 65)
    assert (result.returncode, result.stdout) == (0, b"A B\n" * 65)
    assert result.stderr.decode().count("does not tell which lines it cuts") == 1


@pytest.mark.parametrize("options", [[], ["--format", "jsonl"], ["--document"], ["--format", "html"]])
def test_a_glossary_replaces_what_is_linked(options: list[str], server: RestStandIn, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("b\tpear tree\nd\tfig\n", encoding="utf-8")
    lines = b"a b c\na c\n\n"
    result = nmt("translate", "--server", server.url, "--glossary", terms, *options, stdin=lines)
    assert result.returncode == 0, result.stderr.decode()
    found = result.stdout.decode().splitlines()
    if "jsonl" in options:
        one, other, _ = map(json.loads, found)
        # The stand-in takes one from the score for each word and the end.
        assert (one["score"], one["tokens"], one["alignment"][2][1]) == (-5.0, ["A", "pear", "▁tree", "C"], 1.0)
        # Of a changed text there is one, of others there are all that the server has found.
        assert "n_best" not in one and [each["text"] for each in other["n_best"]] == ["A C", "second"]
        found = [one["text"], other["text"], ""]
    assert found == ["A pear tree C", "A C", ""]


def unlinked(handler: stand_in.Handler) -> None:
    """Answer as a model that links no word to another, so that nothing tells where a term goes."""
    body = handler.server.seen[-1][3]
    if not body:
        handler.answer(body)
        return
    request = json.loads(body)
    outputs = answer(request.get("signature_name", "serving_default"), request["inputs"])
    if "alignment" in outputs:
        outputs["alignment"] = [[[0.0] * len(row) for row in rows] for rows in outputs["alignment"]]
    handler.send(200, {"outputs": outputs})


LONG = " ".join(["b", *["word"] * 40])


# The second line and the third have the term.
LACKING = {
    "placeholders": (["--placeholders"], ["a", "a {n} b", "%s b"]),
    "tags": (["--format", "html"], ["<b>a</b>", "<i>a {n}</i> b &lt;", "<b>{n} b</b> <code>b</code>"]),
    "a sentence that is cut": (["--document"], ["a", LONG, "a b. a."]),
}


@pytest.mark.parametrize("case", LACKING)
def test_what_a_line_lacks_is_named_once_by_its_number(case: str, server: RestStandIn, tmp_path: Path) -> None:
    options, lines = LACKING[case]
    terms = tmp_path / "terms.tsv"
    terms.write_text("b\tpear\n", encoding="utf-8")
    server.faults = [unlinked] * 50
    result = nmt("translate", "--server", server.url, "--glossary", terms, *options, stdin="\n".join(lines).encode())
    assert result.returncode == 0, result.stderr.decode()
    named = [line for line in result.stderr.decode().splitlines() if "is not translated as" in line]
    assert named == [f"Line {number}: 'b' is not translated as 'pear'." for number in (2, 3)]


def test_what_a_line_of_a_file_lacks_is_named_once_as_it_was_written(server: RestStandIn, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("b\tpear\n", encoding="utf-8")
    for name, text in {"a.txt": f"a\na {{n}} b.  a\n{LONG}\n", "a.md": f"# a *{{n}}* b. a\n\n{LONG}\n"}.items():
        server.faults = [unlinked] * 50
        (tmp_path / name).write_text(text, encoding="utf-8")
        command = ["translate", "--server", server.url, tmp_path / name, "--to", tmp_path / f"to-{name}"]
        result = nmt(*command, "--glossary", terms, "--placeholders")
        assert result.returncode == 0, result.stderr.decode()
        named = [line for line in result.stderr.decode().splitlines() if "is not translated as" in line]
        said = "a {n} b.  a" if name == "a.txt" else "a {n} b. a"
        assert named == [
            f"{tmp_path / name}: 'b' is not translated as 'pear' in '{shown[:60]}'." for shown in (said, LONG)
        ]


def test_a_server_that_cannot_score_is_refused_with_a_glossary(server: RestStandIn, tmp_path: Path) -> None:
    terms = tmp_path / "terms.tsv"
    terms.write_text("b\tpear\n", encoding="utf-8")
    server.lacks = ("score",)
    for options in ([], ["--document"]):
        result = nmt("translate", "--server", server.url, "--glossary", terms, *options, stdin=b"a\n" * 65 + b"b\n")
        assert (result.returncode, result.stdout, server.bodies) == (2, b"", [])
        assert "lacks the signature 'score', which --glossary needs" in result.stderr.decode()


def test_marks_of_files_move_along_the_links_of_a_server(server: RestStandIn, tmp_path: Path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\n"
    files = {
        "a.md": ("I *ate* [warm rice](there) now.\n", "I *ATE* [WARM RICE](there) NOW.\n"),
        "a.srt": (f"{cue}I <i>ate</i> warm rice.\n", f"{cue}I <i>ATE</i> WARM RICE.\n"),
        "a.html": ("<p>I <b>ate</b> warm rice.", "<p>I <b>ATE</b> WARM RICE."),
    }
    for name, (text, translated) in files.items():
        server.seen.clear()
        (tmp_path / name).write_text(text, encoding="utf-8")
        result = nmt("translate", "--server", server.url, tmp_path / name, "--to", tmp_path / f"to-{name}")
        assert (result.returncode, result.stderr) == (0, b""), result.stderr.decode()
        assert (tmp_path / f"to-{name}").read_text(encoding="utf-8") == translated
        # The sentence is asked for as a whole, once.
        assert [len(body["inputs"]["text"]) for body in server.bodies] == [1]


def test_a_plain_file_asks_a_server_for_no_links(server: RestStandIn, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("I ate.\n", encoding="utf-8")
    result = nmt("translate", "--server", server.url, tmp_path / "a.txt", "--to", tmp_path / "b.txt")
    assert (result.returncode, (tmp_path / "b.txt").read_bytes()) == (0, b"I ATE.\n")
    assert [body.get("signature_name", "serving_default") for body in server.bodies] == ["serving_default"]


def test_an_empty_standard_input_gives_no_output_and_asks_nobody(server: RestStandIn) -> None:
    result = nmt("translate", "--server", server.url)
    assert (result.returncode, result.stdout, server.seen) == (0, b"", [])


def test_objects_have_the_keys_of_a_model_s(server: RestStandIn) -> None:
    result = nmt("translate", "--server", server.url, "--format", "jsonl", stdin="나는 간다\n\n".encode())
    assert result.returncode == 0, result.stderr.decode()
    first, second = map(json.loads, result.stdout.decode().splitlines())
    assert first == {
        "text": "나는 간다",
        "score": -0.5,
        "source_tokens": ["나는", "간다"],
        "tokens": ["나는", "간다"],
        "alignment": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        "truncated": False,
        "unfinished": False,
        "n_best": [
            {"text": "나는 간다", "score": -0.5, "unfinished": False},
            {"text": "second", "score": -2.25, "unfinished": False},
        ],
    }
    blank = {"text": "", "score": 0.0, "source_tokens": [], "tokens": [], "alignment": []}
    assert second == {**blank, "truncated": False, "unfinished": False}
    result = nmt("translate", "--server", server.url, "--format", "jsonl", stdin="나는 간다…\n".encode())
    found = json.loads(result.stdout)
    assert (found["truncated"], found["unfinished"]) == (True, True)


def test_it_starts_without_tensorflow(server: RestStandIn) -> None:
    code = (
        f"import sys\nsys.argv = ['nmt', 'translate', '--server', {server.url!r}]\n"
        "from nmt.cli import app\n"
        "try: app()\nexcept SystemExit as end: assert not end.code\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy', 'grpc') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], input="a b\n", capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines() == ["A B", "[]"], result.stderr


def test_the_token_of_the_environment_goes_along(server: RestStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NMT_TOKEN", "secret")
    assert nmt("translate", "--server", server.url, stdin=b"a\n").returncode == 0
    assert server.seen[0][2]["Authorization"] == "Bearer secret"
    result = nmt("translate", "--server", "http://example.com/v1/models/m", stdin=b"a\n")
    refused(result, "could be read on its way", "https://", "unset NMT_TOKEN")
    assert b"secret" not in result.stderr


def test_over_grpc_it_says_nothing_but_translations() -> None:
    with stand_in.grpc() as server:
        result = installed("translate", "--server", server.url, stdin=b"a b\n\nc\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"A B\n\nC\n", b"")


SEARCH = [
    ["--beam", "5"], ["--n-best", "2"], ["--length-penalty", "1"], ["--sample"], ["--temperature", "0.5"],
    ["--top-k", "3"], ["--top-p", "0.5"], ["--seed", "1"], ["--prefix", "I"], ["--ensemble", "other"],
    ["--set", "decoding.beam=3"],
]  # fmt: skip


@pytest.mark.parametrize("options", SEARCH, ids=lambda options: options[0])
def test_how_to_search_was_settled_by_the_export(options: list[str], server: RestStandIn) -> None:
    refused(nmt("translate", "--server", server.url, *options), options[0], "--server", "export")
    assert server.seen == []


def test_commands_that_make_no_sense_are_refused(server: RestStandIn, tmp_path: Path) -> None:
    refused(nmt("translate"), "Name a MODEL", "--server")
    refused(nmt("translate", tmp_path, "--deadline", "3"), "--server")
    refused(nmt("translate", "--server", server.url, "my-model", "file"), "my-model", "no MODEL")
    refused(nmt("translate", "--server", server.url, tmp_path / "nowhere"), "nowhere")
    refused(nmt("translate", "--server", "localhost:8501"), "not the address", "http://HOST:8501/v1/models/NAME")
    refused(nmt("translate", "--server", server.url, "--deadline", "0"), "at most 86,400")
    refused(nmt("translate", "--server", server.url, "--ca", tmp_path / "x.pem"), "not encrypted")
    refused(nmt("translate", "--server", server.url.replace("ko-en", "x"), stdin=b"a\n"), "has no model 'x'")
    assert len(server.seen) == 1


def test_what_was_translated_before_a_failure_is_written(server: RestStandIn) -> None:
    lines = "".join(f"line {i}\n" for i in range(300)).encode()
    server.faults = [fine, status(500, "out of order")]
    result = nmt("translate", "--server", server.url, stdin=lines)
    assert result.returncode == 1
    assert result.stdout.decode().splitlines() == [f"LINE {i}" for i in range(64)]
    assert result.stderr.decode().startswith(f"nmt: http://localhost:{server.server_port} failed: out of order (500)")
    assert "Traceback" not in result.stderr.decode()


def test_a_server_that_is_not_there_ends_it_with_code_1() -> None:
    result = installed("translate", "--server", "http://127.0.0.1:9/v1/models/m", "--deadline", "2", stdin=b"a\n")
    assert result.returncode == 1 and result.stdout == b""
    assert "http://127.0.0.1:9 cannot be reached: Connection refused" in result.stderr.decode()


def test_the_line_that_is_not_utf8_is_named_after_those_before(server: RestStandIn, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(b"good\n\xff\xfe\n")
    result = nmt("translate", "--server", server.url, file)
    assert (result.returncode, result.stdout) == (2, b"GOOD\n")
    assert "line 2" in result.stderr.decode()


def test_ctrl_c_leaves_whole_lines(server: RestStandIn, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("".join(f"line {i}\n" for i in range(300)))
    server.faults = [fine, sleep(20)]
    command = [sys.executable, "-m", "nmt.cli", "translate", "--server", server.url, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear_ctrl_c)
    until = time.monotonic() + 30
    while len(server.seen) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output.decode().splitlines() == [f"LINE {i}" for i in range(64)]
    assert b"Traceback" not in error
