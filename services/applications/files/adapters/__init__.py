"""Virus scanners, one file each."""
