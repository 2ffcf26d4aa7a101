"""Orders as Shiptheory takes them."""

from mappings.destinations.shiptheory.request_bodies import body, return_body

__all__ = ["body", "return_body"]
