"""What makes the models: the only room that imports torch."""
