"""Another way for a result that is about to be delivered: courier, window or locker, until it was handed over."""
