"""Lines with a made-up secret, and harmless lines of trainings: how many are masked, and how many are changed.

The tokens are put together here: none of them stands whole in this file.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from twinkle_notifier import notify_exception
from twinkle_notifier.credentials.scrub_tokens import SERVICES
from twinkle_notifier.credentials.scrubber import scrub
from twinkle_notifier.testing import RecordingNotifier

WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX, UPPER, DIGITS = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "0123456789"


def made(count: int, letters: str = WORD, seed: int = 1) -> str:
    """So many letters, with a digit among the first."""
    rng = random.Random(f"{count}{letters}{seed}")
    return "7" + "".join(rng.choice(letters) for _ in range(count - 1))


def uuid(seed: int = 1) -> str:
    return "-".join(made(size, HEX, seed + size) for size in (8, 4, 4, 4, 12))


W, H = made(40), made(40, HEX)
# What each service gives out, as its pages show it.
TOKENS = {
    "sk-": made(48), "sk-proj-": made(40), "sk-ant-api03-": f"{made(40)}-{made(8)}AA", "sk-or-v1-": made(64, HEX),
    "sk-lf-": uuid(), "hf_": made(34), "api_org_": made(34), "ghp_": made(36), "gho_": made(36), "ghu_": made(36),
    "ghs_": made(36), "ghr_": made(36), "github_pat_": f"{made(22)}_{made(59)}", "glpat-": made(20), "glrt-": made(20),
    "gldt-": made(20), "glcbt-": f"64_{made(20)}", "glptt-": made(40, HEX), "glft-": made(20), "glagent-": made(50),
    "gloas-": made(64, HEX), "ATBB": made(32), "ATATT3": f"xFfGF0{made(60)}", "AKIA": made(16, UPPER),
    "ASIA": made(16, UPPER), "AIza": f"Sy{made(33)}", "ya29.": f"a0{made(60)}", "GOCSPX-": made(28), "1//0": f"g{made(40)}",
    "LTAI": f"5t{made(20)}", "AKID": made(32), "AKLT": made(43), "bce-v3/ALTAK-": f"{made(21)}/{made(40, HEX)}",
    "SEC": made(64, HEX), "xoxb-": f"{made(12, '0123456789')}-{made(24)}", "xoxp-": f"{made(12, '0123456789')}-{made(32, HEX)}",
    "xapp-": f"1-A0{made(9, UPPER)}-{made(13, '0123456789')}-{made(64, HEX)}", "ms-": uuid(), "wandb_v1_": made(60),
    "KGAT_": made(32, HEX), "r8_": made(37), "jina_": made(60), "gsk_": made(52), "xai-": made(80), "pplx-": made(48),
    "csk-": made(48), "nvapi-": made(64), "tvly-": f"dev-{made(32)}", "fw_": made(24), "tgp_v1_": made(43),
    "rpa_": made(40, UPPER), "sk_": made(48, HEX), "lsv2_pt_": f"{made(32, HEX)}_{made(10, HEX)}",
    "ls__": made(32, HEX), "pcsk_": f"{made(6)}_{made(60)}", "dapi": made(32, HEX), "hvs.": made(90), "hvb.": made(130),
    "dckr_pat_": made(27), "dckr_oat_": made(32), "npm_": made(36), "pypi-AgEI": f"cHlwaS5vcmc{made(60)}",
    "rubygems_": made(48, HEX), "dop_v1_": made(64, HEX), "doo_v1_": made(64, HEX), "sk_live_": made(24),
    "rk_live_": made(24), "sk_test_": made(24), "whsec_": made(32), "SG.": f"{made(22)}.{made(43)}",
    "xkeysib-": f"{made(64, HEX)}-{made(16)}", "key-": made(32, HEX), "SK": made(32, HEX), "tskey-auth-": f"{made(12)}CNTRL-{made(32)}",
    "tskey-api-": f"{made(12)}CNTRL-{made(32)}", "glsa_": f"{made(32)}_{made(8, HEX)}", "glc_": made(100), "figd_": made(40),
    "ntn_": made(46), "shpat_": made(32, HEX), "shpss_": made(32, HEX), "sntrys_": made(90), "sntryu_": made(64, HEX),
    "NRAK-": made(27, UPPER), "PMAK-": f"{made(24, HEX)}-{made(34, HEX)}", "phx_": made(43), "lin_api_": made(40),
    "pul-": made(40, HEX), "dp.pt.": made(43), "dt0c01.": f"{made(24, UPPER)}.{made(64, UPPER)}", "pscale_tkn_": made(43),
    "pscale_pw_": made(43), "pnu_": made(36), "nfp_": made(36), "sbp_": made(40, HEX), "sb_secret_": made(30),
    "sq0atp-": made(22), "sgp_": made(40, HEX), "fm2_": made(120), "ops_eyJ": made(200), "AGE-SECRET-KEY-1": made(58, UPPER),
    "mlsn.": made(64, HEX), "eyJhcGlf": made(120), "eyJ": f"hbGciOi{made(20)}.eyJ{made(40)}.{made(43)}", "SCT": f"123456T{made(26)}",
    "sctp": f"1234t{made(26)}", "AQVN": made(35), "MTA": f"{made(23)}.{made(6)}.{made(38)}", "bot110201543:AA": made(33),
    "110201544:AA": made(33), f"{made(13)}A.atlasv1.": made(60), "pat": f"{made(14)}.{made(64, HEX)}",
    f"{made(32, HEX, 3)}.": f"Q{made(15)}", f"{made(32, HEX, 4)}": "-us12", "AAAA7_x_abc:": made(140),
    "glimt-": made(25), "glsoat-": made(20), "glrtr-": made(27), "ATCTT3": made(60), "ABIA": made(16, UPPER),
    "hf_oauth_": made(34), "hf_jwt_": f"eyJ{made(20)}.eyJ{made(40)}.{made(43)}", "dkea": made(32, HEX), "dose": made(32, HEX),
    "glffct-": made(20), "dt0s01.": f"{made(24, UPPER)}.{made(64, UPPER)}", "dt0s16.": f"{made(24, UPPER)}.{made(64, UPPER)}",
    "fm1r_": made(60), "fm1a_": made(60), "fo1_": made(43), "AKCp": made(69), "cmVmd": made(59), "EAAC": made(100),
    "EAAG": made(100), "EAAM": made(100), "sl.u": made(130), "secret_": made(43), "fio-u-": made(64), "FLWSECK_TEST-": f"{made(32)}-X",
    "FLWSECK-": f"{made(32)}-X", "vcp_": made(56), "vci_": made(56), "vca_": made(56), "vcr_": made(56), "vck_": made(56),
    "v1.0-": f"{made(24, HEX)}-{made(146, HEX)}", "oy2": made(43, WORD[:26] + "234567"), "CLOJARS_": made(60, WORD[:26] + DIGITS),
    "sha256~": made(43), "HRKU-AA": made(58), "sqp_": made(40, HEX), "squ_": made(40, HEX), "sqa_": made(40, HEX),
    "tfp_": f"{made(44)}_{made(14)}", "ico-": made(32), "API-": made(26, UPPER), "rdme_": made(70), "esecret_": made(24),
    "llx-": made(48), "e2b_": made(40, HEX), "fc-": made(32, HEX), "pa-": made(43), "napi_": made(64), "pat_": made(64),
    "bkua_": made(40, HEX), "p8e-": made(32), f"{made(2)}x8Q~": made(34),
    "xoxa-": f"2-{made(24)}", "xoxe-": f"1-{made(60)}", "xoxo-": f"1-{made(30)}", "xoxr-": f"1-{made(30)}",
    "xoxs-": f"1-{made(30)}", "xoxe.": f"xoxp-1-{made(60)}", "ACCA": made(16, UPPER), "hvr.": made(90), "dor_v1_": made(64, HEX),
    "rk_test_": made(24), "xsmtpsib-": f"{made(64, HEX)}-{made(16)}", "figo_": made(40), "shpca_": made(32, HEX),
    "shppa_": made(32, HEX), "NRII-": made(32), "NRJS-": made(19, HEX), "phc_": made(43), "dp.st.": f"dev.{made(43)}",
    "dp.ct.": made(43), "pscale_oauth_": made(43), "pnb_": made(36), "sq0csp-": made(43),
}  # fmt: skip
SECRET = made(24)  # behind a name, or in a form
WEAK = "hunter2horse"  # that no shape tells
LINES = [line.replace("S$", SECRET).replace("W$", WEAK).replace("U$", uuid()).replace("H$", made(64, HEX)) for line in r"""
OPENAI_KEY=S$|WANDB_KEY: S$|export ANTHROPIC_KEY=S$|DEEPSEEK_KEY="S$"|GROQ_KEY='S$'|GEMINI_KEY=S$|DASHSCOPE_KEY=S$
modelscope_key: S$|SWANLAB_KEY=S$|wandb.key=S$|+wandb.key=S$|swanlab.key: S$|comet_key = 'S$'|AZURE_KEY=S$|OSS_KEY=S$
S3_KEY=S$|minio_key: S$|SLACK_KEY=S$|TAVILY_KEY=S$|SERPER_KEY=S$|PINECONE_KEY=S$|KAGGLE_KEY=S$|NGC_KEY=S$|ARK_KEY=S$
sk=S$|ak=S$|ak: S$, sk: S$|hmac_key=S$|license_key: S$|encoding_aes_key=S$|aes_key='W$'|master_key=W$|admin_key: W$
api_key=W$|api-key: W$|apikey=W$|X-Api-Key: W$|x-api-key=W$|"api_key": "W$"|{'api_key': 'W$'}|api_key => W$|API_KEY := W$
access_key=W$|access_key_secret: W$|secret_access_key = W$|AWS_SECRET_ACCESS_KEY=S$|private_key: W$|client_secret=W$
account_key=S$|AccountKey=S$==|app_secret: W$|app_key=S$|shared_access_key=W$|storage_account_key=S$|subscription-key: S$
password=W$|password: W$|passwd=W$|passphrase: W$|PASSWORD="W$"|db_password='W$'|pass='W$'|pw='W$'|pass=W$|pw=W$|pwd=W$
PGPASSWORD=W$|MYSQL_PWD=W$|REDIS_PASS=W$|DB_PASS: W$|smtp_pass=W$|user_pass: W$|creds=W$|credentials: W$|cred='W$'
credential=W$|auth=me:W$|proxy_auth='me:W$'|auth=('me', 'W$')|auth=("me", "W$")|auth = ['me', 'W$']|auth: ("me", "W$")
session_id=S$|sessionKey: S$|session_key=S$|JSESSIONID=S$|PHPSESSID=S$|sessionid=S$|session-id: S$
Cookie: sid=S$; theme=dark|'Cookie': 'sid=W$; a=b'|Set-Cookie: sid=W$; Path=/|"set-cookie": "sid=W$"|cookie=S$|Cookie=sid=W$;
client-key-data: S$S$==|token-data: S$|"auth": "bWU6aHVudGVyMmhvcnNl"|'auth': 'bWU6c2VjcmV0cGFzcw=='
machine example.com login me password W$|login me password W$|default login me password W$
{'name': 'DB_PASSWORD', 'value': 'W$'}|{"name": "API_KEY", "value": "W$"}|name: DB_PASSWORD, value: W$
- name: DB_PASSWORD\n  value: W$|- name: "HF_API_KEY"\n  value: "W$"|{'name': 'hf_access_token', 'value': 'W$'}
('password', 'W$')|("api_key", "W$")|[('user', 'me'), ('password', 'W$')]|('access_token', 'W$')|("client_secret", "W$")
api_keys=['W$']|api_keys: ["W$", "W$"]|passwords=['W$']|passwords: [W$, W$]|secrets: {'a': 'W$'}|secrets = {"db": "W$"}
credentials: {"user": "me", "x": "W$"}|access_tokens=['W$']|private_keys=["W$"]
<password>W$</password>|<ApiKey>W$</ApiKey>|<ns:password>W$</ns:password>|<db-password>W$</db-password>|<secret>W$</secret>
password -> W$|api_key -> W$|"password" -> "W$"|client_secret -> 'W$'|access_token -> W$
密码：W$|密码: W$|密钥：W$|令牌=W$|口令：W$|数据库密码是：W$
password:\n  W$|api_key:\n    W$|client_secret: >\n  W$|password = '''\nW$'''|access_token:\n  S$
Authorization: Bearer W$|Authorization: ApiKey W$|Authorization: Token W$|Authorization: Basic bWU6aHVudGVyMmhvcnNl
Authorization: Bot W$|'Authorization': 'Bearer W$'|"authorization": "Api-Key W$"|Authorization: SSWS W$|authorization=W$
Proxy-Authorization: Basic bWU6c2VjcmV0cGFzcw==|Authorization: GenieKey W$|sent Bearer S$|Basic bWU6aHVudGVyMmhvcnNl
AWS4-HMAC-SHA256 Credential=x, Signature=H$|https://b/x?q-signature=H$|https://s/x?X-Goog-Signature=H$&a=1
https://s/x?X-Amz-Signature=H$|https://o/x?OSSAccessKeyId=a&Signature=S$|https://x/?sig=S$|https://x/a?sign=S$&t=1
https://x/a?access_token=W$|https://x/?u=https%3A%2F%2Fo%2Fsend%3Faccess_token%3DS$|?next=a%3Ftoken%3DS$|key%3DS$
https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=U$|https://x.webhook.office.com/webhookb2/U$@U$/IncomingWebhook/S$
https://open.feishu.cn/open-apis/bot/v2/hook/U$|https://discord.com/api/webhooks/123/S$|https://hc-ping.com/U$
https://sctapi.ftqq.com/S$.send|https://api.telegram.org/bot11:S$/send|https://hooks.zapier.com/hooks/catch/1/S$
https://maker.ifttt.com/trigger/x/with/key/S$|https://hooks.slack.com/services/T0/B0/S$|https://api.day.app/S$/hi
postgresql://me:W$@db/x|redis://:W$@h:6379|mongodb+srv://me:W$@c/x|https://me:W$@git/x|https://S$@git/x|amqp://me:W$@h
api_key\n  Input should be an integer [type=int, input_value='W$', input_type=str]
password\n  String too short [type=x, input_value='W$', input_type=str]|db.client_secret\n  bad [input_value="W$"]
curl -u me:W$ https://x|curl --user me:W$ x|curl -x p --proxy-user me:W$|mysql -ppW$|sshpass -p W$ ssh h|mysql -u me -pW$
wandb login S$|wandb login --relogin S$|huggingface-cli login --token S$|swanlab login -k S$
--password W$|--api-key W$|--token W$|--wandb-key=W$|['--password', 'W$']|--hf_token=W$|--secret W$|--access-token=W$
hf_token: W$|HF_TOKEN=W$|token='W$'|"token": "W$"|github_token=W$|bot_token: W$|refresh_token=W$|id_token: S$|wandb_token=W$
webhook_url=https://x/W$|DING_URL=https://o/W$|webhook: https://W$/x|secret: W$|secret=W$|SECRET_KEY=W$|signing_key: W$
""".strip().replace("\n", "|").replace("\\n", "\n").split("|") if line]  # fmt: skip
LINES = [
    line
    for line in LINES
    if line.strip() and any(part in line for part in (SECRET, WEAK, "bWU6", uuid()[:8], made(64, HEX)))
]
HARMLESS = r"""
token=tokenizer.decode(x)|token = batch[0]|headers={"Authorization": auth_header}|secret: bool = False|def f(token: str) -> None:
sk-learn-contrib-0001-test-dataset|sk-estimator-random-forest-v2|SECONDS0123456789012345|Invalid token: foo_bar_12
shared_key: embed.weight|storage_key: model/ckpt-100.pt|https://x/a?code=ENOTFOUND|key_cache[layer_idx] = key_states
login(token=token, api_key=api_key)|self.password = password|password=getpass.getpass()|token = tokens[i]|key = batch.keys()
api_key=os.environ["OPENAI_API_KEY"]|client = OpenAI(api_key=settings.api_key)|auth = get_auth(request)|token=self.token
raise ValueError(f"unknown token {token}")|pad_token_id=0|eos_token="<|endoftext|>"|num_tokens=4096|tokens_per_second=1834.2
max_tokens: 512|n_tokens = 10|token_type_ids=None|all_tokens = [1, 2, 3]|special_tokens_map.json|tokenizer.json|keys=['a', 'b']
model.layers.11.self_attn.k_proj.weight|state_dict["lm_head.weight"]|KeyError: 'encoder.layer.0'|key: value|keys: 5
commit 3f9d2c1b8a7e6f5d4c3b2a190807060504030201|sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
run 8d7f6a2e-1b3c-4d5e-9f8a-7b6c5d4e3f2a|etag "33a64df551425fcc55e4d42a148795d9f25f89d4"|md5=d41d8cd98f00b204e9800998ecf8427e
meta-llama/Llama-3.1-8B-Instruct|Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4|checkpoint-18204/model-00001-of-00004.safetensors
epoch=2-step=18204.ckpt|events.out.tfevents.1700000000.node-07.2790.0|outputs/2026-11-24/03-12-09|wandb: Run data is saved locally
torch.Size([8, 4096, 32000])|loss: 0.539389 lr: 1e-05|grad_norm=1.234|RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB
NCCL_DEBUG=INFO|MASTER_ADDR=10.0.0.1|MASTER_PORT=29500|CUDA_VISIBLE_DEVICES=0,1|PATH=/usr/bin:/bin|LD_LIBRARY_PATH=/usr/lib
use_auth_token=True|use_auth_token: false|token: null|password: None|api_key: None|secret=None|auth=None|credentials=None
author: me|authority=x|authenticated=True|auth_required: true|authorize=yes|hidden_size: 4096|rope_theta: 500000.0
pass_rate=0.83|passed=12|forward pass 3 took 0.2 s|bypass: true|pass@1: 0.52|first_pass=1|--num_passes 2|encoder_pass: 3
monkey: 7|turkey=8|keyboard: us|keyword="x"|primary_key=id|foreign_key: user|sort_key=len|cache_key=abc|dict_key: x|key=lambda x: x
task-specific-adapter-layer-12345|hf_hub_download_with_retries(x)|hf_transfer|npm_config_registry|glc_layer|fw_version_2
image_token=<image>|image_token_id=151655|bos_token: <s>|mask_token=[MASK]|"unk_token": "<unk>"|sep_token='[SEP]'|cls_token
Unexpected token: hello|unexpected token ')' at 3|SyntaxError: invalid token|token_count: 12|next_token = logits.argmax(-1)
cookiecutter==2.1|cookies_enabled=False|session.commit()|session: 3|sessions=4|session = requests.Session()|with Session(engine) as s
secrets.token_hex(16)|import secrets|secret_santa|from secrets import choice|credentials_path=/home/me/cred.json|keyfile=/etc/x.key
https://huggingface.co/docs/x?page=2|https://host:8080/path?x=a@b|https://x/a?code=404|http://10.0.0.1:8000/v1/models|s3://bucket/key
Basic configuration of the model|Bearer of bad news|basic block 7|bearer token is missing|Digest: sha-256
name: experiment-17, value: 3|{'name': 'lr', 'value': 0.1}|<token>|<|im_start|>user|('loss', '0.25')|('key', 'value')
File "/home/me/train.py", line 21, in training_step|    loss = model(batch["input_ids"], labels=batch["labels"]).loss
    key, value = key.transpose(1, 2), value.transpose(1, 2)|    return self.k_proj(key), self.v_proj(value)
    token_ids = self.tokenizer.encode(text, add_special_tokens=False)|    password = getattr(args, "password", None)
    self.api_key = api_key or os.getenv("OPENAI_API_KEY")|    headers = {"Authorization": f"Bearer {token}"}
    def __init__(self, api_key: Optional[str] = None, token: str = "") -> None:|    auth=HTTPBasicAuth(user, password)
    secret = config["secret"]|    for key in state_dict: print(key)|    key: value for key, value in items|access_token=access_token,
signature mismatch: expected 3 arguments|signature(fn).parameters|sign=-1|sig=0.05|sigma=0.1|signal=SIGTERM|design=x
ms-swift-3.4.0|xai-explain|csk-model|r8_layer|sk_learn|gsk_data|pul-request|key-value store|SKU123|SCTP socket|pat.search(x)
tensor([[0.1234567890123456]])|0x7f3a2c1b0d00|<object at 0x7f3a2c1b0d00>|step 18204/50000 [1:02:03<2:03:04, 4.21it/s]|v1.0.0rc1
""".strip("\n").replace("\n", "|").replace("<|endoftext|>", "<eot>").replace("<|im_start|>", "<im>").split("|")  # fmt: skip


def hides(line: str) -> bool:
    """Whether nothing of the secret of `line` is shown."""
    secrets = (SECRET, WEAK, "bWU6aHVudGVyMmhvcnNl", "bWU6c2VjcmV0cGFzcw", uuid(), made(64, HEX))
    shown = scrub(line)
    return not any(secret in shown for secret in secrets)


@pytest.mark.parametrize("prefix", TOKENS)
def test_a_service_s_token_is_masked(prefix: str) -> None:
    """In a sentence, in quotes and in an address; what is around it stays."""
    token = prefix + TOKENS[prefix]
    for around in ("refused: {}, try again", "'{}'", "see url/{}/x"):
        shown = scrub(around.format(token))
        assert TOKENS[prefix][:12] not in shown
        assert re.fullmatch(
            re.escape(around).replace(r"\{\}", r".{0,60}\*\*\*.{0,10}").replace("/x", "(?:/x)?"), shown
        ), shown


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service[0])
def test_every_beginning_of_a_service_has_an_example(service: tuple[str, tuple[str, ...], str]) -> None:
    """A new line in the table comes with its tokens here."""
    assert [prefix for prefix in service[1] if not any(token.startswith(prefix) for token in TOKENS)] == []


def test_most_secrets_are_masked() -> None:
    """Of all lines, those of the services included, at least 87 in 100; of the halves, each."""
    lines = [*(prefix + rest for prefix, rest in TOKENS.items()), *LINES]
    shown = [
        *(p + r for p, r in TOKENS.items() if r[:12] in scrub(p + r)),
        *(line for line in LINES if not hides(line)),
    ]
    assert len(lines) >= 282
    assert len(shown) <= len(lines) * 0.13, shown


def test_few_harmless_lines_are_changed() -> None:
    """Of at least 143 lines of trainings fewer than 14 in 100."""
    changed = [(line, scrub(line)) for line in HARMLESS if scrub(line) != line]
    assert len(HARMLESS) >= 143
    assert len(changed) < len(HARMLESS) * 0.14, changed


def test_the_docs_say_how_many() -> None:
    """The table of docs/security.md, in both languages, is the one that ``python tests/credentials`` prints."""
    folder = Path(__file__).parent
    printed = subprocess.run([sys.executable, folder], capture_output=True, text=True, check=True).stdout
    numbers = re.findall(r"\| \d+ \| \d+ \|", printed)
    assert len(numbers) == 2
    for page in ("security.md", "security.zh.md"):
        text = (folder.parents[1] / "docs" / page).read_text("utf-8")
        assert re.findall(r"\| \d+ \| \d+ \|", text) == numbers


@pytest.mark.parametrize("line", HARMLESS[:12])
def test_what_was_named_harmless_stays(line: str) -> None:
    """Code in tracebacks, names of data sets and parameters, error codes."""
    assert scrub(line) == line


@pytest.mark.parametrize("line", LINES[::15])
def test_secrets_stay_out_of_a_message(line: str) -> None:
    """Through the front door: what an exception says, and its traceback."""
    recorded = RecordingNotifier()
    assert notify_exception(recorded, "step", ValueError(f"refused:\n{line}\n"), "corpus").status == "sent"
    assert not any(secret in recorded.messages[0] for secret in (SECRET, WEAK, uuid(), made(64, HEX)))


@pytest.mark.parametrize("text", ["api_key: |\n  {}\n", 'password = """\n{}\n"""', "db:\n  password: >-\n    {}"])
def test_a_value_on_the_next_line_is_masked(text: str) -> None:
    """As YAML and TOML have it."""
    assert scrub(text.format(WEAK)) == text.format("***")


def test_a_key_block_of_pgp_and_of_putty_is_masked() -> None:
    """All of it."""
    body = "\n".join([made(64)] * 4)
    pgp = f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{body}\n-----END PGP PRIVATE KEY BLOCK-----"
    assert scrub(f"see {pgp} there") == "see *** there"
    assert scrub(f"PuTTY-User-Key-File-3: x\nPrivate-Lines: 4\n{body}\nPrivate-MAC: 1").count(made(64)) == 0
