"""The rules: what each object is, what a request makes of it and what time makes of it, given a transaction's `now`."""
