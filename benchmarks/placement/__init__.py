"""Whether maps whose cells were placed by measuring lie better on what they are about."""
