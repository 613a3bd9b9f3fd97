"""Remedies (补救): what becomes of a result whose parcel was lost, spoilt or sent back."""
