"""What can be said of classes without asking AWS, for people and for their CI.

`read` turns files into classes under review, `rules` names everything that may be found, and the
other modules find it. Mistakes are the parser's own; what is added here works but hurts.
"""
