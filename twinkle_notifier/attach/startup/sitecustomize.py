"""Runs when a Python starts below `twinkle-notifier run`, whichever version it is: see `twinkle_notifier.attach`."""

import os
import sys

_folder = os.path.dirname(os.path.abspath(__file__))

try:
    if sys.version_info >= (3, 8) and os.environ.get("TWINKLE_NOTIFIER_SUPERVISOR"):
        if os.environ.get("TWINKLE_NOTIFIER_ATTACH", "").strip().lower() not in ("0", "false", "no", "off"):
            __import__("_twinkle_notifier_attach").begin()
except Exception:  # a Python that starts is never broken by us
    pass

# From here on as if this folder were not there. `site` gets what the user's own sitecustomize raises, also that there
# is none.
sys.path[:] = [path for path in sys.path if path != _folder]
sys.path_importer_cache.pop(_folder, None)
sys.modules.pop("sitecustomize", None)
__import__("sitecustomize")
