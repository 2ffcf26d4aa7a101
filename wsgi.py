"""The application that a WSGI server serves, as `wsgi:app`."""

from plugin.app import create_app
from plugin.runtime.process_tuning import collect_rarely
from plugin.settings import Settings

app = create_app(Settings.from_env())
collect_rarely()
