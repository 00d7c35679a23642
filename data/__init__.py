"""Package data: word lists, Wordle trees (`trees/`) for them, and the built-in model (`nano/`)."""
