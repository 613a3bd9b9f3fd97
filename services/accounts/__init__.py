"""The accounts room: who a citizen is, in both mini-programs, and how they sign in."""
