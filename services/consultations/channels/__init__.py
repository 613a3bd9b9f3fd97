"""How answers leave the house, one file a platform."""
