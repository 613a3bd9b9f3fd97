"""The electronic seal authority (电子印章平台), in its own words. Adapters call it.

No authority publishes its interface, so this speaks OUR PROFILE of what they have in common; the whole of it stands in
docs/providers/seal.md. Only the digest of a document leaves the house; what comes back is a signed statement about it.
"""
