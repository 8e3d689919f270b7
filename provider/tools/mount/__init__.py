"""`mount`: fetch the files of a class by hand, from a daemon or with own credentials."""
