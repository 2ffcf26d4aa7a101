"""The one door for outgoing HTTP: what it promises is in docs/decisions/outgoing-http.md."""

from plugin.transport.call import InFlightCall
from plugin.transport.client import Client, Clients
from plugin.transport.login import Logins
from plugin.transport.single_call import ask

__all__ = ["Client", "Clients", "InFlightCall", "Logins", "ask"]
