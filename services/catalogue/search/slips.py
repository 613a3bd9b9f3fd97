"""One slip of the finger: a character wrong, missing, too much, or two in the wrong order; pure.

Used when words enter the index and when a question is read: two words that are one slip apart share a variant, which
is the word itself or the word without one of its characters (symmetric deletion).
"""

from __future__ import annotations


def variants(word: str) -> frozenset[str]:
    """Return the word and what is left of it without one character."""
    return frozenset({word, *(word[:at] + word[at + 1 :] for at in range(len(word)) if len(word) > 2)})


def is_one_slip(said: str, meant: str) -> bool:
    """Tell whether at most one slip lies between two words."""
    if abs(len(said) - len(meant)) > 1:
        return False
    at = 0
    while at < min(len(said), len(meant)) and said[at] == meant[at]:
        at += 1
    left, right = said[at:], meant[at:]
    swapped = len(left) > 1 and len(right) > 1 and left[:2] == right[1::-1] and left[2:] == right[2:]
    return left[1:] == right[1:] or left[1:] == right or left == right[1:] or swapped
