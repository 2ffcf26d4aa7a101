"""The commands of the console script, one module for each purpose; `plugin.__main__` puts them together."""
