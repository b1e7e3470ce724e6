"""No step for too long: one alert with what each rank does, and one when the training has resumed."""
