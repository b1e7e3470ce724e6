"""An exception becomes one alert: looked at, agreed on by all ranks, sent or kept."""
