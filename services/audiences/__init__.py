"""The audiences room: which people a mass push means, from criteria or from an uploaded list.

Audiences are sets, so a statement here may read citizens, tags and cases (decision 17); it writes only its own tables.
"""
