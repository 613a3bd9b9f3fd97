"""A converter of PDF to OFD (GB/T 33190) over HTTP: the plainest profile, see docs/providers/seal.md."""
