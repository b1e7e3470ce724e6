"""A local robot, as strict as DingTalk's, with a page that shows what arrived.

For tests, and to see messages without a chat group::

    with Inbox() as inbox:
        DingNotifier(inbox.url)("### hello")
        print(inbox.messages[0].text)

or ``python -m twinkle_notifier.inbox``.
"""

from twinkle_notifier.inbox.robot import Received
from twinkle_notifier.inbox.server import Inbox

__all__ = ["Inbox", "Received"]
