"""Tokens of services, recognized by their fixed beginnings and the form of the rest.

From the services' own pages and from scanners for secrets. To add one: a line in `SERVICES`, and an example in the
tests.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

MASK: str = "***"
_LONGEST_NAME = 30  # letters in a row, after the beginning of a token, that may still be a name


def later(pattern: str, flags: int = 0) -> Callable[[], re.Pattern[str]]:
    """`pattern`, compiled when a text first needs it: most texts need few, and all of them take long to import."""
    return functools.cache(lambda: re.compile(pattern, flags))


_LETTERS = later(r"[A-Za-z]{18,}", re.ASCII)
_WORD, _WIDE, _HEX = r"[A-Za-z0-9]", r"[\w-]", r"[0-9a-fA-F]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

# Services, the beginnings of their tokens, and a pattern of the rest: those in which that is the same share a line. A
# match without a digit counts only if its letters are mixed as in no name.
SERVICES: list[tuple[str, tuple[str, ...], str]] = [
    ("OpenAI, Anthropic, OpenRouter, DeepSeek and others", ("sk-",), rf"{_WIDE}{{16,}}"),
    ("Hugging Face", ("hf_", "hf_oauth_", "hf_jwt_", "api_org_"), rf"{_WORD}{{16,}}"),
    ("GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), rf"{_WORD}{{16,}}"),
    ("GitHub, fine-grained", ("github_pat_",), r"\w{16,}"),
    ("GitLab", ("glpat-", "gldt-", "glft-", "glimt-", "gloas-", "glsoat-"), r"[\w.-]{16,}"),
    ("GitLab, more of them", ("glrt-", "glrtr-", "glcbt-", "glptt-", "glagent-", "glffct-"), r"[\w.-]{16,}"),
    ("Bitbucket, Atlassian", ("ATBB", "ATCTT3", "ATATT3"), r"[\w=-]{20,}"),
    ("AWS", ("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("Google API key, Yandex Cloud", ("AIza", "AQVN"), rf"{_WIDE}{{30,}}"),
    ("Google OAuth", ("ya29.", "GOCSPX-", "1//0"), rf"{_WIDE}{{20,}}"),
    ("Alibaba Cloud", ("LTAI",), rf"{_WORD}{{12,}}"),
    ("Tencent Cloud", ("AKID",), rf"{_WORD}{{13,}}"),
    ("Volcengine, Replicate, Jina, Groq", ("AKLT", "r8_", "jina_", "gsk_"), rf"{_WORD}{{20,}}"),
    ("Baidu Cloud", ("bce-v3/ALTAK-",), rf"{_WORD}{{10,}}/{_HEX}{{20,}}"),
    ("DingTalk, the signing secret", ("SEC",), r"[0-9a-f]{16,}(?![A-Za-z0-9])"),
    ("Slack", ("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "xoxe."), r"[A-Za-z0-9.-]{10,}"),
    ("ModelScope", ("ms-",), _UUID),
    ("Weights & Biases, NVIDIA, PyPI", ("wandb_v1_", "nvapi-", "pypi-AgEI"), rf"{_WIDE}{{20,}}"),
    ("Kaggle", ("KGAT_",), rf"{_HEX}{{20,}}"),
    ("Tavily, Tailscale", ("tvly-", "tskey-"), rf"{_WIDE}{{16,}}"),
    ("Fireworks, Together", ("fw_", "tgp_v1_"), rf"{_WIDE}{{22,}}"),
    ("RunPod", ("rpa_",), r"[A-Z0-9]{20,}"),
    ("ElevenLabs", ("sk_",), rf"{_HEX}{{32,}}"),
    ("LangSmith, Pinecone", ("lsv2_", "ls__", "pcsk_"), r"\w{20,}"),
    ("Databricks", ("dapi", "dkea", "dose"), rf"{_HEX}{{32}}(?:-\d)?(?![A-Za-z0-9])"),
    ("HashiCorp Vault, Docker Hub", ("hvs.", "hvb.", "hvr.", "dckr_pat_", "dckr_oat_"), rf"{_WIDE}{{20,}}"),
    ("xAI, Perplexity, Cerebras, npm", ("xai-", "pplx-", "csk-", "npm_"), rf"{_WORD}{{20,}}"),
    ("RubyGems, DigitalOcean, MailerSend", ("rubygems_", "dop_v1_", "doo_v1_", "dor_v1_", "mlsn."), rf"{_HEX}{{40,}}"),
    ("Stripe", ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"), rf"{_WORD}{{16,}}"),
    ("SendGrid", ("SG.",), rf"{_WIDE}{{16,}}\.{_WIDE}{{16,}}"),
    ("Brevo", ("xkeysib-", "xsmtpsib-"), r"[0-9a-f]{40,}(?:-\w+)?"),
    ("Mailgun, Twilio, Firecrawl", ("key-", "SK", "fc-"), r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Grafana", ("glsa_", "glc_"), r"[\w+/=]{20,}"),
    ("Figma, Supabase, Square", ("figd_", "figo_", "sbp_", "sb_secret_", "sq0atp-", "sq0csp-"), rf"{_WIDE}{{20,}}"),
    ("Notion, Linear, Anyscale", ("ntn_", "lin_api_", "esecret_"), rf"{_WORD}{{20,}}"),
    ("Shopify", ("shpat_", "shpca_", "shppa_", "shpss_"), rf"{_HEX}{{32}}"),
    ("Sentry", ("sntrys_", "sntryu_"), r"[\w=+/-]{20,}"),
    ("New Relic", ("NRAK-", "NRII-", "NRJS-"), r"[A-Za-z0-9]{16,}"),
    ("Postman", ("PMAK-",), rf"{_HEX}{{20,}}-{_HEX}{{20,}}"),
    ("PostHog, Prefect, Netlify", ("phx_", "phc_", "pnu_", "pnb_", "nfp_"), rf"{_WORD}{{30,}}"),
    ("Pulumi, SonarQube, E2B, Buildkite", ("pul-", "sqp_", "squ_", "sqa_", "e2b_", "bkua_"), rf"{_HEX}{{40}}"),
    ("Doppler", ("dp.pt.", "dp.st.", "dp.ct."), r"[\w.-]{30,}"),
    ("Dynatrace", ("dt0c01.", "dt0s01.", "dt0s16."), r"[A-Z0-9]{20,}\.[A-Z0-9]{40,}"),
    ("PlanetScale", ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w.=-]{20,}"),
    ("Sourcegraph", ("sgp_",), r"[0-9a-f_]{40,}"),
    ("Fly.io", ("fm2_", "fm1r_", "fm1a_", "fo1_"), r"[\w+/=]{40,}"),
    ("1Password, Heroku", ("ops_eyJ", "HRKU-AA"), rf"{_WIDE}{{40,}}"),
    ("age", ("AGE-SECRET-KEY-1",), r"[0-9A-Z]{20,}"),
    ("Neptune", ("eyJhcGlf",), r"[\w+/=-]{40,}"),
    ("JSON Web Token", ("eyJ",), r"[\w-]{8,512}\.[\w-]{8,}(?:\.[\w-]*)?"),  # with its payload and signature
    ("ServerChan", ("SCT", "sctp"), r"\d{1,8}[Tt][A-Za-z0-9]{16,}"),
    ("JFrog", ("AKCp", "cmVmd"), rf"{_WORD}{{55,}}"),
    ("Facebook, Clojars, ReadMe", ("EAAC", "EAAG", "EAAM", "CLOJARS_", "rdme_"), rf"{_WORD}{{60,}}"),
    ("Dropbox", ("sl.",), rf"{_WIDE}{{100,}}"),
    ("Notion, before 2024; Lambda Cloud", ("secret_",), rf"{_WORD}{{43}}(?![A-Za-z0-9])"),
    ("Frame.io", ("fio-u-",), rf"{_WIDE}{{60,}}"),
    ("Flutterwave", ("FLWSECK_TEST-", "FLWSECK-"), rf"{_WORD}{{32,}}(?:-X)?"),
    ("Vercel", ("vcp_", "vci_", "vca_", "vcr_", "vck_"), rf"{_WORD}{{24,}}"),
    ("Cloudflare, the origin's key", ("v1.0-",), r"[0-9a-f]{24,}-[0-9a-f]{120,}"),
    ("NuGet", ("oy2",), r"[a-z0-9]{43}(?![A-Za-z0-9])"),
    ("OpenShift, Voyage", ("sha256~", "pa-"), rf"{_WIDE}{{43}}(?![\w-])"),
    ("Typeform", ("tfp_",), r"[\w.=-]{40,}"),
    ("Infracost, Adobe", ("ico-", "p8e-"), rf"{_WORD}{{32}}(?![A-Za-z0-9])"),
    ("Octopus", ("API-",), r"[A-Z0-9]{26,}(?![A-Za-z0-9])"),
    ("LlamaCloud, Neon", ("llx-", "napi_"), rf"{_WORD}{{40,}}"),
    ("Coze", ("pat_",), rf"{_WORD}{{64}}(?![A-Za-z0-9])"),
]

# The longest first: hf_jwt_ before hf_.
_RESTS = sorted(((prefix, rest) for _, prefixes, rest in SERVICES for prefix in prefixes), key=lambda one: -len(one[0]))


@functools.cache
def _token(prefix: str, rest: str) -> re.Pattern[str]:
    """A token with this beginning, which comes first in the pattern, since `re` finds a literal much faster."""
    prefix = re.escape(prefix)
    return re.compile(f"{prefix}(?<![A-Za-z0-9]{prefix}){rest}")


# Tokens without a fixed beginning, of Telegram, Discord, MongoDB Atlas, Airtable, Zhipu, Mailchimp, Microsoft Entra and
# Firebase. Their parts are too long to be words of a name.
# Each with a quick test: a pattern that begins with a literal is found much faster than one that looks back.
_OTHERS = [
    (later(r":AA[\w-]{30}"), later(r"(?<![A-Za-z0-9])(?:bot)?\d{8,12}:AA[\w-]{30,}")),
    (later(r"\.[\w-]{6}\.[\w-]{25}"), later(r"(?<![\w.-])[MNO][A-Za-z0-9_-]{22,30}\.[\w-]{6}\.[\w-]{25,60}(?![\w.-])")),
    (later(r"\.atlasv1\."), later(r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}")),
    (later(r"pat[A-Za-z0-9]{14}\."), later(r"(?<![A-Za-z0-9])pat[A-Za-z0-9]{14}\.[0-9a-f]{64}(?![A-Za-z0-9])")),
    (
        later(r"\.[A-Za-z0-9]{16}(?![A-Za-z0-9])"),
        later(r"(?<![A-Za-z0-9])[0-9a-f]{32}\.(?=[a-z0-9]*[A-Z])(?=[A-Za-z]*\d)[A-Za-z0-9]{16}(?![A-Za-z0-9])"),
    ),
    (later(r"-us\d"), later(r"(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])")),
    (later(r"Q~[\w~.-]{31}"), later(r"(?<![\w~.])[\w~.]{3}\dQ~[\w~.-]{31,36}(?![\w~-])")),
    (later(r"AAAA[\w-]{7}:"), later(r"(?<![A-Za-z0-9])AAAA[\w-]{7}:[\w-]{100,180}")),
]
# A private key, also one that is cut off. PuTTY's format has its own heading.
_PEM = later(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:[^-]|-(?!----)){0,20000}-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:(?:\s|\\[nr])*[A-Za-z0-9+/=]{20,})*)"
)
_PUTTY = later(r"(Private-Lines:[ \t]{0,8}\d{1,4})((?:\s{1,4}[A-Za-z0-9+/=]{20,})+)")


def without_tokens(text: str) -> str:
    """`text` with each token and private key masked."""
    if "PRIVATE KEY" in text:
        text = _PEM().sub(MASK, text)
    if "Private-Lines:" in text:
        text = _PUTTY().sub(lambda found: f"{found[1]} {MASK}", text)
    for prefix, rest in _RESTS:
        if prefix in text:
            text = _token(prefix, rest).sub(_masked, text)
    for quick, pattern in _OTHERS:
        if quick().search(text):
            text = pattern().sub(lambda found: MASK if any(map(str.isdigit, found[0])) else found[0], text)
    return text


def _masked(found: re.Match[str]) -> str:
    token = found[0]
    if not any(map(str.isdigit, token)):
        return MASK if _is_scrambled(token) else token
    # Names of packages, data sets and layers may begin so, too: sk-learn-contrib-0001-test-dataset.
    return token if token.startswith("sk-") and not _has_random_part(token[3:]) else MASK


def _is_scrambled(text: str) -> bool:
    """Whether so many letters of `text` mix cases that they are no name, as in a Hugging Face token.

    In CamelCase about one letter in six is a capital.
    """
    return any(
        len(word) / 5 < sum(map(str.isupper, word)) < len(word) or (len(word) >= _LONGEST_NAME and not word.islower())
        for word in _LETTERS().findall(text)
    )


def _has_random_part(text: str) -> bool:
    """Whether a part between hyphens is long, and mixes letters and digits, as no word of a name does."""
    parts = re.split(r"[-_]", text)
    return any(len(part) >= 10 and re.search(r"\d", part) and re.search(r"[A-Za-z]", part) for part in parts)
