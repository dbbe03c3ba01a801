"""Learning: who is on which course, how far they are, their tests and what they have to show for it."""
