"""The fake upstream, the load client and the comparison runs behind `make bench`."""
