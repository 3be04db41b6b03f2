"""Units that move on roads and report as devices do, with the truth kept beside: the same seed
gives
the same bytes."""
