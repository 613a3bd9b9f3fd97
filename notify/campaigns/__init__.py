"""Mass pushes by staff (群发): a part of the notify room with files of its own."""
