"""When each unit was in which place."""
