"""Drafts (草稿): begun, merged from several devices, moved to a newer version of the item, reminded of, forgotten."""
