"""The operations room: how the providers are doing, and what the job queue holds, for administrators."""
