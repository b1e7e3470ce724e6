from twinkle_notifier import DingNotifier

notifier = DingNotifier("env:DING_URL", "env:DING_SECRET")
notifier("### Training Complete\n\n- Steps: 1000\n- Loss: 0.25\n\nSee [the curves](https://curves.example/run/7).")
