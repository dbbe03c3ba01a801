"""A Stripe-shaped, stateful server, so that the whole shop runs and is tested without an account at Stripe."""
