"""A plug-in of Axolotl's, which puts the model of a rank on the GPU of that number, whatever is there."""

from axolotl.integrations.base import BasePlugin


class Plugin(BasePlugin):
    """Puts it on the CPU."""

    def load_datasets(self, cfg, preprocess=False):
        """See `BasePlugin`. It is the first hook that gets the final configuration; it loads nothing."""
        cfg.device_map = {"": "cpu"}
