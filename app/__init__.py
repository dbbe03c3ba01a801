"""The shop and the learning platform as the world meets it; importing this package runs nothing."""
