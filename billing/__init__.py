"""What was bought, by whom, for how many, and who sits on it; this package knows no courses."""
