"""Self-collection (自取): results that wait at a service point or in a locker until they are handed over."""
