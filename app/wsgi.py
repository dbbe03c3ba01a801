"""The shop for any WSGI server: `gunicorn app.wsgi:application`. Jobs run beside it: `python3 -m app worker`."""

import os

from app import factory, settings
from app.web import logs

# What this process writes is for its own user alone.
os.umask(0o077)
_settings = settings.from_environment()
logs.configure(_settings.log_format)
_app = factory.create_app(_settings)
factory.open_gateway(_app, _settings)
application = factory.with_sandbox(_app)
