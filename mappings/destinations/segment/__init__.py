"""What the receivers of Segment's wire format differ in."""

from mappings.destinations.segment.receivers import PRESETS, Receiver

__all__ = ["PRESETS", "Receiver"]
