"""Licences (电子证照): issuing, showing, one-time presentation codes and their verification."""
