"""Adapters of the licences room: the seal authority and the converter of formats."""
