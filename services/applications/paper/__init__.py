"""Physical papers of a case: originals that come in by post, results that are fetched at a point or a locker."""
