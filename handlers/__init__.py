"""The doors: everything that speaks HTTP to people and machines. Handlers call services and nothing else."""
