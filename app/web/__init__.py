"""The web: pages and actions by area; no query, no rule and no call to a provider in here."""
