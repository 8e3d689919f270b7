"""Texts of an error and of its causes, to look in them for secrets."""


def all_texts(error: BaseException | None) -> str:
    """Texts and reprs of an error and of all its causes."""
    texts = ""
    while error is not None:
        texts += f"{error} {error!r} "
        error = error.__cause__ or error.__context__
    return texts
