"""Areas: divisions with their chains, departments, service points with hours, and how far items reach (通办)."""
