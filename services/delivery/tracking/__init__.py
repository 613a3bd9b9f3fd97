"""What couriers tell about parcels: pushes, answers, the state that follows, and asking where they are silent."""
