"""Yellow and red cards (电子监察): once per case and stage, when a deadline is near and when it has passed."""
