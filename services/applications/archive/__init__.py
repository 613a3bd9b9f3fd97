"""The personal archive (一人一档、一企一档) as far as forms are filled from it."""
