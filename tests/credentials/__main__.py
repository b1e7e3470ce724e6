"""``python tests/credentials``: how many lines of the tests' two corpora are masked. Prints the table of docs/security.md."""

from __future__ import annotations

import test_scrub_corpus as corpus
import test_scrub_unseen as unseen

from twinkle_notifier.credentials.scrubber import scrub


def main() -> None:
    tokens = [(prefix + rest, rest[:12]) for prefix, rest in corpus.TOKENS.items()]
    secrets = [
        *(start not in scrub(token) for token, start in tokens),
        *map(corpus.hides, corpus.LINES),
        *(not unseen.shown_of(line) for line in unseen.LINES),
    ]
    harmless = [*corpus.HARMLESS, *unseen.HARMLESS.split("\n")]
    print("| lines | all | masked |")
    print("|---|---|---|")
    print(f"| with a made-up secret | {len(secrets)} | {sum(secrets)} |")
    print(f"| harmless | {len(harmless)} | {sum(scrub(line) != line for line in harmless)} |")


if __name__ == "__main__":
    main()
