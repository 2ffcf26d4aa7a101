"""The one door for outgoing HTTP: what it promises is in docs/decisions/outgoing-http.md.

`client.Clients` make the calls of lanes, `single_call.ask` every other one, and `login.Logins` hold the tokens of both.
None of them is handed on here, so that a command which makes no call loads no HTTP library.
"""
