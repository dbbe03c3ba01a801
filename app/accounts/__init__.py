"""The people and the organisations, under both what is bought and what is taught."""
