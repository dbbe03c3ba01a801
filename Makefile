.PHONY: run test lock

run:
	python3 -m app

test:
	python3 -m app test

# The locks carry hashes and no address of a registry.
LOCK = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
lock:
	$(LOCK) -o requirements.lock
	$(LOCK) --extra test --extra production -o requirements-test.lock
