"""Part *messages* of `make bench`: the cost of a message before and beside its tokens."""
