"""What we claim about speed, measured as ratios."""
