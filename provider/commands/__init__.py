"""Commands other than `serve`, each in a module that is imported when it is asked for."""
