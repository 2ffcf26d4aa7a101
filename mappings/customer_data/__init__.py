"""What happened, in the vocabulary that customer-data receivers share: identify, alias, track."""

from mappings.customer_data.document_facts import fact_if_abandoned, facts
from mappings.customer_data.fact import Alias, Call, Fact, Identify, Track
from mappings.customer_data.ids import IdentityRules, Tenant

__all__ = ["Alias", "Call", "Fact", "Identify", "IdentityRules", "Tenant", "Track", "fact_if_abandoned", "facts"]
