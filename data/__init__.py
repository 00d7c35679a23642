"""Package data: the word lists (`words/`) and the weights of the built-in model (`nano/`)."""
