from twinkle_notifier import DingNotifier, watch


def walk(depth):
    if depth == 0:
        raise ValueError("the tree is broken: " + "a branch, " * 4000)
    return walk(depth - 1)


with watch(DingNotifier("env:DING_URL", "env:DING_SECRET"), "walk", "sft"):
    walk(200)
