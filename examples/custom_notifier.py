"""A notifier of your own, here for ntfy, which shows messages on a phone. Copy the class into your code.

Start it::

    NTFY_URL=https://ntfy.sh/YOUR-TOPIC python examples/custom_notifier.py

What arrives, as an urgent message::

    line-fit failed: ValueError: the loss is not a number
    - At: custom_notifier.py:53 in train: `raise ValueError("the loss is not a number")`
"""

import requests

from twinkle_notifier import DeliveryError, Notifier, resolve, watch

_MOST = 4000  # bytes; ntfy makes an attachment of a message of more than 4096


class NtfyNotifier(Notifier):
    """Sends to a topic of ntfy. `url` is its address, or a reference to it: ``env:NTFY_URL``, ``file:PATH``."""

    service_name = "ntfy"  # in the log
    reference_fields = ("url",)  # of `to_dict`, which is written to checkpoints

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, message: str) -> None:
        server, _, topic = resolve(self.url).rpartition("/")
        title, _, text = message.removeprefix("### ").partition("\n")
        urgent = getattr(message, "level", "info") == "error"
        answer = requests.post(
            server,
            json={
                "topic": topic,
                "title": title,
                "message": text.encode()[:_MOST].decode(errors="ignore").strip() or title,
                "markdown": True,
                "priority": 5 if urgent else 3,
            },
            timeout=5,
        )
        if not answer.ok:  # what is raised is logged, and the message is kept and goes out later
            raise DeliveryError(f"ntfy refused it with HTTP {answer.status_code}: is the topic right?")

    def to_dict(self) -> dict[str, str]:
        return {"class": "NtfyNotifier", "url": self.url}


@watch(NtfyNotifier("env:NTFY_URL"), context="train", name="line-fit")
def train() -> None:
    raise ValueError("the loss is not a number")


if __name__ == "__main__":
    train()
