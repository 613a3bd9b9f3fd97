"""快递鸟 (KDNiao), an aggregator of couriers: orders for pick-up, tracks, subscriptions, track pushes."""
