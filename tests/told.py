"""What an error tells, to look for what it must not."""


def all_texts(error: BaseException | None) -> str:
    """Texts and reprs of an error and of everything it came of."""
    texts = ""
    while error is not None:
        texts += f"{error} {error!r} "
        error = error.__cause__ or error.__context__
    return texts
