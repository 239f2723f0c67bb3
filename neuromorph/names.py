"""Names that people type: one line for an unknown one, with the nearest that is known."""

from difflib import get_close_matches


def check_name(what, name, known):
    """ValueError unless `name` is one of the `known` names; the complaint says what it names and suggests the nearest.

    what : str            the parameter, "model"
    name : str
    known : tuple of str
    Raises : ValueError
    """
    if isinstance(name, str) and name in known:
        return
    near = get_close_matches(name, known, n=1) if isinstance(name, str) else []
    remedy = f"Did you mean {near[0]!r}?" if near else "Choose one of these."
    raise ValueError(f"{what} must be one of {', '.join(known)}, got {name!r:.60}. {remedy}")
