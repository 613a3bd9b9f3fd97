"""Direct pushes (个别推送): staff tell one person something about a case. A part of the notify room."""
