"""Secrets in text, and words that only look like their names."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speed import slowness

from twinkle_notifier.credentials.scrubber import scrub

SHORT = settings(max_examples=200, deadline=None, derandomize=True, database=None)
DIGITS = "0123456789abcdef"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0123\nabc=\n-----END RSA PRIVATE KEY-----"

PARTS = [
    *("password", "token", "key", "api_", "pad_", "Bearer ", "sk-", "hunter2", "None", "a:b", "***", DIGITS),
    *("=", ": ", "'", '"', "\\", "--", " ", "\n", "://", "@", "?key=", ",", "(", ")", "/"),
]

KEPT = [
    "num_tokens=512",
    "token_type_ids",
    "key_padding_mask=None",
    "tokens: 1024",
    "pad_token=<pad>",
    "KeyError: 'token'",
    "max_new_tokens=20",
    "keys: 5",
    "eos_token: </s>",
    "bos_token='<s>'",
    "unk_token=[UNK]",
    "next_token=5",
    "token=128",
    "Unexpected token: hello",
    "image_token=image",
    "tokenizer.pad_token = tokenizer.eos_token",
    "password=None",
    'assert token == "x"',
    "https://host:8080/path?x=a@b",
    "Basic configuration of the model",
    'secret="env:DING_SECRET"',
    "raise KeyError(key)",
    "task-specific-adapter-layer-12345",
    "hf_hub_download_with_retries(x)",
    "hf_RobertaForTokenClassification",
    "sk-learnpipelinefeatureunionwithoutanycapital",
    "keyword=5",
    "monkey: 7",
    "author: me",
    "authored: x",
    "key=value",
    "key: value",
    "num_key_value_heads=8",
    "bypass=True",
    "forward_pass=3",
    "KeyError: 'api_key'",
    "loss_token_count: 12",
    "self.token_embedding = nn.Embedding(32000, 4096)",
    "missing 1 required positional argument: 'token'",
    "PWD=/home/me/x",
    "eos_token_id=50256",
    "compass: north",
    'mask_token: "[MASK]"',
    '"eos_token": "<|endoftext|>"',
    '"bos_token": "<s>",',
]
NAMED = [
    "postgresql://me:hunter2@db/x",
    "password=hunter2",
    "password: hunter2, x",
    '"password": "hunter2", "b": 1',
    "{'api_key': 'hunter2'}",
    "--password hunter2 --x 3",
    "--api-key=hunter2",
    "['--password', 'hunter2', '--x']",
    "Authorization: Bearer hunter2",
    "'Authorization': 'Basic hunter2'",
    "access_token=hunter2&x=3",
    "https://oapi.dingtalk.com/robot/send?access_token=hunter2&timestamp=5&sign=hunter2",
    "webhook=https://hunter2/x",
    "AWS_SECRET_ACCESS_KEY=hunter2",
    "DB_PASS=hunter2",
    'password: str = "hunter2"',
    "client_secret => 'hunter2'",
    '{\\"password\\": \\"hunter2\\", \\"x\\": 3}',
    'login(token="hunter2")',
    "token=hunter2",
    '"token": "hunter2"',
    "hf_token: hunter2",
    "redis://:hunter2@host:6379/0",
    "postgresql://me:p@hunter2@db/x",
    "postgresql://me:pa/hunter2@db/x",
    "Server=a;Password=hunter2;Database=b",
    "X-Api-Key: hunter2",
    "Wrong password=hunter2.",
    "connect(password='hunter2', x=3)",
    'os.environ["API_KEY"] = "hunter2"',
    "secret: hunter2",
    "--token hunter2",
    "passwd='hun\\'ter2hunter2'",
    "wandb_api_key=hunter2",
    'WANDB_API_KEY="hunter2"',
    "https://hooks.slack.com/services/T0/B0/hunter2",
    "https://open.feishu.cn/open-apis/bot/v2/hook/hunter2",
    "--auth-token hunter2",
]
SHAPES = [
    f"sk-proj-{DIGITS}{DIGITS}",
    f"hf_{DIGITS}{DIGITS}",
    "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",  # as Hugging Face makes them: letters alone
    "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",
    "ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHiJ",
    f"ghp_{DIGITS}{DIGITS}",
    f"gho_{DIGITS}{DIGITS}",
    f"github_pat_{DIGITS}_{DIGITS}",
    f"glpat-{DIGITS}-{DIGITS}",
    "AKIA0123456789ABCDEF",
    "ASIA0123456789ABCDEF",
    f"xoxb-{DIGITS}-{DIGITS}",
    f"SEC{DIGITS}{DIGITS}",
    f"AIza{DIGITS}{DIGITS}",
    f"eyJ{DIGITS}.eyJ{DIGITS}.{DIGITS}-_",
    PEM,
]


@pytest.mark.parametrize("text", KEPT)
def test_words_of_a_training_stay(text: str) -> None:
    """A tokenizer's tokens, dictionary keys, code that looks a secret up, references."""
    assert scrub(text) == text


@pytest.mark.parametrize("text", NAMED)
def test_what_a_secrets_name_stands_before_is_masked(text: str) -> None:
    """Only the value; and a second time changes nothing."""
    shown = scrub(text)
    assert "hunter2" not in shown
    assert "***" in shown
    assert scrub(shown) == shown


@pytest.mark.parametrize("token", SHAPES)
@pytest.mark.parametrize("around", ["{}", "refused: {}, try again", "'{}'", "url/{}/x", "f({})"])
def test_tokens_are_known_by_their_shape(token: str, around: str) -> None:
    """Wherever they are; what is around them stays."""
    assert scrub(around.format(token)) == around.format("***")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic"])
def test_headers_are_masked(scheme: str) -> None:
    """Without their name before them."""
    assert scrub(f"sent {scheme} dXNlcjpwYXNz to it") == f"sent {scheme} *** to it"


def test_the_rest_stays_readable() -> None:
    """The user, the host and what follows."""
    assert scrub("cannot reach postgresql://me:hunter2@db/x") == "cannot reach postgresql://me:***@db/x"
    assert scrub(f"https://{DIGITS}@host/x") == "https://***@host/x"
    assert scrub("connect(user='me', password='a b', port=5)") == "connect(user='me', password='***', port=5)"
    assert scrub("token: 'password=hunter2'").count("hunter2") == 0
    assert scrub('key="password=hunter2", x') == 'key="password=***", x'


def test_a_private_key_without_an_end_is_masked() -> None:
    """Where a text was cut."""
    assert scrub(PEM[:52] + " and so on") == "*** and so on"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("host=db user=me password=blue_whale_song dbname=x", "blue_whale_song"),
        ("password=correct_horse_battery", "correct_horse"),
        ("db_password: my.secret_pass", "my.secret"),
        ("password=hunter(2x9)", "hunter(2x9"),
        ("secret=abc_def", "abc_def"),
        ("api_key = foo_bar_baz", "foo_bar_baz"),
        ("--password blue_whale_song", "blue_whale_song"),
        ("MYSQL_PWD=swordfish(1)", "swordfish"),
        ("X-Api-Key: team.prod.key", "team.prod"),
        ('password={"a"', '{"a"'),
        ("connect to db, password=blue_whale_song, retry", "blue_whale"),
    ],
)
def test_a_password_of_words_is_no_code(text: str, secret: str) -> None:
    """Outside of code, what looks like a variable or a call is the secret."""
    assert secret not in scrub(text)


@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
@SHORT
def test_it_is_done_after_once(text: str) -> None:
    """What is masked stays as it is."""
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize(
    "part",
    [
        *(
            "a",
            "_",
            "--",
            "0",
            " ",
            "\\",
            "://",
            "://a:",
            "a@",
            "password=",
            'password="',
            "password=<",
            "key='",
            "token",
        ),
        *("token: 'a ", "x_token=", "api_", "sk-", "SEC", "eyJ", "Bearer ", "-----BEGIN PRIVATE KEY-----", "password "),
    ],
)
def test_a_line_of_a_megabyte_takes_little_time(part: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred times."""
    small, large = (part * (size // len(part)) for size in (20_000, 200_000))
    took = []
    for text in (small, large):
        began = time.process_time()
        scrub(text)
        took.append(time.process_time() - began)
    assert took[1] < 30 * max(took[0], 0.01)


HOSTILE = [
    *("-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + "a" * 30, "-----END "),
    *("-eyJ", "-eyJaaaaaaaa.", "sk-", "-sk-", "-hf_", "-ghp_", "-github_pat_", "-glpat-", "-AKIA", "-xoxb-", "-xapp-"),
    *("-SEC", "-AIza", "Bearer ", "Bearer\t\t", "=Basic", "a://b:", "a://", "://:", "://b@", "://" + "b" * 255),
    *("a?key=", "?sign=a&", "/api/webhooks/", "hooks.slack.com/services/"),
    *("key=", "pass:", "key: ", "api_key=", "db_pass:", "password: ", "password=[", "--token ", "--password "),
    *(
        '"api_key": "',
        '\\"key\\": \\"',
        "key='\\'",
        "key=(",
        "key=:",
        "key:str=",
        "pad_token=<",
        "token=1",
        "token: 'a",
    ),
    *(
        "Cookie: ",
        "Set-Cookie: a",
        "auth=('a', '",
        "auth: [",
        "('password', '",
        "('",
        "name: password, value: ",
        "name: ",
    ),
    *(
        "api_keys=[",
        "secrets: {",
        "<password>",
        "<password>a",
        "password -> ",
        "密码：",
        "密码",
        "password:\n ",
        "password:\n",
    ),
    *(
        "login a password ",
        "login ",
        "api_key\n input_value='",
        '"auth": "',
        "Signature=",
        "-u a:",
        "-u ",
        "mysql -u a -p",
    ),
    *(
        "mysql -a ",
        "sshpass -p ",
        "wandb login ",
        "token%3D",
        "110201543:AA",
        "MTA",
        "7.",
        "a.atlasv1.",
        "-us",
        "AAAA7_x_abc:",
    ),
    *(
        "Private-Lines: 4\n",
        "Private-Lines: 4\n" + "a" * 30 + "\n",
        "sk_",
        "glsa_",
        "SG.",
        "SCT1T",
        "hc-ping.com/",
        "sk-a-",
    ),
    *(
        "docker -p ",
        "docker a ",
        "docker', '-p', '",
        "configure set token ",
        "ENV A_TOKEN ",
        "api key: ",
        "password is ",
    ),
    *(
        "api_key '",
        "token = '''\n",
        "-pa-",
        "sl.",
        "v1.0-",
        "v1.0-" + "0" * 24 + "-",
        "8Q~",
        "a" * 4 + "8Q~",
        "<password ",
    ),
    *(
        "密码是",
        "token\\u003d",
        "wandb', 'login', '",
        "password: A ",
        "token=a.",
        "token=(",
        "password = a ",
        "cred: A[a,",
    ),
    *("secret_", "pat_", "github_pat=", "name: a_secret, ", "auth: Aa", "->", "password->"),
    *(
        "fs.a.secret.key ",
        "fs.",
        "fs.a.",
        "密码 ",
        "token：",
        "token 是",
        "pass:",
        "response='",
        "('A_KEY', '",
        "mongo a ",
        "SecretStr('",
    ),
    *('"username": "a", "key": "', "token=a_", "password=password", "aa_password=aa_"),
    *(
        "{key:",
        "wandb={key:",
        "key=)",
        " key:\n",
        "wandb:\n key: ",
        "[wandb]\nkey=",
        "api_keys=a,",
        "--user a:",
        "--a-user ",
    ),
    *("secret=/a/", "secret=env:", "password=Bearer ", "password=Bearer\t\t", "webhook_url=", "a_", "]", "\\"),
]


def seconds(text: str) -> float:
    began = time.process_time()
    scrub(text)
    return time.process_time() - began


@pytest.mark.parametrize(
    ("part", "first"),
    [
        pytest.param(part, first, marks=[pytest.mark.stress] * ((row + column) % 2))
        for column, first in enumerate(["", "key="])
        for row, part in enumerate(HOSTILE)
    ],
)
def test_twice_the_text_takes_twice_the_time(part: str, first: str) -> None:
    """For each pattern what it begins to read again and again; four times would be a square."""
    once, twice = ((first + part * (size // len(part) + 1))[:size] for size in (20_000, 40_000))
    least = min(seconds(once), seconds(once))  # the machine may be busy
    took = next((took for _ in range(2) if (took := seconds(twice)) < 4 * max(least, 0.01)), math.inf)
    assert took < 1 or took < slowness()  # it takes longer to ask how slow the machine is than most texts do


@pytest.mark.parametrize("text", ["password={}", "password='{}'", '\\"password\\": \\"{}\\"', "api_key: Bearer {}"])
def test_a_long_value_is_masked_whole(text: str) -> None:
    """Beyond what it takes to judge it."""
    assert scrub(text.format("hunter2" * 1000)) == text.format("***")
