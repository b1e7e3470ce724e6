"""An exception becomes one alert: described, agreed on by all ranks, sent or kept on the disk."""
