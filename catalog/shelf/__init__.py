"""The shelf: courses and guides as they are published."""
