"""Texts that are not ours, as a message shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinkle_notifier.credentials.masking import beginning, ends, shortened
from twinkle_notifier.messages.sanitize import block, heading, line, path, shown_in_log
from twinkle_notifier.messages.wording import fenced

SHORT = settings(max_examples=60, deadline=None, derandomize=True, database=None)
UGLY = st.text(st.sampled_from("`~@<>![](){}#*-_=+:/|.1ae \n\r\t\x00\x1b\x9b[31m\u2028\u202e\ud800训")) | st.text()


@pytest.mark.parametrize("text", ["/data/_runs_/ckpt-5", "/data/*/b*", "/runs/~~x/1", "/runs/__last__"])
def test_a_path_can_be_copied(text: str) -> None:
    """It is shown as code, and is whole there, also where its line is laid out once more."""
    assert path(text, 300) == f"`{text}`"
    assert line(f"- Last checkpoint: {path(text, 300)}", 300) == f"- Last checkpoint: `{text}`"


@pytest.mark.parametrize("text", ["/data/ckpt-5", "/data/a`b_c_", "/data/@all/_x_"])
def test_a_path_does_nothing_else(text: str) -> None:
    """Without a mark it is unchanged; it calls nobody."""
    assert path(text, 300).replace("\u200b", "").strip("`") == text
    assert "@all" not in path(text, 300)
    assert path("/data/ckpt-5", 300) == "/data/ckpt-5"


def test_a_line_of_the_log_is_to_the_letter() -> None:
    """But for what controls a terminal, and for secrets."""
    assert shown_in_log("<lambda> of /data/_runs_/*\x1b[31m\nends", 300) == "<lambda> of /data/_runs_/* ends"
    assert shown_in_log("x" * 30, 10) == "x" * 9 + "…"
    assert "abcdef" not in shown_in_log("https://host/hook?token=abcdef0123456789", 300)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("@13800000000", "@13800000000"),
        ("a@all", "@all"),
        ("call @所有人", "@所有人"),
        ("@everyone", "@everyone"),
        ("<!channel>", "<!channel>"),
        ("<@U024BE7LH>", "<@U"),
        ('<at user_id="all">x</at>', "<at"),
        ('<at user_id="all">x</at>', "</at"),
        ("![x](https://host/x.png)", "](https"),
        ("[click](https://host)", "](https"),
        ("<https://host|click>", "<https"),
        ("```\nout of it", "```"),
        ("````", "```"),
    ],
)
def test_marks_do_nothing(text: str, mark: str) -> None:
    """In a line and in a code block; without what nobody sees, the text is the same."""
    for shown in (line(text, 300), block(text)):
        assert mark not in shown
        assert shown.replace("\u200b", "").split() == text.split()


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "<!-- x -->", "<script>", "# heading", "- item", "> quote", "1. one", "a\n\n# heading"]
)
def test_a_line_stays_one(text: str) -> None:
    """HTML is broken, and nothing begins a line of its own."""
    shown = line(text, 300)
    assert not re.search(r"<[a-z/!]|\n", shown)


@pytest.mark.parametrize(
    "text", ["def f(x) -> <module>", "x = y[0](z)", "w = q @ k", "me@host.org", "swanlab.cn/@me/llm", "@ 5", "a < b"]
)
def test_code_stays_as_it_is(text: str) -> None:
    """What no service takes for a mark in a code block is not touched."""
    assert block(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x9b31mred", "red"),
        ("a\x00b\x07", "a\ufffdb\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\u202egnp.exe", "gnp.exe"),
        ("10%\r20%\r\n30%\u2028end", "10%\n20%\n30%\nend"),
        ("训练\t完成", "训练\t完成"),
    ],
)
def test_what_controls_a_screen_is_taken_out(text: str, shown: str) -> None:
    """Colours whole; what has no meaning in a message is replaced."""
    assert block(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Foo.__init__() missing 1 required positional argument: 'x'",
        "train.py:21 in __getitem__",
        "__main__.__call__ of _Model_",
        "/data/__cache__/a_b/_tmp_",
        "f(*args, **kwargs) got *one*",
        "no file matches /data/*/x/*.bin",
        "~~gone~~ and ~/runs",
    ],
)
def test_emphasis_is_none(text: str) -> None:
    """Code in a fact reads as it was written, with no backslash, by CommonMark's rules and by simpler ones."""
    shown = line(text, 300)
    assert emphasised(shown) == []
    assert shown.replace("\u200b", "").replace("\u2217", "*") == text
    assert line(shown, 300) == shown


@pytest.mark.parametrize("text", ["train_loss 0.1", "2 * 3 * 4", "_private", "a__b__c", "token=*** key=***", "~/a ~/b"])
def test_what_is_no_emphasis_stays_as_it_is(text: str) -> None:
    """To the letter: it may be copied."""
    assert line(text, 300) == text


def emphasised(text: str) -> list[str]:
    """What a renderer may show as bold, italic or struck out."""
    simple = re.findall(r"(?<![\w\u200b])__(?=\S)(.+?)(?<=\S)__|~~(.+?)~~", text)
    # CommonMark 0.31, 6.2: `_` opens after white space or punctuation alone, `*` before what is not white space.
    pairs = r"(?<![\w\u200b])_+(?=[^\s_]).*?[^\s_]_+(?!\w)|\*+(?=[^\s*]).*?[^\s*]\*+"
    return [str(found) for found in simple] + re.findall(pairs, text)


@given(UGLY)
@SHORT
def test_any_text_stands_in_a_message(text: str) -> None:
    """As UTF-8, in one line or in a block that it does not end, and the same when it is made fit once more."""
    one, many = line(text, 80), block(text)
    assert "\n" not in one
    assert len(one.replace("\u200b", "")) <= 80
    assert "```" not in one + many
    assert fenced(many).startswith("```\n")
    assert (one + many).encode().decode() == one + many
    assert line(one, 200) == one


def test_a_long_text_keeps_both_ends() -> None:
    """And says how much is missing."""
    assert shortened("abcdef", 3, 3) == "abcdef"
    assert shortened("abcdefgh", 3, 2) == "abc\n[3 characters left out]\ngh"
    assert line("x" * 500, 20) == "x" * 19 + "…"


def test_a_secret_at_the_cut_is_masked_first() -> None:
    """Or its beginning would stay."""
    assert line("x" * 70 + " hf_0123456789abcdefghij0123", 80) == "x" * 70 + " ***"


# A secret across a cut

KEY = "\n".join(
    ["-----BEGIN RSA PRIVATE KEY-----", *["MIIEowIBAAKCAQEAx3v9Qd" * 3] * 48, "-----END RSA PRIVATE KEY-----"]
)
TOKEN = "hf_" + "Ab3dE6gH9jK2mN5pQ8sT1vW4yZ7" + "x" * 10
QUOTED = 'password="' + "correct horse battery staple " * 20 + '"'


@pytest.mark.parametrize(
    "secret", [KEY, TOKEN, QUOTED, f"api_key={TOKEN}"], ids=["a key", "a token", "quoted", "named"]
)
@pytest.mark.parametrize("cut", ["line", "beginning", "block", "ends"])
def test_no_part_of_a_secret_stands_at_a_cut(secret: str, cut: str) -> None:
    """Wherever the cut falls: the whole is masked first, and then cut."""
    parts = {secret[at : at + 12] for at in range(10, len(secret) - 12)} - {'password="co'}
    how: dict[str, tuple[Callable[[str], str], Sequence[int]]] = {
        "line": (lambda text: line(text, 300), (50_000,)),
        "beginning": (lambda text: beginning(text, 300), (300,)),
        "block": (block, (16_000, 100_000, 220_000 - 48_000, 220_000 - 100_000)),
        "ends": (lambda text: ends(text, 6_000, 10_000), (6_000, 220_000 - 10_000)),
    }
    do, places = how[cut]
    for place in places:
        for inside in range(-1, len(secret) + 2, max(len(secret) // 4, 1)):
            before = ("loss 0.5 is fine\n" * 14_000)[: place - inside - 1] + " "
            text = (before + secret + "\n" + "step 7 is done\n" * 16_000)[:220_000]
            shown = do(text)
            assert [part for part in parts if part in shown] == [], (place, inside)


def test_a_masked_text_shows_no_more_than_was_looked_at() -> None:
    """Where masks make the beginning shorter, nothing moves up from beyond the cut."""
    for inside in range(1, len(TOKEN)):
        text = f"password={'x' * (66_384 - 10 - inside)} {TOKEN} {'y' * 60_000}"
        assert text[66_384 - inside :].startswith(TOKEN)
        assert line(text, 300) == "***"
    assert line(f"password={'x' * 400} for {'y' * 20}", 300) == f"password=*** for {'y' * 20}"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("RuntimeError: [../gloo/pair.cc:553] Connection closed by peer", "RuntimeError: Connection closed by peer"),
        ("RuntimeError: [enforce fail at a/alloc_cpu.cpp:117] data. No memory", "RuntimeError: data. No memory"),
        ("KeyError: [data.py:3] x", "KeyError: [data.py:3] x"),  # the user's own
        # What else a full device says is in the likely cause.
        *(
            (
                f"E: CUDA out of memory. Tried to allocate 2.00 GiB{more}",
                "E: CUDA out of memory. Tried to allocate 2.00 GiB on GPU 3",
            )
            for more in (
                ". GPU 3 has a total capacity of 79.20 GiB of which 1.10 GiB is free. Including non-PyTorch memory",
                " (GPU 3; 79.20 GiB total capacity; 60.01 GiB already allocated; 1.10 GiB free)",
            )
        ),
        ("E: CUDA out of memory. Tried to allocate 2 things.", "E: CUDA out of memory. Tried to allocate 2 things."),
        (f"E: {'a b ' * 20}of 1 GiB. {'c ' * 80}", f"E: {'a b ' * 20}of 1 GiB. …"),
        (f"E: {'c ' * 200}", f"E: {'c ' * 80}"[:159] + "…"),  # it has no sentence
    ],
)
def test_a_heading_shows_what_matters(error: str, shown: str) -> None:
    """No line of native code; and where it is cut, whole sentences."""
    assert heading(error, 160) == shown


HUB = "HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co"
MODEL = "meta-llama/Llama-3.1-70B-Instruct"
ADAPTER = (
    "expected scalar type BFloat16 but found Float at position 3 in the attention, after adapters were loaded from a"
)
LONG = "x" * 300


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (f"{HUB}/api/models/{MODEL}/tree/main?recursive=True&expand=False", f"{HUB}/…/{MODEL}/…"),
        (f"{HUB}/{MODEL}/resolve/main/model-00001.safetensors", f"{HUB}/{MODEL}/…/model-00001.safetensors"),
        (
            f"{HUB.replace('huggingface.co', 'hub.example.org:8080')}/one/two/three/four/five.json?a=b#c",
            f"{HUB.replace('huggingface.co', 'hub.example.org:8080')}/…/four/five.json",
        ),
        (f"{HUB}?{LONG}", HUB),
        (
            "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM: size mismatch for model.embed_tokens.weight: "
            "copying a param with shape torch.Size([32000, 4096]) from checkpoint, the shape in current model is "
            "torch.Size([32001, 4096]).",
            "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM: size mismatch for "
            "model.embed_tokens.weight: [32000, 4096] in the checkpoint, [32001, 4096] in the model.",
        ),
        (f"KeyError: '/data/{LONG}/shard-00042.bin'", "KeyError: '/data/…/shard-00042.bin'"),
        (f"KeyError: '/data/{LONG}-shard-00042.bin'", f"KeyError: '/data/{'x' * 18}…{'x' * 1}-shard-00042.bin'"),
        (
            f"RuntimeError: {ADAPTER} checkpoint of yours that this program has not made: /mnt/adapters/adapter_model.safetensors",
            f"RuntimeError: {ADAPTER} checkpoint of yours that this … /mnt/adapters/adapter_model.safetensors",
        ),
        (
            f"RuntimeError: {'word ' * 34}and these do not fit: [1, 2]",
            f"RuntimeError: {'word ' * 34}and … [1, 2]",
        ),
    ],
)
def test_a_heading_keeps_what_the_error_is_about(error: str, shown: str) -> None:
    """A URL's host and repository, both shapes, a file at the end of a long path, the last path or number."""
    found = heading(error, 200)
    assert (len(found) <= 200, found) == (True, shown)


@given(UGLY, st.integers(80, 200))
@SHORT
def test_any_error_stands_in_a_heading(text: str, limit: int) -> None:
    """Within its room, and in one line."""
    for error in (f"E: {text * 20}", f"E: https://host/{text * 9}", f"E: /data/{text * 30}/x.bin"):
        shown = heading(error, limit)
        assert len(shown.replace("\u200b", "")) <= limit
        assert "\n" not in shown


def test_a_heading_of_a_long_error_takes_little_time() -> None:
    for text in ("a" * 50_000, "/" * 50_000, "1," * 25_000, "[1, " * 12_500, "://" * 16_000, "a/" * 25_000):
        assert len(heading(f"E: {text} b", 200).replace("\u200b", "")) <= 200
