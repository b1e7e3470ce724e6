"""DingTalk's custom robots."""
